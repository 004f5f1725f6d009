import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';

/**
 * The SHA-256 of a file, and whether a signature is one of it: by Ed25519 of the 32 bytes of that SHA-256, by ECDSA of the content
 * (DER, or 64 bytes of r and s).
 *
 * @param key  PEM: a public key or a certificate
 * @returns    hexadecimal, lower case
 * @throws     Error of one sentence: the signature is not of this content and this key
 */
export async function verify(file: string, signature: string | undefined, key: string | undefined): Promise<string> {
  const crypto = createRequire('/')('node:crypto') as typeof import('node:crypto');
  const hash = crypto.createHash('sha256');
  const check = crypto.createVerify('sha256');
  for await (const part of createReadStream(file)) {
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
