import { spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

test('openIdentity: the next start does not load the library that makes certificates', async ({ folder }) => {
  await open(folder);
  const identity = new URL('../../../../targets/service/identity/identity.ts', import.meta.url);
  const script = `
    import { openIdentity } from '${identity}';
    const said = [];
    const loaded = () => said.push('getMetadata' in Reflect); // reflect-metadata, which the library stands on
    const options = { folder: process.argv[1], hostName: 'bench-1', nowMillis: Date.now };
    const { issueCertificate } = await openIdentity(options);
    loaded();
    await issueCertificate();
    loaded();
    console.log(said.join(' '));`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script, folder],
    { encoding: 'utf8' },
  );
  assert.is(stdout, 'false true\n', stderr);
});

test('certificates: valid from a day ago, the server for 825 days, devices for ten years, each serial number its own', async ({
  folder,
}) => {
  const startMillis = Math.floor(Date.now() / 1000) * 1000;
  const { caPem, server, issueCertificate } = await openIdentity({ folder, nowMillis: () => startMillis });
  const device = await issueCertificate();
  const certificates = [caPem, server.cert, device.certificatePem].map((pem) => new X509Certificate(pem));
  assert.equal(
    certificates.map(({ validFrom, validTo }) =>
      [validFrom, validTo].map((time) => (Date.parse(time) - startMillis) / DAY_MILLIS),
    ),
    [
      [-1, 3652],
      [-1, 825],
      [-1, 3652],
    ],
  );
  const serials = certificates.map(({ serialNumber }) => serialNumber);
  assert.is(new Set(serials).size, 3);
  for (const serial of serials) assert.match(serial, /^(?!0+$)[0-9A-F]{16,32}$/, 'positive: no minus sign');
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

test('writeEndpoints: six members, files and mqttOpen only where there are such, mode 0600 also where a wider file was', ({
  folder,
}) => {
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
  writeEndpoints(file, { ...endpoints, mqttOpen: '127.0.0.1:1883' });
  assert.is(JSON.parse(readFileSync(file, 'utf8')).mqttOpen, '127.0.0.1:1883');
});

if (hasTool('openssl', 'openssl')) {
  const openssl = (...args: string[]) => spawnSync('openssl', args, { encoding: 'utf8' });
  const verify = (caFile: string, purpose: string, certificate: string) =>
    openssl('verify', '-x509_strict', '-CAfile', caFile, '-purpose', purpose, certificate);
  const write = (folder: string, name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };

  test('certificates: OpenSSL accepts both chains with strict checks, each for its purpose only', async ({
    folder,
  }) => {
    const { caFile, ...identity } = await open(folder);
    const server = write(folder, 'server.crt', identity.server.cert);
    const client = write(folder, 'device.crt', (await identity.issueCertificate()).certificatePem);
    for (const [purpose, certificate] of [
      ['sslserver', server],
      ['sslclient', client],
    ] as const) {
      const { status, stdout, stderr } = verify(caFile, purpose, certificate);
      assert.is(status, 0, stdout + stderr);
    }
    assert.is.not(verify(caFile, 'sslclient', server).status, 0);
    assert.is.not(verify(caFile, 'sslserver', client).status, 0);
  });

  test('certificates: carry what their purpose needs and no more, critical where RFC 5280 says so', async ({
    folder,
  }) => {
    const { caFile, server, issueCertificate } = await openIdentity({
      folder,
      hostName: 'bench-1',
      nowMillis: Date.now,
      names: ['fd00::1:2'],
    });
    const extensionsOf = (file: string) => {
      const text = openssl('x509', '-in', file, '-noout', '-text', '-certopt', 'no_sigdump,no_pubkey').stdout;
      assert.match(text, 'Signature Algorithm: ecdsa-with-SHA256');
      const lines = text.slice(text.indexOf('X509v3 Basic')).replace(/(Key Identifier: *\n).*/g, '$1present');
      return lines.trim().split(/ *\n */);
    };
    const identifier = ['X509v3 Subject Key Identifier:', 'present'];
    const leaf = ['X509v3 Basic Constraints: critical', 'CA:FALSE', 'X509v3 Key Usage: critical', 'Digital Signature'];
    const identifiers = [...identifier, 'X509v3 Authority Key Identifier:', 'present'];
    assert.equal(extensionsOf(caFile), [
      'X509v3 Basic Constraints: critical',
      'CA:TRUE, pathlen:0',
      'X509v3 Key Usage: critical',
      'Certificate Sign, CRL Sign',
      ...identifier,
    ]);
    assert.equal(extensionsOf(write(folder, 'server.crt', server.cert)), [
      ...leaf,
      'X509v3 Extended Key Usage:',
      'TLS Web Server Authentication',
      'X509v3 Subject Alternative Name:',
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:bench-1, IP Address:FD00:0:0:0:0:0:1:2',
      ...identifiers,
    ]);
    assert.equal(extensionsOf(write(folder, 'device.crt', (await issueCertificate()).certificatePem)), [
      ...leaf,
      'X509v3 Extended Key Usage:',
      'TLS Web Client Authentication',
      ...identifiers,
    ]);
  });

  test('certificates: chain to a CA whose name and key identifier were made in another way', async ({ folder }) => {
    const privateFolder = path.join(folder, 'identity');
    mkdirSync(privateFolder);
    const [key, certificate] = [path.join(folder, 'key'), path.join(folder, 'certificate')];
    const extensions = [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=critical,keyCertSign',
      'subjectKeyIdentifier=AB:CD',
    ];
    const { status, stderr } = openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key],
      ...['-out', certificate, '-days', '3000', '-utf8', '-subj', '/O=Bénch, Ltd./CN=a, b', '-config', '/dev/null'],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    );
    assert.is(status, 0, stderr);
    writeFileSync(path.join(privateFolder, 'ca.pem'), readFileSync(key, 'utf8') + readFileSync(certificate, 'utf8'), {
      mode: 0o600,
    });
    const { caFile, server } = await open(folder);
    const verified = verify(caFile, 'sslserver', write(folder, 'server.crt', server.cert));
    assert.is(verified.status, 0, verified.stdout + verified.stderr);
  });
}

test.run();
