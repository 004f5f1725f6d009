/** Every bound of the Jobs protocol, with its unit. Source: AWS IoT Core Developer Guide, "Job limits", and the API model. */

/** Longest `thingName`, characters (API model, ThingName). */
export const THING_NAME_CHARS_MAX = 128;
/** Longest `jobId`, characters (API model, JobId). */
export const JOB_ID_CHARS_MAX = 64;
/** Longest `clientToken`, characters. Our choice: no public source states AWS's. */
export const CLIENT_TOKEN_CHARS_MAX = 64;
/** Most pairs in `statusDetails` (API model, DetailsMap). */
export const STATUS_DETAILS_PAIRS_MAX = 10;
/** Longest key in `statusDetails`, characters (API model, DetailsKey). */
export const STATUS_DETAILS_KEY_CHARS_MAX = 128;
/** Longest value in `statusDetails`, characters (API model, DetailsValue). */
export const STATUS_DETAILS_VALUE_CHARS_MAX = 1024;
/** Longest step timer, minutes: seven days (API model, StepTimeoutInMinutes). */
export const STEP_TIMEOUT_MINUTES_MAX = 10_080;
/** Largest job document as created, bytes of UTF-8 (API model, JobDocument). */
export const JOB_DOCUMENT_BYTES_MAX = 32_768;
/** Most executions in a pending list or in `notify` (Developer Guide, "Job limits"). */
export const PENDING_LIST_MAX = 10;
/** Largest payload of a message in either direction, bytes (Developer Guide, "AWS IoT Core message broker limits"). */
export const PAYLOAD_BYTES_MAX = 131_072;
