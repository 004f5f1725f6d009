/** Every bound of the service's Jobs rooms, with its unit. */

/** Requests decided and written in one transaction, at most one a thing: more gained nothing when measured. */
export const BATCH_REQUESTS_MAX = 64;
/** Requests that wait for a batch; one more is answered RequestThrottled. */
export const WAITING_REQUESTS_MAX = 10_000;
/** How often a request that lost to another worker is read and decided again. */
export const CAS_RETRIES_MAX = 3;
/** Executions that one roll-out transaction creates: about 10 ms in which requests wait. */
export const ROLLOUT_CHUNK_MAX = 1_000;
/** Executions that one transaction cancels, deletes or times out. */
export const CHANGE_CHUNK_MAX = 500;
/** Transactions of one kind that a tick does before it lets its owner breathe. */
export const TICK_ROUNDS_MAX = 32;
/** How long counters may lag behind in the log of deltas before a tick folds them and looks whether the job is complete, milliseconds. */
export const FOLD_AFTER_MILLIS = 100;
/** Things whose notifications are read and sent together. */
export const NOTIFY_BATCH_MAX = 64;
/** How long the writer of a notification has to send it before a sweep takes over, milliseconds. */
export const NOTIFY_BUSY_MILLIS = 5_000;
/** Notifications left behind that one sweep takes over. */
export const SWEEP_MAX = 10_000;
/** Executions created a minute where the job does not say (Developer Guide, "Job limits"). */
export const ROLLOUT_PER_MINUTE = 1_000;
/** Targets of one job (Developer Guide, "Job limits"). */
export const TARGETS_MAX = 100;
/** Jobs in DELETION_IN_PROGRESS at the same time (API model, DeleteJob). */
export const DELETIONS_MAX = 10;
/** Rows of a listing where maxResults is not given; also the most it may be (API model, LaserMaxResults). */
export const PAGE_MAX = 250;
/** Retries of one thing in one job, over all kinds of failure (Developer Guide, "Job limits"). */
export const RETRIES_MAX = 10;
