import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes as nodeRandomBytes,
  X509Certificate,
} from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { makeCertificate, pemOf } from './certificate.ts';
import { certificateIdOf, type DeviceCertificate } from './deviceCertificate.ts';
import { readPrivateFile, writeAtomically } from './privateFile.ts';

/** Who the service is, and the authority for who its devices are. */
export interface Identity {
  /** The CA's certificate, which devices and operators trust: PEM and the absolute path of the file (mode 0644) that holds it. */
  caPem: string;
  caFile: string;
  /** PEM texts for both listeners. */
  server: { key: string; cert: string };
  /** Makes a P-256 key pair and a certificate for it, valid ten years, for clients only. Nothing of it is kept here. */
  issueCertificate(): Promise<DeviceCertificate>;
}

export interface IdentityOptions {
  /** The service's data folder; made (mode 0700) if it is not there. */
  folder: string;
  nowMillis(): number;
  /** Further names and addresses that clients reach this machine by, beside localhost and the host's own name. */
  names?: readonly string[];
  hostName?: string;
  randomBytes?(count: number): Uint8Array;
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

const generate = promisify(generateKeyPair);

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
  const { nowMillis, randomBytes = nodeRandomBytes } = options;
  const folder = path.resolve(options.folder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const privateFolder = path.join(folder, 'identity');
  mkdirSync(privateFolder, { recursive: true, mode: 0o700 });
  chmodSync(privateFolder, 0o700);

  const make = { nowMillis: nowMillis(), randomBytes };
  const ca = await openCa(privateFolder, make);
  const caFile = path.join(folder, 'ca.pem');
  if (!existsSync(caFile) || readFileSync(caFile, 'utf8') !== ca.pem) writeAtomically(caFile, ca.pem, 0o644);
  const names = ['localhost', '127.0.0.1', '::1', options.hostName ?? hostname(), ...(options.names ?? [])];
  const server = await openServer(privateFolder, ca, [...new Set(names.filter(isHostNameOrAddress))], make);
  return {
    caPem: ca.pem,
    caFile,
    server,
    issueCertificate: () => issueDeviceCertificate(ca, { nowMillis: nowMillis(), randomBytes }),
  };
}

interface Ca {
  commonName: string;
  publicKey: KeyObject;
  privateKey: KeyObject;
  pem: string;
  certificate: X509Certificate;
}

interface Make {
  nowMillis: number;
  randomBytes(count: number): Uint8Array;
}

async function openCa(privateFolder: string, make: Make): Promise<Ca> {
  const file = path.join(privateFolder, 'ca.pem');
  const text = readPrivateFile(file) ?? (await makeCa(privateFolder, file, make));
  const pair = readPair(file, text);
  const { certificate, key: privateKey } = pair;
  if (!certificate.ca || !certificate.checkPrivateKey(privateKey))
    throw new Error(`${file} does not hold a CA's certificate and the key that belongs to it: restore it from a copy`);
  if (Date.parse(certificate.validTo) <= make.nowMillis)
    throw new Error(`${file} has expired (${certificate.validTo}): a new CA and new device certificates are needed`);
  const commonName = /^CN=(.*)$/m.exec(certificate.subject)?.[1];
  if (commonName === undefined) throw new Error(`${file}: the CA has no common name`);
  return { commonName, publicKey: createPublicKey(privateKey), privateKey, pem: pair.cert, certificate };
}

async function makeCa(privateFolder: string, file: string, { nowMillis, randomBytes }: Make): Promise<string> {
  if (existsSync(path.join(privateFolder, 'server.pem')))
    throw new Error(
      `${file} is missing though this service has had one: restore it, or remove ${privateFolder} to begin with a new CA, which no present device will trust`,
    );
  const { publicKey, privateKey } = await generate('ec', { namedCurve: 'P-256' });
  const commonName = `Errand CA ${Buffer.from(randomBytes(4)).toString('hex')}`;
  const der = makeCertificate({
    purpose: { ca: true },
    commonName,
    publicKey,
    notBeforeMillis: nowMillis - CLOCK_SLACK_MILLIS,
    notAfterMillis: nowMillis + DECADE_MILLIS,
    serial: randomBytes(16),
    issuer: { commonName, publicKey, privateKey },
  });
  const text = privateKeyPem(privateKey) + pemOf(der);
  writeAtomically(file, text, 0o600);
  return text;
}

async function openServer(
  privateFolder: string,
  ca: Ca,
  names: readonly string[],
  make: Make,
): Promise<{ key: string; cert: string }> {
  const file = path.join(privateFolder, 'server.pem');
  const text = readPrivateFile(file);
  if (text !== undefined) {
    const { key, keyPem, cert, certificate } = readPair(file, text);
    const covered = names.every((name) => (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)));
    const current = Date.parse(certificate.validTo) > make.nowMillis + RENEW_BEFORE_MILLIS;
    const ours = certificate.verify(ca.publicKey) && certificate.checkPrivateKey(key);
    if (covered && current && ours) return { key: keyPem, cert };
  }
  const { publicKey, privateKey } = await generate('ec', { namedCurve: 'P-256' });
  const der = makeCertificate({
    purpose: { serverNames: names },
    commonName: 'Errand service',
    publicKey,
    notBeforeMillis: make.nowMillis - CLOCK_SLACK_MILLIS,
    notAfterMillis: Math.min(make.nowMillis + SERVER_MILLIS, Date.parse(ca.certificate.validTo)),
    serial: make.randomBytes(16),
    issuer: ca,
  });
  const made = { key: privateKeyPem(privateKey), cert: pemOf(der) };
  writeAtomically(file, made.key + made.cert, 0o600);
  return made;
}

async function issueDeviceCertificate(ca: Ca, { nowMillis, randomBytes }: Make): Promise<DeviceCertificate> {
  const { publicKey, privateKey } = await generate('ec', { namedCurve: 'P-256' });
  const der = makeCertificate({
    purpose: { device: true },
    commonName: 'Errand device',
    publicKey,
    notBeforeMillis: nowMillis - CLOCK_SLACK_MILLIS,
    notAfterMillis: nowMillis + DECADE_MILLIS,
    serial: randomBytes(16),
    issuer: ca,
  });
  return {
    certificateId: certificateIdOf(der),
    certificatePem: pemOf(der),
    keyPair: {
      PublicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      PrivateKey: privateKeyPem(privateKey),
    },
  };
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

function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** What may stand in a certificate: some machines are named with characters that no host name has. */
function isHostNameOrAddress(name: string): boolean {
  return isIP(name) !== 0 || /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$/.test(name);
}
