/** The device's side of fleet provisioning, piece by piece; whole runs are in test/whole/provisioning.test.ts. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCredentials } from '../../../../targets/sbc/provisioning/credentials.ts';
import { makeCsr } from '../../../../targets/sbc/provisioning/csr.ts';
import { readIdentity, writeIdentity } from '../../../../targets/sbc/provisioning/identityFile.ts';
import { parameterValues, readParameters } from '../../../../targets/sbc/provisioning/settings.ts';
import { readSettings } from '../../../../targets/sbc/settings.ts';
import type { Connect } from '../../../../transports/transport.ts';

const test = suite<{ folder: string }>('an identity of its own');
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(tmpdir(), 'errand-identity-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

test('a signing request: its signature is by its key, its subject is there, and no two have one key', async () => {
  const [{ key, csr }, other] = [makeCsr(), makeCsr()];
  const read = new x509.Pkcs10CertificateRequest(csr);
  assert.is(await read.verify(), true);
  assert.is(read.subject, 'CN=errand');
  const { asymmetricKeyDetails } = createPrivateKey(key);
  assert.is(asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  assert.equal(Buffer.from(read.publicKey.rawData), spki);
  assert.is.not(key, other.key);
  for (const line of csr.trim().split('\n')) assert.ok(line.length <= 64);
});

test('identity.json: mode 0600, whole or not at all, and what a power cut left of a write is no hindrance', ({
  folder,
}) => {
  assert.equal(readIdentity(folder), {});
  const pair = { cert: 'C', key: 'K' };
  writeFileSync(path.join(folder, 'identity.json.new'), '{"pa', { mode: 0o644 });
  assert.equal(readIdentity(folder), {});
  writeIdentity(folder, { thingName: 'T', pair });
  assert.equal(readIdentity(folder), { thingName: 'T', pair });
  assert.equal(readdirSync(folder), ['identity.json']);
  const file = path.join(folder, 'identity.json');
  assert.is(statSync(file).mode & 0o777, 0o600);
  chmodSync(file, 0o640);
  assert.throws(() => readIdentity(folder), /opens .*identity\.json to others/);
  chmodSync(file, 0o600);
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, 9));
  assert.throws(() => readIdentity(folder), /is damaged: remove it/);
});

test('parameters: as written, from a file, by a program; what is wrong in one sentence', ({ folder }) => {
  const [serial, program] = [path.join(folder, 'serial'), path.join(folder, 'program')];
  writeFileSync(serial, '00ff\0\n');
  writeFileSync(program, '#!/bin/sh\necho " by a program "\n', { mode: 0o755 });
  const given = readParameters(`SerialNumber=@${serial},Model=@${program}, Site = a b `);
  assert.equal(parameterValues(given), { SerialNumber: '00ff', Model: 'by a program', Site: 'a b' });
  assert.equal(readParameters('{"A": "1,2"}'), { A: '1,2' });
  assert.throws(() => readParameters('{"A": 1}'), /'A': expected text/);
  assert.throws(() => readParameters('Serial'), /'Serial': expected NAME=VALUE/);
  writeFileSync(serial, '\0');
  assert.throws(() => parameterValues({ A: `@${serial}` }), /parameter A: .* says nothing/);
  assert.throws(() => parameterValues({ A: '@/nowhere' }), /parameter A: \/nowhere: ENOENT/);
  writeFileSync(program, '#!/bin/sh\nexit 3\n');
  assert.throws(() => parameterValues({ A: `@${program}` }), /parameter A: .*Command failed/);
  chmodSync(program, 0o777);
  assert.throws(() => parameterValues({ A: `@${program}` }), /parameter A: .*opens .* to others/);
});

const PEMS = { cert: 'CERTIFICATE', key: 'PRIVATE KEY' };

test('settings: a claim in the place of thing, cert and key; with an identity the claim is not read any more', ({
  folder,
}) => {
  for (const [name, label] of Object.entries(PEMS)) {
    const text = `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;
    writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  }
  const common = ['--endpoint', 'x', '--ca', path.join(folder, 'cert'), '--data', folder];
  const claim = ['--claim-cert', path.join(folder, 'cert'), '--claim-key', path.join(folder, 'key')];
  const read = (...more: string[]) => readSettings([...common, ...more], {});
  const faults = (...more: string[]) => (read(...more) as { faults: string[] }).faults.join('; ');
  const fresh = read(...claim, '--template', 'fleet', '--parameters', 'A=1');
  assert.ok(!('faults' in fresh), JSON.stringify(fresh));
  assert.equal(
    [fresh.thingName, fresh.claim?.template, fresh.parameters, fresh.keyFrom],
    ['', 'fleet', { A: '1' }, 'device'],
  );
  assert.match(faults(...claim), /template is missing/);
  assert.match(faults(...claim.slice(0, 2), '--template', 'fleet'), /claim-key is missing/);
  assert.match(faults(...claim, '--template', 'fleet', '--cert', 'x'), /beside claim-cert and claim-key/);
  assert.match(faults(...claim, '--template', 'a b'), /expected 1 to 36 letters/);
  assert.match(faults(), /thing is missing/);

  const pair = { cert: 'C', key: 'K' };
  writeIdentity(folder, { thingName: 'T', pair });
  const known = read('--claim-cert', '/gone', '--claim-key', '/gone', '--template', 'fleet');
  assert.ok(!('faults' in known), JSON.stringify(known));
  assert.equal([known.thingName, known.cert, known.key, known.claim], ['T', 'C', 'K', undefined]);
  assert.match(faults(...claim, '--template', 'fleet', '--thing', 'U'), /has the identity of T/);

  const own = ['--thing', 'T', '--cert', path.join(folder, 'cert'), '--key', path.join(folder, 'key')];
  const cert = readFileSync(path.join(folder, 'cert'), 'utf8');
  const inUse = () => (read(...own) as { cert: string }).cert;
  assert.is(inUse(), cert, 'the identity is not in its place');
  writeIdentity(folder, { thingName: 'T', pair, replaces: cert });
  assert.is(inUse(), 'C');
  writeIdentity(folder, { thingName: 'T', pair, replaces: 'another' });
  assert.is(inUse(), cert, 'the operator has given another certificate since');
});

/** A wire that a test opens and closes. */
function wires() {
  const made: { name: string; bytes: (bytes: Uint8Array) => void; closed: (reason?: string) => void }[] = [];
  const connect =
    (name: string): Connect =>
    () => {
      const one = { name, bytes: (_: Uint8Array) => {}, closed: (_?: string) => {} };
      made.push(one);
      return {
        onOpened: () => {},
        onBytes: (take) => (one.bytes = take),
        onClosed: (tell) => (one.closed = tell),
        write: () => true,
        close: () => one.closed(),
      };
    };
  return { made, connect };
}

