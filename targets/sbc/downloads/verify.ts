import type { FileHandle } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { READ_BYTES } from './limits.ts';

/**
 * The SHA-256 of a file, and whether a signature is one of it: by Ed25519 of the 32 bytes of that SHA-256, by ECDSA of the content
 * (DER, or 64 bytes of r and s).
 *
 * @param key  PEM: a public key or a certificate
 * @returns    hexadecimal, lower case
 * @throws     Error of one sentence: the signature is not of this content and this key
 */
export async function verify(
  file: FileHandle,
  signature: string | undefined,
  key: string | undefined,
): Promise<string> {
  const crypto = createRequire('/')('node:crypto') as typeof import('node:crypto');
  const hash = crypto.createHash('sha256');
  const check = crypto.createVerify('sha256');
  // One buffer for all of it: a stream's, one for each part, are many megabytes before they are collected.
  const buffer = Buffer.alloc(READ_BYTES);
  for (let at = 0, bytesRead = 1; bytesRead > 0; at += bytesRead) {
    ({ bytesRead } = await file.read(buffer, 0, READ_BYTES, at));
    const part = buffer.subarray(0, bytesRead);
    hash.update(part);
    check.update(part);
  }
  const digest = hash.digest();
  if (key && signature) {
    const publicKey = crypto.createPublicKey(key);
    const given = Buffer.from(signature, 'base64');
    const good =
      publicKey.asymmetricKeyType === 'ed25519'
        ? crypto.verify(null, digest, publicKey, given)
        : check.verify({ key: publicKey, dsaEncoding: given.length === 64 ? 'ieee-p1363' : 'der' }, given);
    if (!good) throw new Error('the signature is not of this content, or not by the configured key');
  }
  return digest.toString('hex');
}
