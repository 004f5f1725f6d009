import { createHash } from 'node:crypto';

/** What CreateKeysAndCertificate gives, beside the ARN. */
export interface DeviceCertificate {
  /** See certificateIdOf. */
  certificateId: string;
  certificatePem: string;
  /** PEM: SubjectPublicKeyInfo, and PKCS #8, which is kept nowhere. */
  keyPair: { PublicKey: string; PrivateKey: string };
}

/** SHA-256 of a certificate (DER), 64 hexadecimal digits in lower case: the name that a certificate has in the registry. */
export function certificateIdOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}
