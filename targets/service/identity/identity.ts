import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import type { CertificateRequest, Certified } from './certificate.ts';
import { certificateIdOf, type DeviceCertificate } from './deviceCertificate.ts';
import { readPrivateFile, writeAtomically } from './privateFile.ts';

/** Who the service is, and the authority for who its devices are. */
export interface Identity {
  /** The CA's certificate, which devices and operators trust: PEM and the absolute path of the file (mode 0644) that holds it. */
  caPem: string;
  caFile: string;
  /** PEM texts for both listeners. */
  server: ServerCertificate;
  /** Another for the listeners when the present one ends within 30 days; undefined: it does not. */
  renewServer(): Promise<ServerCertificate | undefined>;
  /** Makes a P-256 key pair and a certificate for it, valid ten years, for clients only. Nothing of it is kept here. */
  issueCertificate(): Promise<DeviceCertificate>;
  /**
   * The same for a key that stays where it is.
   *
   * @param csrPem  certificate signing request (PKCS #10)
   * @returns       the certificate, or one sentence that says why there is none
   */
  certifyRequest(csrPem: string): Promise<Omit<DeviceCertificate, 'keyPair'> | string>;
}

export interface ServerCertificate {
  key: string;
  cert: string;
}

export interface IdentityOptions {
  /** The service's data folder; made (mode 0700) if it is not there. */
  folder: string;
  nowMillis(): number;
  /** Further names and addresses that clients reach this machine by, beside localhost and the host's own name. */
  names?: readonly string[];
  hostName?: string;
}

const DAY_MILLIS = 24 * 3600_000;
/** How long the CA and what it signs for devices is valid. */
const DECADE_MILLIS = 3652 * DAY_MILLIS;
/** How long a server certificate is valid; some clients refuse one for longer. */
const SERVER_MILLIS = 825 * DAY_MILLIS;
/** A server certificate that ends within this time is renewed. */
const RENEW_BEFORE_MILLIS = 30 * DAY_MILLIS;
/** Certificates begin this much earlier: the clock of a board is often behind. */
const CLOCK_SLACK_MILLIS = DAY_MILLIS;

