import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { generate, type Packet, parser } from 'mqtt-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GatewayRequest, Principal } from '../../../../targets/service/gateway/events.ts';
import { unsentBytesMax } from '../../../../targets/service/gateway/limits.ts';
import { listenMqtt, type MqttListener } from '../../../../targets/service/mqttListener.ts';
import { hasTool } from '../../../tools.ts';

const test = suite('mqttListener');
let folder: string;
let listener: MqttListener;
let requests: GatewayRequest[];
let answering: ((request: GatewayRequest) => void) | undefined;
let identifying: ((certificateId: string) => Promise<Principal | undefined>) | undefined;
let lines: string[];
let watchers: { pattern: string; seen: () => void }[];
const principals = new Map<string, Principal>();

/** Resolves when a log line with `pattern` has come since the test began. */
async function logged(pattern: string): Promise<void> {
  if (lines.some((line) => line.includes(pattern))) return;
  await new Promise<void>((seen) => watchers.push({ pattern, seen }));
}

const file = (name: string) => path.join(folder, name);
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });

function makeAuthority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  );
}

/** @returns its certificateId */
function makeCertificate(name: string, authority: string): string {
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.csr`,
  );
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${authority}.crt`,
    '-CAkey',
    `${authority}.key`,
    '-CAcreateserial',
    '-copy_extensions',
    'copy',
    '-days',
    '2',
    '-out',
    `${name}.crt`,
  );
  return new X509Certificate(readFileSync(file(`${name}.crt`))).fingerprint256.replaceAll(':', '').toLowerCase();
}

test.before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'errand-listener-'));
  makeAuthority('ca');
  makeAuthority('otherca');
  makeCertificate('server', 'ca');
  makeCertificate('unknown', 'ca');
  makeCertificate('foreign', 'otherca');
  for (const name of ['T', 'U']) {
    const certificateId = makeCertificate(name, 'ca');
    principals.set(certificateId, { certificateId, thingNames: [name] });
  }
});

test.before.each(async () => {
  requests = [];
  answering = undefined;
  identifying = undefined;
  lines = [];
  watchers = [];
  listener = await listenMqtt({
    port: 0,
    host: '127.0.0.1',
    ca: readFileSync(file('ca.crt')),
    cert: readFileSync(file('server.crt')),
    key: readFileSync(file('server.key')),
    identify: (certificateId) => identifying?.(certificateId) ?? Promise.resolve(principals.get(certificateId)),
    onRequest(request) {
      requests.push(request);
      answering?.(request);
    },
    log(_level, message, fields) {
      const line = `${message} ${JSON.stringify(fields)}`;
      lines.push(line);
      for (const { pattern, seen } of watchers) if (line.includes(pattern)) seen();
    },
    now: () => performance.now(),
  });
});

test.after.each(() => listener.close());
test.after(() => rmSync(folder, { recursive: true, force: true }));

interface Client {
  socket: TLSSocket;
  send: (...packets: Packet[]) => void;
  next: () => Promise<Packet>;
  closed: Promise<unknown>;
}

/** Opens a TLS connection; the server's refusal of a certificate comes after that (TLS 1.3). */
async function open(
  name: string | undefined,
  options: ConnectionOptions = {},
  protocolVersion: 4 | 5 = 4,
): Promise<Client> {
  const own = name && { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)) };
  const ca = readFileSync(file('ca.crt'));
  const socket = connect({ port: listener.port, host: '127.0.0.1', servername: 'localhost', ca, ...own, ...options });
  const packets: Packet[] = [];
  const waiting: ((packet: Packet) => void)[] = [];
  const reader = parser({ protocolVersion });
  reader.on('packet', (packet) => {
    const take = waiting.shift();
    if (take) take(packet);
    else packets.push(packet);
  });
  socket.on('data', (bytes: Buffer) => reader.parse(bytes));
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  const closed = new Promise((resolve) => socket.once('close', () => resolve(failure)));
  await Promise.race([new Promise((opened) => socket.once('secureConnect', opened as () => void)), closed]);
  return {
    socket,
    send: (...sent) => void socket.write(Buffer.concat(sent.map((packet) => generate(packet, { protocolVersion })))),
    next: async () => packets.shift() ?? new Promise((resolve) => waiting.push(resolve)),
    closed,
  };
}

