import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import nodeTls from 'node:tls';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agentOptions, finishAgent } from '../../../targets/sbc/bundle.mjs';
import { hasTool } from '../../tools.ts';
import { makeCa, makeCertificate } from '../../transports/certificates.ts';

const test = suite('main');
const root = path.resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-main-'));
const bundle = path.join(folder, 'errand-agent.cjs');
const children: ChildProcess[] = [];

test.before(async () => {
  const { outputFiles } = await build({ ...agentOptions('9.8.7'), absWorkingDir: root });
  writeFileSync(bundle, await finishAgent(outputFiles[0]!.text));
});
test.after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const run = (...args: string[]) =>
  spawnSync(process.execPath, [bundle, ...args], { cwd: folder, encoding: 'utf8', env: {} });

test('the bundle asks nothing but Node for modules, and of these only the light ones before there is a job', () => {
  const required = (behind: string) =>
    [...readFileSync(bundle, 'utf8').matchAll(new RegExp(`${behind}require\\("([^"]+)"\\)`, 'g'))].map(
      ([, name]) => name,
    );
  assert.equal(required('}=').sort(), ['node:fs', 'node:net', 'node:path', 'node:tls']);
  assert.equal(required('(?<!}=)'), ['node:child_process']);
});

test('--version and --help are answered with 0 on stdout', () => {
  assert.equal([run('--version').stdout, run('--version').status], ['9.8.7\n', 0]);
  assert.match(run('--help').stdout, /--keep-alive SECONDS/);
  assert.is(run('--bad', '-h').status, 0, 'also beside what is wrong');
});

test('wrong settings are one sentence each on stderr, and 2', () => {
  const { status, stderr, stdout } = run('--endpoint', 'a', '--thing', '/', '--prot', '1');
  assert.is(status, 2);
  assert.is(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  assert.is(lines.length, 5);
  for (const line of lines) assert.match(line, /^errand-agent: /);
});

if (hasTool('openssl', 'openssl')) {
  const ca = makeCa(folder, 'ca');
  const server = makeCertificate(folder, 'server', ca, 'DNS:localhost,IP:127.0.0.1');
  const device = makeCertificate(folder, 'device', ca);
  const flags = (port: number, key = device.keyFile) => [
    ...['--endpoint', `localhost:${port}`, '--thing', 'lamp', '--data', path.join(folder, 'data')],
    ...['--ca', ca.certFile, '--cert', device.certFile, '--key', key],
  ];

  test('a key of another certificate, and PEM that is none inside, are wrong settings', () => {
    const { status, stderr } = run(...flags(1, server.keyFile));
    assert.equal([stderr, status], ['errand-agent: ca, cert or key: key values mismatch\n', 2]);
  });

  test('it connects, keeps a second one out, and ends with 0 on SIGTERM', async () => {
    const listener = nodeTls.createServer({ cert: server.cert, key: server.key, ca: ca.cert, requestCert: true });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const agent = spawn(process.execPath, [bundle, ...flags(port), '--log', 'json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(agent);
    const log: { level: string; message: string }[] = [];
    agent.stdout.on('data', (lines: Buffer) =>
      log.push(
        ...String(lines)
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ),
    );
    const ended = once(agent, 'exit');
    const [socket] = (await once(listener, 'secureConnection')) as [nodeTls.TLSSocket];
    const [connect] = (await once(socket, 'data')) as [Buffer];
    assert.is(connect[0], 0x10, 'an MQTT CONNECT');
    assert.is(socket.getPeerCertificate().subject.CN, 'device');
    const second = run(...flags(port), '--log', 'json');
    assert.is(second.status, 1);
    assert.match(second.stdout, /the data folder .* cannot be used: another agent uses it/);
    agent.kill('SIGTERM');
    assert.equal(await ended, [0, null]);
    // Behind warnings about variables of this environment, if there are any.
    const first = log.find(({ level }) => level !== 'warn')!;
    assert.match(first.message, /^errand-agent 9\.8\.7: thing lamp, endpoint localhost:\d+, data in \//);
    assert.is(log.at(-1)!.message, 'ended');
    listener.close();
  });
}

test.run();
