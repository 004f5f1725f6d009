import type { ErrorResponse } from '../../../runtime/jobs/answers.ts';
import { ERROR_MEANINGS } from '../../../runtime/jobs/errorMeanings.ts';
import { ModelledError } from '../modelledError.ts';
import { DATA_ERROR_TYPES, type DataErrorType } from './operations.ts';

/** An error of the data plane's model with the status that it has there. */
export function dataRefusal(type: DataErrorType, message: string): ModelledError {
  return new ModelledError(type, DATA_ERROR_TYPES[type], message);
}

/** The answer to who may not act for a thing: not modelled, as what is decided before an operation never is (data plane §8.3). */
export function forbidden(message: string): ModelledError {
  return new ModelledError('ForbiddenException', 403, message);
}

/**
 * What a rejected answer of the Jobs service is over HTTPS (data plane §9). A version that differs has no error of its own in
 * the model: it comes as InvalidStateTransitionException, with the code that tells it apart in the body.
 */
export function refusalOf({
  code,
  message,
  executionState,
}: Pick<ErrorResponse, 'code' | 'message' | 'executionState'>): ModelledError {
  const { httpType, httpStatus } = ERROR_MEANINGS[code];
  return new ModelledError(httpType, httpStatus, message, {
    ...(code === 'VersionMismatch' ? { code } : {}),
    ...(executionState === undefined ? {} : { executionState }),
  });
}
