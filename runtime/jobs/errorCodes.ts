/**
 * The nine codes of an ErrorResponse, each with when it is given, whether asking again later can help, and what the HTTPS
 * data plane answers instead (Developer Guide, "Jobs device MQTT API", ErrorCode; API model iot-jobs-data 2017-09-29).
 */
export const ERROR_CODES = {
  InvalidTopic: {
    when: 'the topic maps to no operation',
    retryable: false,
    httpStatus: 404,
    httpType: 'ResourceNotFoundException',
  },
  InvalidJson: {
    when: 'the payload is not a JSON object in UTF-8',
    retryable: false,
    httpStatus: 400,
    httpType: 'InvalidRequestException',
  },
  InvalidRequest: {
    when: 'a member is missing, of the wrong type or out of range',
    retryable: false,
    httpStatus: 400,
    httpType: 'InvalidRequestException',
  },
  InvalidStateTransition: {
    when: 'the status cannot follow the present one',
    retryable: false,
    httpStatus: 409,
    httpType: 'InvalidStateTransitionException',
  },
  ResourceNotFound: {
    when: 'there is no such execution for this thing',
    retryable: false,
    httpStatus: 404,
    httpType: 'ResourceNotFoundException',
  },
  VersionMismatch: {
    when: 'expectedVersion is not the versionNumber',
    retryable: false,
    httpStatus: 409,
    httpType: 'InvalidStateTransitionException',
  },
  InternalError: {
    when: 'the service failed',
    retryable: true,
    httpStatus: 503,
    httpType: 'ServiceUnavailableException',
  },
  RequestThrottled: { when: 'too many requests', retryable: true, httpStatus: 429, httpType: 'ThrottlingException' },
  TerminalStateReached: {
    when: 'a terminal execution was described',
    retryable: false,
    httpStatus: 410,
    httpType: 'TerminalStateException',
  },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** True for one of the nine codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** A refusal that the protocol foresees: what goes into an ErrorResponse beside timestamp and clientToken. */
export interface Refusal {
  code: ErrorCode;
  /** One sentence: what was found, what was expected. */
  message: string;
}