/**
 * Opens the identity kept in a data folder, and makes what is missing:
 *
 *   DIR/ca.pem                 the CA's certificate, for everybody
 *   DIR/identity/ca.pem        the CA's private key and certificate     one file each, so that a key
 *   DIR/identity/server.pem    the server's private key and certificate   and its certificate cannot differ after a crash
 *
 * The server's certificate is renewed by the same CA when it ends within 30 days or does not carry every name.
 *
 * @throws Error, one sentence: a key is open to others, the CA is lost, damaged or has expired
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { nowMillis } = options;
  const folder = path.resolve(options.folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const privateFolder = path.join(folder, 'identity');
  mkdirSync(privateFolder, { recursive: true, mode: 0o700 });
  chmodSync(privateFolder, 0o700);

  const ca = await openCa(privateFolder, nowMillis());
  const caFile = path.join(folder, 'ca.pem');
  if (!existsSync(caFile) || readFileSync(caFile, 'utf8') !== ca.pem) writeAtomically(caFile, ca.pem, 0o644);
  const names = ['localhost', '127.0.0.1', '::1', options.hostName ?? hostname(), ...(options.names ?? [])];
  const serverNames = [...new Set(names.filter(isHostNameOrAddress))];
  const server = await openServer(privateFolder, ca, serverNames, nowMillis());
  let present = server;
  return {
    caPem: ca.pem,
    caFile,
    server,
    async renewServer() {
      const next = await openServer(privateFolder, ca, serverNames, nowMillis());
      if (next.cert === present.cert) return undefined;
      present = next;
      return next;
    },
    issueCertificate: () => issueDeviceCertificate(ca, nowMillis()),
    certifyRequest: (csrPem) => certifyDevice(ca, csrPem, nowMillis()),
  };
}

interface Ca {
  privateKey: KeyObject;
  pem: string;
  certificate: X509Certificate;
}

async function openCa(privateFolder: string, nowMillis: number): Promise<Ca> {
  const file = path.join(privateFolder, 'ca.pem');
  const text = readPrivateFile(file) ?? (await makeCa(privateFolder, file, nowMillis));
  const { certificate, cert: pem, key: privateKey } = readPair(file, text);
  if (!certificate.ca || !certificate.checkPrivateKey(privateKey))
    throw new Error(`${file} does not hold a CA's certificate and the key that belongs to it: restore it from a copy`);
  if (Date.parse(certificate.validTo) <= nowMillis)
    throw new Error(`${file} has expired (${certificate.validTo}): a new CA and new device certificates are needed`);
  return { privateKey, pem, certificate };
}

async function makeCa(privateFolder: string, file: string, nowMillis: number): Promise<string> {
  if (existsSync(path.join(privateFolder, 'server.pem')))
    throw new Error(
      `${file} is missing though this service has had one: restore it, or remove ${privateFolder} to begin with a new CA, which no present device will trust`,
    );
  const { privateKeyPem, certificatePem } = await make({
    purpose: { ca: true },
    commonName: `Errand CA ${randomBytes(4).toString('hex')}`,
    notBeforeMillis: nowMillis - CLOCK_SLACK_MILLIS,
    notAfterMillis: nowMillis + DECADE_MILLIS,
  });
  const text = privateKeyPem + certificatePem;
  writeAtomically(file, text, 0o600);
  return text;
}

async function openServer(
  privateFolder: string,
  ca: Ca,
  names: readonly string[],
  nowMillis: number,
): Promise<ServerCertificate> {
  const file = path.join(privateFolder, 'server.pem');
  const text = readPrivateFile(file);
  if (text !== undefined) {
    const { key, keyPem, cert, certificate } = readPair(file, text);
    const covered = names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)));
    const current = Date.parse(certificate.validTo) > nowMillis + RENEW_BEFORE_MILLIS;
    const ours = certificate.verify(ca.certificate.publicKey) && certificate.checkPrivateKey(key);
    if (covered && current && ours) return { key: keyPem, cert };
  }
  const { privateKeyPem, certificatePem } = await make({
    purpose: { serverNames: names },
    commonName: 'Errand service',
    notBeforeMillis: nowMillis - CLOCK_SLACK_MILLIS,
    notAfterMillis: Math.min(nowMillis + SERVER_MILLIS, Date.parse(ca.certificate.validTo)),
    issuer: ca,
  });
  writeAtomically(file, privateKeyPem + certificatePem, 0o600);
  return { key: privateKeyPem, cert: certificatePem };
}

async function issueDeviceCertificate(ca: Ca, nowMillis: number): Promise<DeviceCertificate> {
  const { privateKeyPem, publicKeyPem, certificatePem, der } = await make(forDevice(ca, nowMillis));
  return {
    certificateId: certificateIdOf(der),
    certificatePem,
    keyPair: { PublicKey: publicKeyPem, PrivateKey: privateKeyPem },
  };
}

async function certifyDevice(ca: Ca, csrPem: string, nowMillis: number) {
  const { certifyRequest } = await import('./certificate.ts');
  const made = await certifyRequest({ ...forDevice(ca, nowMillis), csrPem });
  return typeof made === 'string'
    ? made
    : { certificateId: certificateIdOf(made.der), certificatePem: made.certificatePem };
}

function forDevice(issuer: Ca, nowMillis: number) {
  return {
    purpose: { device: true },
    commonName: 'Errand device',
    notBeforeMillis: nowMillis - CLOCK_SLACK_MILLIS,
    notAfterMillis: nowMillis + DECADE_MILLIS,
    issuer,
  } as const;
}

/** The library that makes certificates is loaded with the first one: an ordinary start makes none. */
async function make(request: CertificateRequest): Promise<Certified> {
  const { makeCertificate } = await import('./certificate.ts');
  return makeCertificate(request);
}

/** A private key followed by its certificate, as makeCa and openServer write them. */
function readPair(file: string, text: string) {
  const start = text.indexOf('-----BEGIN CERTIFICATE-----');
  const [keyPem, cert] = [text.slice(0, start), text.slice(start)];
  try {
    return { keyPem, cert, key: createPrivateKey(keyPem), certificate: new X509Certificate(cert) };
  } catch {
    throw new Error(`${file} is damaged: expected a private key and a certificate (PEM); restore it from a copy`);
  }
}

/** What may stand in a certificate: some machines are named with characters that no host name has. */
function isHostNameOrAddress(name: string): boolean {
  return isIP(name) !== 0 || /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$/.test(name);
}