const ACCEPTED = Uint8Array.of(0x20, 2, 0, 0);
const REFUSED = Uint8Array.of(0x20, 2, 0, 5);

test('credentials: what is not let in is followed by the next; the first that is let in is kept', () => {
  const { made, connect } = wires();
  const worked: string[] = [];
  const candidate = (name: string) => ({ connect: connect(name), worked: () => worked.push(name) });
  const [fresh, old] = [candidate('new'), candidate('old')];
  const credentials = createCredentials([old]);
  const open = () => {
    const wire = credentials.connect();
    let closed = 0;
    wire.onOpened(() => {});
    wire.onBytes(() => {});
    wire.onClosed(() => (closed += 1));
    return { wire, closed: () => closed };
  };
  const first = open();
  made[0]!.bytes(ACCEPTED);
  credentials.hold();
  assert.is(first.closed(), 1);
  const waiting = open();
  const gone = open();
  gone.wire.close();
  assert.equal([made.length, gone.closed()], [1, 1], 'nothing connects while it is held');
  credentials.use([fresh, fresh, old]);
  assert.is(made.length, 2);
  made[1]!.closed('refused');
  assert.is(waiting.closed(), 1);
  open();
  made[2]!.bytes(REFUSED);
  made[2]!.closed();
  open();
  made[3]!.bytes(ACCEPTED);
  made[3]!.bytes(ACCEPTED);
  made[3]!.closed();
  open();
  assert.equal(
    made.map(({ name }) => name),
    ['old', 'new', 'new', 'old', 'old'],
  );
  assert.equal(worked, ['old', 'old']);
});

test.run();
