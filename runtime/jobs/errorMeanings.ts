import type { ErrorCode } from './errorCodes.ts';

/**
 * When each code of an ErrorResponse is given, and what the HTTPS data plane answers instead (Developer Guide, "Jobs device
 * MQTT API", ErrorCode; API model iot-jobs-data 2017-09-29). Apart from the codes: a device needs none of it.
 */
export const ERROR_MEANINGS: Record<ErrorCode, { when: string; httpStatus: number; httpType: string }> = {
  InvalidTopic: {
    when: 'the topic maps to no operation',
    httpStatus: 404,
    httpType: 'ResourceNotFoundException',
  },
  InvalidJson: {
    when: 'the payload is not a JSON object in UTF-8',
    httpStatus: 400,
    httpType: 'InvalidRequestException',
  },
  InvalidRequest: {
    when: 'a member is missing, of the wrong type or out of range',
    httpStatus: 400,
    httpType: 'InvalidRequestException',
  },
  InvalidStateTransition: {
    when: 'the status cannot follow the present one',
    httpStatus: 409,
    httpType: 'InvalidStateTransitionException',
  },
  ResourceNotFound: {
    when: 'there is no such execution for this thing',
    httpStatus: 404,
    httpType: 'ResourceNotFoundException',
  },
  VersionMismatch: {
    when: 'expectedVersion is not the versionNumber',
    httpStatus: 409,
    httpType: 'InvalidStateTransitionException',
  },
  InternalError: {
    when: 'the service failed',
    httpStatus: 503,
    httpType: 'ServiceUnavailableException',
  },
  RequestThrottled: { when: 'too many requests', httpStatus: 429, httpType: 'ThrottlingException' },
  TerminalStateReached: {
    when: 'a terminal execution was described',
    httpStatus: 410,
    httpType: 'TerminalStateException',
  },
};
