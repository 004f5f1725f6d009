/** Every bound of fleet provisioning. */

/** How long a certificateOwnershipToken is good, and a certificate waits for its thing (Developer Guide, "CreateCertificateFromCsr"). */
export const TOKEN_MILLIS = 3_600_000;
/** Random bytes of a token. */
export const TOKEN_BYTES = 32;
/** How long a claim of CreateProvisioningClaim is good. */
export const CLAIM_MILLIS = 300_000;
/** Certificates that wait for a thing at the same time: one who has a claim could fill the store with them. */
export const PENDING_MAX = 10_000;
/** Requests that are worked on at the same time; more are throttled. */
export const REQUESTS_MAX = 100;
/** Versions of one template (AWS IoT Core quotas, "Fleet provisioning template versions"; not verified). */
export const VERSIONS_MAX = 5;
/** Templates of the account. */
export const TEMPLATES_MAX = 256;
/** Parameters of one template and of one request, and characters of a value. */
export const PARAMETERS_MAX = 64;
export const PARAMETER_CHARS_MAX = 2_048;
/** Functions inside of functions. */
export const NESTING_MAX = 10;
/** How often what nobody wanted in time is removed. */
export const SWEEP_EVERY_MILLIS = 600_000;
