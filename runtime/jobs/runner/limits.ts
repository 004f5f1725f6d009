/** How long the runner waits for what (milliseconds), and how often it tries. */

/** For the answer to a request before it is sent again; doubled each time. AWS's own device client: 10 s. */
export const ANSWER_MILLIS_MIN = 10_000;
/** The longest wait between two sendings of one request. */
export const ANSWER_MILLIS_MAX = 320_000;
/** The first pause after a refusal that may pass; doubled with each setback, half of it by chance. */
export const SETBACK_MILLIS_MIN = 1_000;
export const SETBACK_MILLIS_MAX = 300_000;
/** From SIGTERM to SIGKILL: a cancelled job is gone within a second. */
export const KILL_GRACE_MILLIS = 700;
/** How long an agent that was asked to end waits for the step that runs, or for the answer to a last report. */
export const STOP_GRACE_MILLIS = 10_000;
/** Most pairs that handlers show in a job's details: beside `step`, `progress`, `reason`, `stdout`, `stderr` and `onFailure` there is room for 4. */
export const DETAILS_OF_HANDLERS_MAX = 4;
