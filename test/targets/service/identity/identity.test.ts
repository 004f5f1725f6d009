import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { certificateIdOf } from '../../../../targets/service/identity/deviceCertificate.ts';
import { writeEndpoints } from '../../../../targets/service/identity/endpointsFile.ts';
import { openIdentity } from '../../../../targets/service/identity/identity.ts';
import { hasTool } from '../../../tools.ts';

const test = suite<{ folder: string }>('identity');
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(tmpdir(), 'errand-identity-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const DAY_MILLIS = 86_400_000;
const open = (folder: string, inDays = 0, hostName = 'bench-1') =>
  openIdentity({ folder, hostName, nowMillis: () => Date.now() + inDays * DAY_MILLIS });
const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);

test('openIdentity: the first start makes a CA and a server certificate, private files 0600 in a folder 0700', async ({
  folder,
}) => {
  const identity = await open(folder);
  assert.is(modeOf(path.join(folder, 'identity')), '700');
  assert.equal(
    readdirSync(path.join(folder, 'identity')).map((name) => [name, modeOf(path.join(folder, 'identity', name))]),
    [
      ['ca.pem', '600'],
      ['server.pem', '600'],
    ],
  );
  assert.is(readFileSync(identity.caFile, 'utf8'), identity.caPem);
  const relative = await open(path.relative(process.cwd(), folder));
  assert.is(relative.caFile, identity.caFile, 'also from a relative folder the path is absolute');
  assert.not.match(identity.caPem, 'PRIVATE');
  const ca = new X509Certificate(identity.caPem);
  const server = new X509Certificate(identity.server.cert);
  assert.ok(ca.ca && ca.verify(ca.publicKey) && server.checkIssued(ca) && server.verify(ca.publicKey));
  assert.ok(server.checkPrivateKey(createPrivateKey(identity.server.key)));
  for (const name of ['localhost', 'bench-1']) assert.is(server.checkHost(name), name);
  for (const address of ['127.0.0.1', '::1']) assert.is(server.checkIP(address), address);
  assert.ok(Date.parse(ca.validTo) - Date.now() > 3650 * DAY_MILLIS, 'the CA lasts ten years');
});

test('openIdentity: the next start has the same CA and the same server certificate', async ({ folder }) => {
  const first = await open(folder);
  const second = await open(folder);
  assert.is(second.caPem, first.caPem);
  assert.equal(second.server, first.server);
});

test('openIdentity: the server certificate is renewed by the same CA before it ends, and when the host has another name', async ({
  folder,
}) => {
  const first = await open(folder);
  const renewed = await open(folder, 800);
  assert.is(renewed.caPem, first.caPem);
  assert.is.not(renewed.server.cert, first.server.cert);
  const renamed = await open(folder, 800, 'bench-2');
  const server = new X509Certificate(renamed.server.cert);
  assert.is(server.checkHost('bench-2'), 'bench-2');
  assert.ok(server.verify(new X509Certificate(first.caPem).publicKey));
});

test('openIdentity: refuses a key that others may read, a damaged one, a lost or an expired CA, each in one sentence', async ({
  folder,
}) => {
  const said = async (inDays = 0) => {
    try {
      await open(folder, inDays);
    } catch (error) {
      return (error as Error).message;
    }
    return 'nothing';
  };
  await open(folder);
  const ca = path.join(folder, 'identity', 'ca.pem');
  assert.match(await said(4000), /ca\.pem has expired/);
  chmodSync(ca, 0o640);
  assert.match(await said(), /ca\.pem holds a private key and is open to others \(mode 0640\): expected 0600/);
  chmodSync(ca, 0o600);
  const text = readFileSync(ca, 'utf8');
  writeFileSync(ca, text.slice(0, -100));
  assert.match(await said(), /ca\.pem is damaged/);
  rmSync(ca);
  assert.match(await said(), /ca\.pem is missing though this service has had one/);
});

test('openIdentity: a machine whose name cannot stand in a certificate still gets one', async ({ folder }) => {
  const { server } = await open(folder, 0, "Bob's_böard");
  assert.is(new X509Certificate(server.cert).checkHost('localhost'), 'localhost');
});

test('openIdentity: what a crash left half written is passed over', async ({ folder }) => {
  const first = await open(folder);
  writeFileSync(path.join(folder, 'identity', 'server.pem.new'), 'half');
  rmSync(path.join(folder, 'identity', 'server.pem'));
  const second = await open(folder);
  assert.is(second.caPem, first.caPem);
  assert.equal(readdirSync(path.join(folder, 'identity')).sort(), ['ca.pem', 'server.pem']);
});

test('issueCertificate: a key of its own, signed by the CA for clients only, and nothing of it on disk', async ({
  folder,
}) => {
  const identity = await open(folder);
  const [one, two] = [await identity.issueCertificate(), await identity.issueCertificate()];
  const certificate = new X509Certificate(one.certificatePem);
  assert.is(one.certificateId, certificateIdOf(certificate.raw));
  assert.is(one.certificateId, certificate.fingerprint256.replaceAll(':', '').toLowerCase());
  assert.ok(certificate.verify(new X509Certificate(identity.caPem).publicKey) && !certificate.ca);
  assert.equal(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(one.keyPair.PrivateKey)));
  assert.ok(certificate.publicKey.equals(createPublicKey(one.keyPair.PublicKey)));
  assert.is.not(certificate.serialNumber, new X509Certificate(two.certificatePem).serialNumber);
  assert.equal(readdirSync(path.join(folder, 'identity')).sort(), ['ca.pem', 'server.pem']);
});

test('writeEndpoints: exactly six members, mode 0600 also where a wider file was', ({ folder }) => {
  const file = path.join(folder, 'endpoints.json');
  writeFileSync(file, '', { mode: 0o644 });
  const endpoints = {
    mqtts: 'localhost:8883',
    https: 'https://localhost:8443',
    ca: '/ca.pem',
    accessKeyId: 'AKIA',
    secretAccessKey: 'secret',
    region: 'us-east-1',
  };
  writeEndpoints(file, { ...endpoints, more: 1 } as typeof endpoints);
  assert.is(modeOf(file), '600');
  assert.equal(JSON.parse(readFileSync(file, 'utf8')), endpoints);
});

if (hasTool('openssl', 'openssl'))
  test('certificates: OpenSSL accepts both chains with strict checks, each for its purpose only', async ({
    folder,
  }) => {
    const identity = await open(folder);
    const device = await identity.issueCertificate();
    const file = (name: string, text: string) => {
      writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    };
    const verify = (purpose: string, certificate: string) =>
      spawnSync('openssl', ['verify', '-x509_strict', '-CAfile', identity.caFile, '-purpose', purpose, certificate], {
        encoding: 'utf8',
      });
    const server = file('server.crt', identity.server.cert);
    const client = file('device.crt', device.certificatePem);
    for (const [purpose, certificate] of [
      ['sslserver', server],
      ['sslclient', client],
    ] as const) {
      const { status, stdout, stderr } = verify(purpose, certificate);
      assert.is(status, 0, stdout + stderr);
    }
    assert.is.not(verify('sslclient', server).status, 0);
    assert.is.not(verify('sslserver', client).status, 0);
  });

test.run();
