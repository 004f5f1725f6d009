import { webcrypto, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { certificateIdOf } from '../../../../targets/service/identity/deviceCertificate.ts';
import { type Identity, openIdentity } from '../../../../targets/service/identity/identity.ts';
import { makeCsr, P256 } from './csr.ts';

const NOW_MILLIS = Date.UTC(2026, 0, 15);

const test = suite<{ folder: string; identity: Identity }>('signing requests');
test.before(async (world) => {
  world.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-csr-'));
  world.identity = await openIdentity({ folder: world.folder, nowMillis: () => NOW_MILLIS });
});
test.after(({ folder }) => rmSync(folder, { recursive: true }));

const keysOf = (algorithm: object) =>
  webcrypto.subtle.generateKey(algorithm as typeof P256, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const rsa = (modulusLength: number) =>
  keysOf({
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
  });

for (const [name, make] of [
  ['P-256', () => keysOf(P256)],
  ['P-384', () => keysOf({ ...P256, namedCurve: 'P-384' })],
  ['RSA of 2048 bits', () => rsa(2048)],
] as const)
  test(`a request with a key of ${name} gets a client certificate of this CA for that key`, async ({ identity }) => {
    const keys = await make();
    const made = await identity.certifyRequest(await makeCsr('CN=board-7, O=Öl', keys));
    if (typeof made === 'string') throw new Error(made);
    const certificate = new X509Certificate(made.certificatePem);
    const ca = new X509Certificate(identity.caPem);
    assert.ok(certificate.verify(ca.publicKey));
    assert.ok(certificate.checkIssued(ca));
    assert.is(certificate.ca, false);
    assert.equal(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.is(certificate.subject, 'CN=board-7\nO=Öl');
    assert.is(certificateIdOf(certificate.raw), made.certificateId);
    const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey));
    assert.equal(certificate.publicKey.export({ format: 'der', type: 'spki' }), spki);
    assert.ok(Date.parse(certificate.validTo) > NOW_MILLIS + 9 * 365 * 24 * 3600_000);
  });

test('the same request twice gives two certificates; one without a subject gets the usual one', async ({
  identity,
}) => {
  const csr = await makeCsr('');
  const [one, other] = [await identity.certifyRequest(csr), await identity.certifyRequest(csr)];
  if (typeof one === 'string' || typeof other === 'string') throw new Error(String(one));
  assert.is.not(one.certificateId, other.certificateId);
  assert.is(new X509Certificate(one.certificatePem).subject, 'CN=Errand device');
});

test('a request whose signature does not fit its key gets nothing', async ({ identity }) => {
  const csr = Buffer.from((await makeCsr()).replace(/-----[^-]+-----|\n/g, ''), 'base64');
  csr[csr.length - 3]! ^= 1;
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${csr.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  assert.is(await identity.certifyRequest(pem), 'its signature was not made with its key');
});

test('keys that are too weak or of another kind, and what is no request, get a sentence', async ({ identity }) => {
  const expected = 'expected RSA of 2048 bits or more, P-256 or P-384';
  assert.is(await identity.certifyRequest(await makeCsr('CN=a', await rsa(1024))), `its key is rsa 1024: ${expected}`);
  const p521 = await makeCsr('CN=a', await keysOf({ ...P256, namedCurve: 'P-521' }));
  assert.is(await identity.certifyRequest(p521), `its key is ec secp521r1: ${expected}`);
  for (const text of ['', 'hello', 'AAAA', identity.caPem, '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END'])
    assert.is(await identity.certifyRequest(text), 'it is not a certificate signing request (PKCS #10) in PEM');
});

test.run();
