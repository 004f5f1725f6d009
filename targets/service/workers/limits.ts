/** Every bound of what workers tell one another, with its unit. */

/** How often a worker looks for what others told, milliseconds. */
export const HEAR_EVERY_MILLIS = 100;
/** What is heard at once; more follows at once. */
export const HEARD_MAX = 100;
/** A number may be given this long before it is seen, milliseconds: an insertion alone in its transaction. */
export const UNSEEN_MILLIS = 10_000;
/** How often a worker says that it is there, milliseconds. */
export const SEEN_EVERY_MILLIS = 5_000;
/** A worker that was not seen for so long is gone, and nobody needs any more what was told so long ago, milliseconds. */
export const GONE_AFTER_MILLIS = 60_000;
/** Messages that wait to be told together; more are told with the next batch. */
export const TOLD_TOGETHER_MAX = 256;
