import { ModelledError } from '../modelledError.ts';

/** 400: what was found, what was expected. */
export function invalidRequest(message: string): ModelledError {
  return new ModelledError('InvalidRequestException', 400, message);
}

/** 404 */
export function notFound(message: string): ModelledError {
  return new ModelledError('ResourceNotFoundException', 404, message);
}
