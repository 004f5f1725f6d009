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
/** Events of jobs and executions that are read and published together. */
export const EVENTS_BATCH_MAX = 64;
/** Before events that could not be published are tried again, milliseconds. */
export const EVENTS_RETRY_MILLIS = 5_000;
/** How long the writer of a notification has to send it before a sweep takes over, milliseconds. */
export const NOTIFY_BUSY_MILLIS = 5_000;
/** Notifications left behind that one sweep takes over. */
export const SWEEP_MAX = 10_000;
/** Where several processes share a store: how often each looks for what another has left behind, milliseconds. */
export const LOOK_EVERY_MILLIS = 1_000;
/** Before work that another process has taken is looked at again, milliseconds. */
export const TAKEN_AGAIN_MILLIS = 20;
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
/** How near a startTime or endTime may be, and one to the other, milliseconds: 30 minutes (control-plane §7). */
export const SCHEDULE_AHEAD_MIN_MILLIS = 30 * 60_000;
/** How far ahead a startTime may be, milliseconds: a year. */
export const SCHEDULE_START_MAX_MILLIS = 366 * 86_400_000;
/** How far ahead an endTime may be, milliseconds: two years. */
export const SCHEDULE_END_MAX_MILLIS = 2 * SCHEDULE_START_MAX_MILLIS;
/** Starts of maintenance windows that DescribeJob shows (API model, scheduledJobRollouts). */
export const SCHEDULED_ROLLOUTS_SHOWN = 7;
/** How far ahead the next time of a cron expression is looked for, years: 29 February may be 8 away, and on a Monday 40. */
export const CRON_YEARS_AHEAD = 40;
/** Executions in a pending list or in `notify` where one of them is of a scheduled job (data-plane §6.1). */
export const SCHEDULED_PENDING_LIST_MAX = 15;
/** How long jobs and executions are kept after they ended, milliseconds: two years (Developer Guide, "Job limits"). */
export const RETENTION_MILLIS = 730 * 86_400_000;
/** How often what goes on is looked through for executions that ended that long ago, milliseconds: once a day. */
export const RETENTION_EVERY_MILLIS = 86_400_000;
/** Placeholders in one document (Developer Guide, "Job limits"). */
export const SUBSTITUTIONS_MAX = 10;
/** Uses of one variable in the key of an upload (Developer Guide, "Managing jobs"). */
export const UPLOAD_VARIABLE_USES_MAX = 2;
/** How long a signed URL is good for where presignedUrlConfig does not say, seconds (API model). */
export const PRESIGN_SECONDS = 3_600;
/** Things that one transaction tells that a window has opened. */
export const REVEAL_CHUNK_MAX = 1_000;
