/** The codes of an ErrorResponse after which asking again later can help (Developer Guide, "Jobs device MQTT API", ErrorCode). */
const RETRYABLE = ['InternalError', 'RequestThrottled'] as const;

/** All nine, the others being final. What each means, and its HTTPS counterpart: errorMeanings.ts */
const ERROR_CODES = [
  ...RETRYABLE,
  'InvalidTopic',
  'InvalidJson',
  'InvalidRequest',
  'InvalidStateTransition',
  'ResourceNotFound',
  'VersionMismatch',
  'TerminalStateReached',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** True when asking again later can help. */
export function isRetryable(code: ErrorCode): boolean {
  return (RETRYABLE as readonly string[]).includes(code);
}

/** A refusal that the protocol foresees: what goes into an ErrorResponse beside timestamp and clientToken. */
export interface Refusal {
  code: ErrorCode;
  /** One sentence: what was found, what was expected. */
  message: string;
}
