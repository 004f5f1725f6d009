import { ModelledError } from '../modelledError.ts';
import { ERROR_TYPES, type ErrorType } from './errorTypes.ts';

/** An error of the API model with the status that it has there. */
export function refusal(type: ErrorType, message: string, members?: Record<string, unknown>): ModelledError {
  return new ModelledError(type, ERROR_TYPES[type], message, members);
}

/** What was found, what was expected. */
export function invalidRequest(message: string): ModelledError {
  return refusal('InvalidRequestException', message);
}

export function notFound(message: string): ModelledError {
  return refusal('ResourceNotFoundException', message);
}
