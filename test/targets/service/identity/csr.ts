/** Signing requests as a device makes them. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A request in PEM for a new key; `keys` where the key is needed, or is of another kind. */
export async function makeCsr(name = 'CN=board-7', keys?: webcrypto.CryptoKeyPair): Promise<string> {
  const made = keys ?? (await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']));
  const algorithm = made.privateKey.algorithm;
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys: made,
    signingAlgorithm: { ...algorithm, hash: 'SHA-256' } as typeof P256,
  });
  return `${csr.toString('pem')}\n`;
}
