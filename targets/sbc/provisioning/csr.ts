import { generateKeyPairSync, sign } from 'node:crypto';

/** AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 §3.2), and `CN=errand` as a Name (RFC 5280 §4.1.2.4). */
const ECDSA_WITH_SHA256 = '300a06082a8648ce3d040302';
const SUBJECT = '3011310f300d06035504030c06657272616e64';

/**
 * A new P-256 key, and the request for a certificate for it (PKCS #10, RFC 2986), both PEM.
 *
 *     SEQUENCE { SEQUENCE { 0, subject, publicKey, [0] {} }, ecdsa-with-SHA256, BIT STRING signature }
 */
export function makeCsr(): { key: string; csr: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const hex = (text: string) => Buffer.from(text, 'hex');
  const info = der(0x30, hex('020100'), hex(SUBJECT), spki, hex('a000'));
  const signature = der(0x03, hex('00'), sign('sha256', info, privateKey));
  const request = der(0x30, info, hex(ECDSA_WITH_SHA256), signature).toString('base64');
  return {
    key: `${privateKey.export({ type: 'pkcs8', format: 'pem' })}`,
    csr: `-----BEGIN CERTIFICATE REQUEST-----\n${request.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE REQUEST-----\n`,
  };
}

/** Tag, length, content (X.690 §8.1); of less than 256 bytes. */
function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  return Buffer.concat([Uint8Array.from(length < 128 ? [tag, length] : [tag, 0x81, length]), content]);
}
