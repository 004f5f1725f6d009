import 'reflect-metadata'; // before @peculiar/x509, which does not load without it
import { createPublicKey, KeyObject, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** What a certificate of ours is for. */
export type Purpose = { ca: true } | { serverNames: readonly string[] } | { device: true };

export interface CertificateRequest {
  purpose: Purpose;
  commonName: string;
  notBeforeMillis: number;
  notAfterMillis: number;
  /** The CA that signs: its certificate (PEM) and P-256 key. Without one the new key signs its own certificate, as a CA's does. */
  issuer?: { pem: string; privateKey: KeyObject };
}

/** A new key and the certificate for it. */
export interface Certified {
  /** PEM, each ended by a newline: PKCS #8, SubjectPublicKeyInfo and the certificate. */
  privateKeyPem: string;
  publicKeyPem: string;
  certificatePem: string;
  /** The certificate in DER. */
  der: Uint8Array;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' };
const NOT_A_CA = new x509.BasicConstraintsExtension(false, undefined, true);
const SIGNS_HANDSHAKES = new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true);

/**
 * Makes a P-256 key and a certificate for it, signed with ECDSA and SHA-256, under a random serial number (RFC 5280).
 *
 * Imported only when a certificate is made (see identity.ts): loading the library takes longer than opening the store.
 */
export async function makeCertificate(request: CertificateRequest): Promise<Certified> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
  const subject = `CN=${request.commonName}`;
  const issuer = request.issuer && new x509.X509Certificate(request.issuer.pem);
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer?.subjectName ?? subject,
    notBefore: new Date(request.notBeforeMillis),
    notAfter: new Date(request.notAfterMillis),
    publicKey: keys.publicKey,
    signingKey: request.issuer === undefined ? keys.privateKey : await signingKey(request.issuer.privateKey),
    extensions: [
      ...extensions(request.purpose),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...authorityKeyIdentifier(issuer),
    ],
  });
  return {
    privateKeyPem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: KeyObject.from(keys.publicKey).export({ type: 'spki', format: 'pem' }).toString(),
    certificatePem: `${certificate.toString('pem')}\n`,
    der: new Uint8Array(certificate.rawData),
  };
}

/** What somebody who keeps its key asks to be certified. */
export interface KeptKeyRequest extends Omit<CertificateRequest, 'commonName'> {
  /** Certificate signing request, PKCS #10 (RFC 2986) in PEM. */
  csrPem: string;
  /** The subject where the request has none. */
  commonName: string;
  issuer: NonNullable<CertificateRequest['issuer']>;
}

/**
 * Makes a certificate for the key in a signing request, under its subject; nothing else of the request is taken over.
 *
 * @returns the certificate, or one sentence that says why there is none
 */
export async function certifyRequest(
  request: KeptKeyRequest,
): Promise<Pick<Certified, 'certificatePem' | 'der'> | string> {
  const csr = await readCsr(request.csrPem);
  if (typeof csr === 'string') return csr;
  const issuer = new x509.X509Certificate(request.issuer.pem);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: csr.subject === '' ? `CN=${request.commonName}` : csr.subjectName,
    issuer: issuer.subjectName,
    notBefore: new Date(request.notBeforeMillis),
    notAfter: new Date(request.notAfterMillis),
    publicKey: csr.publicKey,
    signingKey: await signingKey(request.issuer.privateKey),
    extensions: [
      ...extensions(request.purpose),
      await x509.SubjectKeyIdentifierExtension.create(csr.publicKey),
      ...authorityKeyIdentifier(issuer),
    ],
  });
  return { certificatePem: `${certificate.toString('pem')}\n`, der: new Uint8Array(certificate.rawData) };
}

/** Shortest RSA key that is certified, bits (API Reference, CreateCertificateFromCsr). */
const RSA_BITS_MIN = 2048;
/** Curves that are certified, as Node names P-256 and P-384. */
const CURVES = ['prime256v1', 'secp384r1'];

async function readCsr(pem: string): Promise<x509.Pkcs10CertificateRequest | string> {
  let csr: x509.Pkcs10CertificateRequest;
  let key: KeyObject;
  try {
    csr = new x509.Pkcs10CertificateRequest(pem);
    key = createPublicKey({ key: Buffer.from(csr.publicKey.rawData), format: 'der', type: 'spki' });
  } catch {
    return 'it is not a certificate signing request (PKCS #10) in PEM';
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const isServed = key.asymmetricKeyType === 'rsa' ? modulusLength >= RSA_BITS_MIN : CURVES.includes(namedCurve);
  if (!isServed)
    return `its key is ${[key.asymmetricKeyType, namedCurve || modulusLength || ''].join(' ').trim()}: expected RSA of ${RSA_BITS_MIN} bits or more, P-256 or P-384`;
  // Whoever cannot sign with the key must not get a certificate for it.
  const isSigned = await csr.verify().catch(() => false);
  return isSigned ? csr : 'its signature was not made with its key';
}

function signingKey(privateKey: KeyObject): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), P256, false, [
    'sign',
  ]);
}

function extensions(purpose: Purpose): x509.Extension[] {
  if ('ca' in purpose)
    return [
      new x509.BasicConstraintsExtension(true, 0, true), // no other CA below it
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ];
  const shared = [NOT_A_CA, SIGNS_HANDSHAKES];
  if ('device' in purpose) return [...shared, new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])];
  return [
    ...shared,
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(
      purpose.serverNames.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
    ),
  ];
}

/** As the issuer's certificate spells it, not computed again: CAs differ in how they make it (RFC 5280 §4.2.1.1). */
function authorityKeyIdentifier(issuer: x509.X509Certificate | undefined): x509.Extension[] {
  const identifier = issuer?.getExtension(x509.SubjectKeyIdentifierExtension);
  return identifier ? [new x509.AuthorityKeyIdentifierExtension(identifier.keyId)] : [];
}
