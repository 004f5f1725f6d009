import { createHash, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  TRUE,
  time,
  utf8String,
  value,
} from './der.ts';

/** What a certificate of ours is for. */
export type Purpose = { ca: true } | { serverNames: readonly string[] } | { device: true };

export interface CertificateRequest {
  purpose: Purpose;
  commonName: string;
  /** P-256. */
  publicKey: KeyObject;
  notBeforeMillis: number;
  notAfterMillis: number;
  /** 16 random bytes. */
  serial: Uint8Array;
  /** A CA that signs itself has its own name and keys here. */
  issuer: { commonName: string; publicKey: KeyObject; privateKey: KeyObject };
}

const ECDSA_WITH_SHA256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));

/**
 * Makes a certificate for a P-256 key, signed with ECDSA and SHA-256 (RFC 5280):
 *
 *   Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature BIT STRING }
 *   tbsCertificate ::= SEQUENCE { [0] version 3, serialNumber, signature, issuer, validity, subject,
 *                                 subjectPublicKeyInfo, [3] extensions }
 *
 * Written by hand: 120 lines instead of a package that takes 120 ms to load, four times what opening the service's store takes.
 *
 * @returns DER
 */
export function makeCertificate(request: CertificateRequest): Buffer {
  const { issuer, publicKey } = request;
  const serial = Buffer.from(request.serial);
  serial[0] = (serial[0]! & 0x7f) | 0x40; // positive, and always as long
  const tbsCertificate = sequence(
    value(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_WITH_SHA256,
    name(issuer.commonName),
    sequence(time(request.notBeforeMillis), time(request.notAfterMillis)),
    name(request.commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    value(0xa3, sequence(...extensions(request.purpose, publicKey, issuer.publicKey))),
  );
  const signature = sign('sha256', tbsCertificate, { key: issuer.privateKey, dsaEncoding: 'der' });
  return sequence(tbsCertificate, ECDSA_WITH_SHA256, bitString(signature));
}

/** DER as text between BEGIN and END lines (RFC 7468). */
export function pemOf(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

/** Only a common name. */
function name(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
}

/** RFC 5280 §4.2.1; the numbers of keyUsage's bits count from the left of its first byte. */
function extensions(purpose: Purpose, publicKey: KeyObject, issuerKey: KeyObject): Buffer[] {
  const KEY_CERT_SIGN_AND_CRL_SIGN = bitString(Buffer.from([0x06]), 1);
  const DIGITAL_SIGNATURE = bitString(Buffer.from([0x80]), 7);
  const subjectKeyIdentifier = extension('2.5.29.14', octetString(keyIdentifier(publicKey)));
  const authorityKeyIdentifier = extension('2.5.29.35', sequence(value(0x80, keyIdentifier(issuerKey))));
  if ('ca' in purpose)
    return [
      critical('2.5.29.19', sequence(TRUE, integer(Buffer.from([0])))), // basicConstraints: a CA, no other CA below it
      critical('2.5.29.15', KEY_CERT_SIGN_AND_CRL_SIGN),
      subjectKeyIdentifier,
    ];
  const shared = [critical('2.5.29.19', sequence()), critical('2.5.29.15', DIGITAL_SIGNATURE)];
  const identifiers = [subjectKeyIdentifier, authorityKeyIdentifier];
  if ('device' in purpose) return [...shared, extendedKeyUsage('1.3.6.1.5.5.7.3.2'), ...identifiers];
  const alternativeNames = extension('2.5.29.17', sequence(...purpose.serverNames.map(generalName)));
  return [...shared, extendedKeyUsage('1.3.6.1.5.5.7.3.1'), alternativeNames, ...identifiers];
}

function extendedKeyUsage(usage: string): Buffer {
  return extension('2.5.29.37', sequence(objectIdentifier(usage)));
}

function extension(id: string, content: Buffer): Buffer {
  return sequence(objectIdentifier(id), octetString(content));
}

function critical(id: string, content: Buffer): Buffer {
  return sequence(objectIdentifier(id), TRUE, octetString(content));
}

/** 20 bytes of the SHA-256 of the public point (RFC 7093 §2), which ends the 91 bytes of a P-256 key. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha256').update(point).digest().subarray(0, 20);
}

/** dNSName [2] or iPAddress [7]. */
function generalName(text: string): Buffer {
  return isIP(text) === 0 ? value(0x82, Buffer.from(text, 'ascii')) : value(0x87, ipBytes(text));
}

/** 4 bytes of an IPv4 address, 16 of an IPv6 address. */
function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0');
  return Buffer.from([...front, ...zeros, ...back].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
