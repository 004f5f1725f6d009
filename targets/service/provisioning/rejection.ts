/**
 * Why a request of fleet provisioning is rejected, as it travels: `{statusCode, errorCode, errorMessage}`. Those members are
 * AWS's (Developer Guide, "Device provisioning MQTT API"); of the words only InvalidCertificateOwnershipToken was seen there,
 * the others are our own: InvalidPayload, InvalidCertificateSigningRequest, InvalidParameters, AccessDenied, ResourceNotFound,
 * Throttled, InternalFailure.
 */
export class Rejection extends Error {
  constructor(
    readonly statusCode: number,
    readonly errorCode: string,
    message: string,
  ) {
    super(message);
  }
}