async function online(name: string, clientId = name, options: ConnectionOptions = {}): Promise<Client> {
  const client = await open(name, options);
  client.send({ cmd: 'connect', clientId, clean: true });
  assert.is(((await client.next()) as { returnCode: number }).returnCode, 0);
  return client;
}

/** The options of one of mosquitto's clients, with the certificate and the client identifier `name`. */
function mosquitto(name: string, version: 'mqttv311' | 'mqttv5'): string[] {
  const server = ['-h', 'localhost', '-p', `${listener.port}`, '--cafile', file('ca.crt')];
  const own = ['--cert', file(`${name}.crt`), '--key', file(`${name}.key`), '-i', name];
  return [...server, ...own, '-q', '1', '-V', version];
}

test('mosquitto_sub hears what mosquitto_pub says, both with device certificates, on topics of their own', async () => {
  if (!hasTool('mosquitto_sub', 'mosquitto-clients')) return;
  const arguments_ = (name: string) => mosquitto(name, 'mqttv311');
  // A session of U's own, so that nothing is lost between its two runs.
  const subscribe = [...arguments_('U'), '-c', '-t', 'site/#'];
  assert.equal(await once(spawn('mosquitto_sub', [...subscribe, '-E'], { stdio: 'inherit' }), 'exit'), [0, null]);
  const sub = spawn('mosquitto_sub', [...subscribe, '-C', '2', '-v'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  sub.stdout.on('data', (chunk) => (heard += chunk));
  const ended = once(sub, 'close');
  try {
    for (const [topic, message] of [
      ['site/a', 'one'],
      ['site/b', 'two'],
    ] as const) {
      const alpn = ['--tls-alpn', 'x-amzn-mqtt-ca'];
      const pub = spawn('mosquitto_pub', [...arguments_('T'), '-t', topic, '-m', message, ...alpn], {
        stdio: 'inherit',
      });
      assert.equal(await once(pub, 'exit'), [0, null]);
    }
    assert.equal(await ended, [0, null]);
    assert.is(heard, 'site/a one\nsite/b two\n');
  } finally {
    sub.kill();
  }
});

test('MQTT 5: mosquitto_sub keeps its session and hears the properties that mosquitto_pub sent, and its own identifier', async () => {
  if (!hasTool('mosquitto_sub', 'mosquitto-clients')) return;
  const identifier = ['-D', 'subscribe', 'subscription-identifier', '7'];
  const subscribe = [...mosquitto('U', 'mqttv5'), '-c', '-x', '60', '-t', 'site/#', ...identifier];
  assert.equal(await once(spawn('mosquitto_sub', [...subscribe, '-E'], { stdio: 'inherit' }), 'exit'), [0, null]);
  const properties = Object.entries({
    'content-type': ['text/plain'],
    'response-topic': ['answers/T'],
    'correlation-data': ['c1'],
    'user-property': ['name', 'value'],
    'message-expiry-interval': ['600'],
    'topic-alias': ['1'],
  }).flatMap(([name, values]) => ['-D', 'publish', name, ...values]);
  const pub = [...mosquitto('T', 'mqttv5'), '-t', 'site/a', '-m', 'one', ...properties, '--tls-alpn', 'x-amzn-mqtt-ca'];
  assert.equal(await once(spawn('mosquitto_pub', pub, { stdio: 'inherit' }), 'exit'), [0, null]);
  const format = ['-F', '%t %p %C %R %D %P %S', '-C', '1'];
  const sub = spawn('mosquitto_sub', [...subscribe, ...format], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  sub.stdout.on('data', (chunk) => (heard += chunk));
  assert.equal(await once(sub, 'close'), [0, null]);
  assert.is(heard, 'site/a one text/plain answers/T c1 name:value 7\n');
});

test('MQTT 5: mosquitto_rr asks for a job and has its correlation data back with the answer', async () => {
  if (!hasTool('mosquitto_rr', 'mosquitto-clients')) return;
  answering = (request) => listener.answer(request, `${request.topic}/accepted`, Buffer.from('{"execution":{}}'));
  const topic = '$aws/things/T/jobs/$next/get';
  const ask = ['-t', topic, '-e', `${topic}/accepted`, '-m', '{}', '-D', 'publish', 'correlation-data', 'c1'];
  const rr = spawn('mosquitto_rr', [...mosquitto('T', 'mqttv5'), ...ask, '-F', '%p %D'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let heard = '';
  rr.stdout.on('data', (chunk) => (heard += chunk));
  assert.equal(await once(rr, 'close'), [0, null]);
  assert.is(heard, '{"execution":{}} c1\n');
});

test('MQTT 5: mosquitto_pub hears why it is refused', async () => {
  if (!hasTool('mosquitto_pub', 'mosquitto-clients')) return;
  const pub = spawn('mosquitto_pub', [...mosquitto('T', 'mqttv5'), '-t', '$aws/things/U/jobs/get', '-m', '{}'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  pub.stderr.on('data', (chunk) => (said += chunk));
  await once(pub, 'close');
  assert.match(said, 'Not authorized');
});

test('close tells clients of MQTT 5 that the server ends', async () => {
  const client = await open('T', {}, 5);
  client.send({ cmd: 'connect', clientId: 'T', protocolVersion: 5, clean: true });
  await client.next();
  const last = client.next();
  await listener.close();
  assert.is(((await last) as { reasonCode: number }).reasonCode, 0x8b);
  await client.closed;
});

test('mosquitto_pub without a certificate, or with one of another authority, is refused', async () => {
  if (!hasTool('mosquitto_pub', 'mosquitto-clients')) return;
  const server = ['-h', 'localhost', '-p', `${listener.port}`, '--cafile', file('ca.crt'), '-t', 'a', '-m', 'x'];
  for (const own of [[], ['--cert', file('foreign.crt'), '--key', file('foreign.key')]]) {
    const pub = spawn('mosquitto_pub', [...server, ...own, '-q', '1'], { stdio: 'ignore' });
    const refused = logged('TLS handshake failed');
    try {
      await refused;
      assert.not(lines.some((line) => line.includes('client connected')));
    } finally {
      pub.kill();
      if (pub.exitCode === null && pub.signalCode === null) await once(pub, 'exit');
    }
    lines = [];
  }
});

test('ALPN: x-amzn-mqtt-ca or none is taken, another name is refused; TLS 1.1 is refused', async () => {
  const named = await online('T', 'T', { ALPNProtocols: ['x-amzn-mqtt-ca'] });
  assert.is(named.socket.alpnProtocol, 'x-amzn-mqtt-ca');
  assert.is((await online('U')).socket.alpnProtocol, false);
  assert.ok((await (await open('T', { ALPNProtocols: ['http/1.1'] })).closed) instanceof Error);
  const old = await open('T', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
  assert.ok((await old.closed) instanceof Error);
});

test('a certificate of the authority that is not known is closed and logged', async () => {
  const client = await open('unknown');
  await client.closed;
  await logged('not known or not active');
});

test('when identify fails, the connection is closed and the reason logged', async () => {
  const { certificateId } = [...principals.values()][0]!;
  const principal = principals.get(certificateId)!;
  Object.defineProperty(principals, 'get', {
    configurable: true,
    value: () => {
      throw new Error('the store is away');
    },
  });
  try {
    await (await open('T')).closed;
    await logged('the store is away');
  } finally {
    Reflect.deleteProperty(principals, 'get');
  }
  assert.is(principals.get(certificateId), principal);
});

test('a request comes with its client and thing, and its answer goes back to it', async () => {
  const client = await online('T');
  client.send({
    cmd: 'publish',
    topic: '$aws/things/T/jobs/get',
    payload: '{}',
    qos: 1,
    dup: false,
    retain: false,
    messageId: 7,
  });
  assert.is((await client.next()).cmd, 'puback');
  const request = requests[0]!;
  assert.equal([request.clientId, request.thingName, request.topic], ['T', 'T', '$aws/things/T/jobs/get']);
  listener.answer(request, `${request.topic}/accepted`, Buffer.from('{"queuedJobs":[]}'));
  const answer = (await client.next()) as { topic: string; payload: Buffer };
  assert.equal([answer.topic, `${answer.payload}`], ['$aws/things/T/jobs/get/accepted', '{"queuedJobs":[]}']);
});

test('a resumed TLS session is known by the same certificate', async () => {
  const first = await online('T', 'T', { maxVersion: 'TLSv1.2' });
  const session = first.socket.getSession()!;
  first.socket.destroy();
  const second = await online('T', 'T', { maxVersion: 'TLSv1.2', session });
  assert.ok(second.socket.isSessionReused());
  second.send(
    { cmd: 'publish', topic: '$aws/things/T/jobs/get', payload: '{}', qos: 0, dup: false, retain: false },
    { cmd: 'pingreq' },
  );
  await second.next();
  assert.is(requests[0]?.thingName, 'T');
});

test('a revoked certificate is disconnected, and refused from then on', async () => {
  const client = await online('U');
  const principal = [...principals.values()].find(({ thingNames }) => thingNames[0] === 'U')!;
  principals.delete(principal.certificateId);
  try {
    listener.revoke(principal.certificateId);
    await client.closed;
    await (await open('U')).closed;
  } finally {
    principals.set(principal.certificateId, principal);
  }
});

test('a certificate that is revoked while its connection is being looked up does not get in', async () => {
  const principal = [...principals.values()].find(({ thingNames }) => thingNames[0] === 'U')!;
  let isActive = true;
  identifying = async () => {
    const found = isActive ? principal : undefined;
    identifying = async () => undefined;
    isActive = false; // the store says so from here on, while what was read before is on its way
    listener.revoke(principal.certificateId);
    return found;
  };
  const client = await open('U');
  client.send({ cmd: 'connect', clientId: 'U', clean: true });
  await client.closed;
  await logged('not known or not active');
  assert.not(lines.some((line) => line.includes('client connected')));
});

test('a change of another certificate does not hold up who is coming', async () => {
  let asked = 0;
  identifying = async (certificateId) => {
    asked++;
    listener.revoke('another');
    return principals.get(certificateId);
  };
  await online('U');
  assert.is(asked, 1);
});

test('a client that falls silent is closed by the one timer, set for its keep-alive', async () => {
  const client = await open('T');
  client.send({ cmd: 'connect', clientId: 'T', clean: true, keepalive: 1 });
  await client.closed;
  await logged('1.5 times its keep-alive');
});

test('a reader slower than its messages is cut off, and another hears them all', async () => {
  const slow = await online('T');
  const quick = await online('U');
  const filter = { cmd: 'subscribe', messageId: 1 } as const;
  slow.send({ ...filter, subscriptions: [{ topic: 'big', qos: 0 }] });
  quick.send({ ...filter, subscriptions: [{ topic: 'big', qos: 0 }] });
  await Promise.all([slow.next(), quick.next()]);
  slow.socket.pause();
  const payload = Buffer.alloc(131_072);
  const enough = Math.ceil((unsentBytesMax + 64 * 1_048_576) / payload.length); // the kernel's buffers too
  const isCutOff = () => lines.some((line) => line.includes('reads too slowly') && line.includes('"T"'));
  let sent = 0;
  while (!isCutOff() && sent < enough) {
    listener.publish('big', payload, 0);
    sent++;
    assert.is((await quick.next()).cmd, 'publish');
  }
  assert.ok(isCutOff(), `${sent} messages of 128 KiB sent`);
  slow.socket.resume();
  await slow.closed;
});

test('close ends every connection, one still without TLS too, and frees the port', async () => {
  const client = await online('T');
  const raw = connectTcp(listener.port, '127.0.0.1');
  await once(raw, 'connect');
  const rawClosed = once(raw, 'close');
  raw.on('error', () => {});
  await listener.close();
  await Promise.all([client.closed, rawClosed]);
});

test('a port that is taken is refused with its reason', async () => {
  const files = {
    ca: readFileSync(file('ca.crt')),
    cert: readFileSync(file('server.crt')),
    key: readFileSync(file('server.key')),
  };
  const rest = { identify: async () => undefined, onRequest: () => {}, log: () => {}, now: () => 0 };
  try {
    await listenMqtt({ port: listener.port, host: '127.0.0.1', ...files, ...rest });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'EADDRINUSE');
  }
});

if (hasTool('openssl', 'openssl'))
  test('while it drains it takes neither connections nor packets, and what it acknowledged is still answered', async () => {
    const client = await online('T');
    const topic = '$aws/things/T/jobs/get';
    const ask = (messageId: number) =>
      client.send({ cmd: 'publish', topic, payload: '{}', qos: 1, messageId, dup: false, retain: false });
    ask(1);
    assert.is((await client.next()).cmd, 'puback');
    listener.drain();
    ask(2);
    const late = await open('U');
    assert.match(String(await late.closed), 'ECONNREFUSED');
    listener.answer(requests[0]!, `${topic}/accepted`, Buffer.from('{}'));
    const ended = listener.close();
    const answer = await client.next();
    assert.is(answer.cmd === 'publish' && answer.topic, `${topic}/accepted`);
    assert.is(await client.closed, undefined, 'closed, not reset');
    await ended;
    assert.is(requests.length, 1);
  });

test.run();
