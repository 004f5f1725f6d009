/** The errors of the control plane and their status (API model; a data plane's ThrottlingException is 429 instead). */
export const ERROR_TYPES = {
  InvalidRequestException: 400,
  ThrottlingException: 400,
  UnauthorizedException: 401,
  ResourceNotFoundException: 404,
  ResourceAlreadyExistsException: 409,
  ConflictException: 409,
  DeleteConflictException: 409,
  VersionConflictException: 409,
  VersionsLimitExceededException: 409,
  ConflictingResourceUpdateException: 409,
  InvalidStateTransitionException: 409,
  CertificateStateException: 406,
  LimitExceededException: 410,
  InternalFailureException: 500,
  InternalServerException: 500,
  ServiceUnavailableException: 503,
} as const;

export type ErrorType = keyof typeof ERROR_TYPES;
