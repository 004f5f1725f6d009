/** Every bound of the faults, with its unit. */

/** Rules at the same time. */
export const rulesMax = 100;
/** Size of the JSON that holds them, characters. */
export const rulesCharsMax = 65_536;
/** Names and patterns of things that one rule lists. */
export const thingsPerRuleMax = 100;
/** Longest name of a rule, characters. */
export const ruleNameCharsMax = 64;
/** Longest delay, milliseconds. */
export const delayMillisMax = 600_000;
/** Messages that are held back over MQTT at the same time; one more goes out at once. */
export const heldMessagesMax = 10_000;
/** Bytes of their payloads together. */
export const heldBytesMax = 64 * 1_048_576;
/** Packets of one connection that wait while it is held up; with one more the wait is over. */
export const pausedPacketsMax = 1_000;
/** Bytes of those packets. */
export const pausedBytesMax = 1_048_576;
/** Before a connection is closed whose CONNECT, or whose request over HTTPS, is never answered, milliseconds. */
export const silenceMillisMax = 300_000;
/** Most of an answer that may be let through before the cut, bytes. */
export const cutBytesMax = 1_048_576;
