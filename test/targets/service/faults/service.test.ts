/** Faults on demand over real sockets: mqtt.js, mosquitto_sub and the AWS SDK at a whole service. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as iot from '@aws-sdk/client-iot';
import * as data from '@aws-sdk/client-iot-jobs-data-plane';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_MEANINGS } from '../../../../runtime/jobs/errorMeanings.ts';
import type { FaultSwitch } from '../../../../targets/service/faults/plan.ts';
import { readPlan } from '../../../../targets/service/faults/readPlan.ts';
import { ERROR_CODES } from '../../../../targets/service/faults/rule.ts';
import { type Service, startService } from '../../../../targets/service/service.ts';
import { readServiceSettings } from '../../../../targets/service/settings.ts';
import { startChild } from '../../../child.ts';
import { hasTool } from '../../../tools.ts';

/** The SDK would say on stderr that it will want a newer Node. */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

let folder: string;
let service: Service;
let open: string;
let control: iot.IoTClient;
let jobsData: data.IoTJobsDataPlaneClient;
const faults: FaultSwitch = { plan: undefined };
let lines: string[] = [];
const clients: MqttClient[] = [];
const sockets: Socket[] = [];
let jobs = 0;

test.before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'errand-faults-'));
  const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0', '--mqtt-open', '0'];
  const settings = readServiceSettings(['--data', folder, ...ports]);
  if (settings === 'help' || 'faults' in settings) throw new Error('the flags are wrong');
  const log = (level: string, message: string, fields: object = {}) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  service = await startService(settings, log, faults);
  const endpoints = JSON.parse(readFileSync(service.endpointsFile, 'utf8'));
  open = endpoints.mqttOpen;
  const options = {
    endpoint: endpoints.https,
    region: endpoints.region,
    credentials: endpoints,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(endpoints.ca) }) }),
  };
  control = new iot.IoTClient(options);
  jobsData = new data.IoTJobsDataPlaneClient(options);
});

test.after.each(async () => {
  faults.plan = undefined;
  lines = [];
  for (const client of clients.splice(0)) await client.endAsync(true);
  for (const socket of sockets.splice(0)) socket.destroy();
});

test.after(async () => {
  control.destroy();
  jobsData.destroy();
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

const plan = (...rules: object[]) => {
  faults.plan = readPlan(JSON.stringify({ seed: 1, rules }));
};
const fired = () => lines.filter((line) => line.startsWith('warn fault fired')).length;

/** A thing with one QUEUED execution. */
async function thingWithJob(): Promise<{ thingName: string; jobId: string }> {
  const [thingName, jobId] = [`thing-${++jobs}`, `job-${jobs}`];
  await control.send(new iot.CreateThingCommand({ thingName }));
  const targets = [`arn:aws:iot:us-east-1:123456789012:thing/${thingName}`];
  await control.send(new iot.CreateJobCommand({ jobId, targets, document: '{}' }));
  for (;;) {
    const { queuedJobs = [] } = await jobsData.send(new data.GetPendingJobExecutionsCommand({ thingName }));
    if (queuedJobs.length > 0) return { thingName, jobId };
  }
}

/** mqtt.js with the answers that came, in their order. */
async function device(version: 4 | 5 = 4, options: IClientOptions = {}) {
  const client = mqtt.connect(`mqtt://${open}`, { protocolVersion: version, reconnectPeriod: 0, ...options });
  clients.push(client);
  client.on('error', () => {}); // 'close' follows
  // biome-ignore lint/suspicious/noExplicitAny: tests read what came as it came
  const answers: { topic: string; body: any }[] = [];
  const waiting: (() => void)[] = [];
  client.on('message', (topic, payload) => {
    answers.push({ topic, body: JSON.parse(`${payload}`) });
    for (const tell of waiting.splice(0)) tell();
  });
  await new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('close', () => reject(new Error('closed before CONNACK')));
  });
  return {
    client,
    ask: (topic: string, body: object) => client.publishAsync(topic, JSON.stringify(body), { qos: 1 }),
    async answered(count: number) {
      while (answers.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
      return answers.slice(0, count);
    },
  };
}

async function versionOf({ thingName, jobId }: { thingName: string; jobId: string }): Promise<number> {
  const { execution } = await control.send(new iot.DescribeJobExecutionCommand({ thingName, jobId }));
  return execution?.versionNumber ?? 0;
}

test('each of the nine codes is answered instead of the operation, over MQTT and HTTPS, with the state where it belongs', async () => {
  const { thingName, jobId } = await thingWithJob();
  const board = await device();
  const topic = `$aws/things/${thingName}/jobs/${jobId}/update`;
  for (const [i, code] of ERROR_CODES.entries()) {
    plan({ when: { operation: 'UpdateJobExecution' }, do: { answer: code } });
    await board.ask(topic, { status: 'IN_PROGRESS', clientToken: `c${i}` });
    const { topic: on, body } = (await board.answered(i + 1)).at(-1)!;
    assert.equal([on, body.code, body.clientToken], [`${topic}/rejected`, code, `c${i}`]);
    const withState = code === 'VersionMismatch' || code === 'InvalidStateTransition';
    assert.equal(body.executionState, withState ? { status: 'QUEUED', versionNumber: 1 } : undefined, code);
    const error = await jobsData
      .send(new data.UpdateJobExecutionCommand({ thingName, jobId, status: 'IN_PROGRESS' }))
      .then(
        () => assert.unreachable(),
        (thrown) => thrown,
      );
    const { httpStatus, httpType } = ERROR_MEANINGS[code];
    assert.equal([error.name, error.$metadata.httpStatusCode], [httpType, httpStatus], code);
  }
  assert.is(await versionOf({ thingName, jobId }), 1, 'nothing was carried out');
  assert.is(fired(), 18);
});

test('throttle: RequestThrottled and 429, each second time, for things of a pattern alone', async () => {
  const one = await thingWithJob();
  plan({ when: { thing: 'thing-*' }, every: 2, times: 2, do: { throttle: true } });
  const pending = () =>
    jobsData.send(new data.GetPendingJobExecutionsCommand({ thingName: one.thingName })).then(
      () => 200,
      (error) => error.$metadata.httpStatusCode,
    );
  assert.equal(
    [await pending(), await pending(), await pending(), await pending(), await pending(), await pending()],
    [200, 429, 200, 429, 200, 200],
  );
  plan({ when: { thing: 'other-*' }, do: { throttle: true } });
  assert.is(await pending(), 200);
});

test('a lost answer was carried out, a lost request was not; doubled ones come and count twice', async () => {
  const one = await thingWithJob();
  const board = await device();
  const topic = `$aws/things/${one.thingName}/jobs/${one.jobId}/update`;
  const step = { status: 'IN_PROGRESS' };
  plan({ nth: 1, when: { operation: 'UpdateJobExecution' }, do: { drop: 'answer' } });
  await board.ask(topic, { ...step, clientToken: 'lost answer' });
  await board.ask(topic, { ...step, clientToken: 'a' });
  assert.is((await board.answered(1))[0]!.body.clientToken, 'a');
  assert.is(await versionOf(one), 3);
  plan({ nth: 1, do: { drop: 'request' } });
  await board.ask(topic, { ...step, clientToken: 'lost request' });
  await board.ask(topic, { ...step, clientToken: 'b' });
  assert.is((await board.answered(2))[1]!.body.clientToken, 'b');
  assert.is(await versionOf(one), 4);
  plan({ nth: 1, do: { duplicate: 'answer' } });
  await board.ask(topic, { ...step, clientToken: 'c' });
  assert.equal(
    (await board.answered(4)).slice(2).map(({ body }) => body.clientToken),
    ['c', 'c'],
  );
  assert.is(await versionOf(one), 5);
  plan({ nth: 1, do: { duplicate: 'request' } });
  await board.ask(topic, { ...step, clientToken: 'd' });
  assert.equal(
    (await board.answered(6)).slice(4).map(({ body }) => body.clientToken),
    ['d', 'd'],
  );
  assert.is(await versionOf(one), 6, 'the service knows a request that comes again');
});

test('a late answer comes, after one that was asked for later; also when the rules are gone meanwhile', async () => {
  const { thingName } = await thingWithJob();
  const board = await device(5);
  const topic = `$aws/things/${thingName}/jobs/get`;
  plan({ nth: 1, when: { operation: 'GetPendingJobExecutions' }, do: { delay: 150 } });
  await board.ask(topic, { clientToken: 'late' });
  await board.ask(topic, { clientToken: 'next' });
  await board.answered(1);
  faults.plan = undefined;
  assert.equal(
    (await board.answered(2)).map(({ body }) => body.clientToken),
    ['next', 'late'],
  );
});

(hasTool('mosquitto_sub', 'mosquitto-clients') ? test : test.skip)(
  'mosquitto_sub: a notification is lost, the next one comes twice, the third late',
  async () => {
    const { thingName } = await thingWithJob();
    const [host, port] = open.split(':') as [string, string];
    const topic = `$aws/things/${thingName}/jobs/notify`;
    const sub = startChild('stdbuf', [
      '-oL',
      'mosquitto_sub',
      '-h',
      host,
      '-p',
      port,
      '-t',
      topic,
      '-q',
      '1',
      '-d',
      '-C',
      '3',
    ]);
    await sub.line(/^Subscribed/);
    const only = { thing: thingName, operation: 'notify' };
    plan(
      { when: only, nth: 1, do: { drop: 'notification' } },
      { when: only, nth: 1, do: { duplicate: 'notification' } },
      { when: only, nth: 1, do: { delay: 20 } },
    );
    for (const jobId of ['n1', 'n2', 'n3'].map((name) => `${thingName}-${name}`)) {
      const targets = [`arn:aws:iot:us-east-1:123456789012:thing/${thingName}`];
      await control.send(new iot.CreateJobCommand({ jobId, targets, document: '{}' }));
      for (;;) {
        const { queuedJobs = [] } = await jobsData.send(new data.GetPendingJobExecutionsCommand({ thingName }));
        if (queuedJobs.some((row) => row.jobId === jobId)) break;
      }
    }
    assert.is(await sub.ended, 0);
    const counts = sub.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line).jobs.QUEUED.length);
    assert.equal(counts, [3, 3, 4]);
  },
);

interface Raw {
  socket: Socket;
  send: (...packets: Packet[]) => void;
  next: () => Promise<Packet | undefined>;
  bytes: () => number;
}

/** A bare socket: what came, packet by packet, and undefined at its end. */
async function raw(): Promise<Raw> {
  const [host, port] = open.split(':') as [string, string];
  const socket = connectTcp({ host, port: Number(port) });
  sockets.push(socket);
  await once(socket, 'connect');
  const packets: (Packet | undefined)[] = [];
  const waiting: ((packet: Packet | undefined) => void)[] = [];
  const take = (packet: Packet | undefined) => {
    const tell = waiting.shift();
    if (tell) tell(packet);
    else packets.push(packet);
  };
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', take);
  socket.on('data', (chunk: Buffer) => reader.parse(chunk));
  socket.on('error', () => {});
  socket.on('close', () => take(undefined));
  return {
    socket,
    send: (...sent) => void socket.write(Buffer.concat(sent.map((packet) => generate(packet)))),
    next: () =>
      packets.length > 0 ? Promise.resolve(packets.shift()) : new Promise((resolve) => waiting.push(resolve)),
    bytes: () => socket.bytesRead,
  };
}

const CONNECT: Packet = {
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  clientId: 'raw',
  keepalive: 60,
};
const PING: Packet = { cmd: 'pingreq' };
const SUBSCRIBE: Packet = { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'x', qos: 0 }] };
const PUBLISH: Packet = { cmd: 'publish', topic: 'y', payload: 'z', qos: 1, messageId: 2, dup: false, retain: false };

async function entered(): Promise<Raw> {
  const client = await raw();
  client.send(CONNECT);
  assert.is((await client.next())?.cmd, 'connack');
  return client;
}

// Before any CONNACK is withheld: until such a connection is closed the rules' layer stays in force.
test('rules come and go in the middle of a packet', async () => {
  const client = await entered();
  const bytes = generate(SUBSCRIBE);
  const half = async (part: Buffer) => {
    client.socket.write(part);
    // A second client's answer tells that the first one's bytes have been read.
    const other = await raw();
    other.send({ ...CONNECT, clientId: `other-${Math.round(performance.now())}` } as Packet);
    await other.next();
    other.socket.destroy();
  };
  await half(bytes.subarray(0, 4));
  plan({ when: { thing: 'nobody' }, do: { throttle: true } });
  client.socket.write(bytes.subarray(4));
  assert.is((await client.next())?.cmd, 'suback');
  await half(bytes.subarray(0, 7));
  faults.plan = undefined;
  client.socket.write(bytes.subarray(7));
  assert.is((await client.next())?.cmd, 'suback');
  plan({ when: { thing: 'nobody' }, do: { throttle: true } });
  client.socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1]));
  assert.is(await client.next(), undefined);
  assert.ok(lines.some((line) => line.includes('remaining length of more than four bytes')));
});

test('CONNECT is refused with each code of MQTT 3.1.1 and 5, and let in after', async () => {
  const REASONS: Record<number, number> = { 1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87, 138: 0x8a, 151: 0x97 };
  for (const [code, reason] of Object.entries(REASONS))
    for (const version of [4, 5] as const) {
      plan({ when: { operation: 'connect' }, times: 1, do: { refuse: Number(code) } });
      const client = mqtt.connect(`mqtt://${open}`, { protocolVersion: version, reconnectPeriod: 0 });
      clients.push(client);
      const error = (await new Promise<Error>((resolve) =>
        client.once('error', (thrown) => resolve(thrown)),
      )) as Error & { code: number };
      assert.is(error.code, version === 5 ? reason : Number(code) <= 5 ? Number(code) : 3);
      await device(version);
    }
});

test('CONNACK, SUBACK, PUBACK and PINGRESP are withheld, and the connection stays', async () => {
  for (const [withheld, sent, then, expected] of [
    ['SUBACK', SUBSCRIBE, PING, 'pingresp'],
    ['PUBACK', PUBLISH, PING, 'pingresp'],
    ['PINGRESP', PING, SUBSCRIBE, 'suback'],
  ] as const) {
    const client = await entered();
    plan({ do: { withhold: withheld } });
    client.send(sent, then);
    assert.is((await client.next())?.cmd, expected, withheld);
    faults.plan = undefined;
    client.socket.destroy();
  }
  plan({ times: 1, do: { withhold: 'CONNACK' } });
  const client = mqtt.connect(`mqtt://${open}`, { reconnectPeriod: 1, connectTimeout: 100, clientId: 'patient' });
  clients.push(client);
  client.on('error', () => {});
  await new Promise<void>((resolve) => client.once('connect', () => resolve()));
  assert.is(fired(), 4);
});

test('a connection is cut before an answer, after it, and inside it', async () => {
  for (const [cut, sent, bytes] of [
    ['before', PING, 0],
    ['after', PING, 2],
    [1, PING, 1],
    [3, SUBSCRIBE, 3],
    [0, PUBLISH, 0],
  ] as const) {
    const client = await entered();
    const before = client.bytes();
    plan({ when: { operation: ['ping', 'subscribe', 'publish'] }, do: { cut } });
    client.send(sent, PING);
    while ((await client.next()) !== undefined);
    assert.is(client.bytes() - before, bytes, `${cut}`);
    faults.plan = undefined;
  }
  plan({ when: { operation: 'connect' }, do: { cut: 2 } });
  const client = await raw();
  client.send(CONNECT);
  assert.is(await client.next(), undefined);
  assert.is(client.bytes(), 2);
});

test('an answer of the service is cut off, and the update was carried out', async () => {
  const one = await thingWithJob();
  const topic = `$aws/things/${one.thingName}/jobs/${one.jobId}/update`;
  const update: Packet = {
    cmd: 'publish',
    topic,
    payload: '{"status":"IN_PROGRESS"}',
    qos: 0,
    dup: false,
    retain: false,
  };
  for (const [cut, bytes] of [
    ['before', 0],
    [10, 10],
  ] as const) {
    const client = await entered();
    const before = client.bytes();
    plan({ when: { operation: 'UpdateJobExecution' }, do: { cut } });
    client.send(update);
    assert.is(await client.next(), undefined);
    assert.is(client.bytes() - before, bytes);
  }
  assert.is(await versionOf(one), 3);
});

test('a persistent session is lost: CONNACK says so, and its subscription is gone', async () => {
  const options = { clientId: 'forgetful', clean: false } as const;
  const first = await device(4, options);
  await first.client.subscribeAsync('lost', { qos: 1 });
  await first.client.endAsync();
  plan({ when: { thing: 'forgetful' }, do: { lose: 'session' } });
  const again = mqtt.connect(`mqtt://${open}`, { reconnectPeriod: 0, ...options });
  clients.push(again);
  const connack = await new Promise<{ sessionPresent: boolean }>((resolve) => again.once('connect', resolve));
  assert.is(connack.sessionPresent, false);
});

test('a connection that is held up sends on later, in its order', async () => {
  const client = await entered();
  plan({ when: { operation: 'subscribe' }, do: { delay: 30 } });
  client.send(SUBSCRIBE, PUBLISH, PING);
  assert.equal(
    [(await client.next())?.cmd, (await client.next())?.cmd, (await client.next())?.cmd],
    ['suback', 'puback', 'pingresp'],
  );
});

test('HTTPS: an answer is late, lost, cut off; a request is doubled', async () => {
  const one = await thingWithJob();
  const update = () => jobsData.send(new data.UpdateJobExecutionCommand({ ...one, status: 'IN_PROGRESS' }));
  plan({ do: { delay: 20 } });
  await update();
  plan({ do: { duplicate: 'request' } });
  await update();
  assert.is(await versionOf(one), 4);
  for (const cut of ['before', 1] as const) {
    plan({ do: { cut } });
    await update().then(
      () => assert.unreachable(),
      (error) => assert.not(error instanceof data.InvalidRequestException, `${error}`),
    );
  }
  assert.is(await versionOf(one), 6);
  plan({ do: { cut: 'after' } });
  await update();
  plan({ do: { drop: 'answer' } });
  const given = new AbortController();
  const asked = jobsData.send(new data.UpdateJobExecutionCommand({ ...one, status: 'IN_PROGRESS' }), {
    abortSignal: given.signal,
  });
  while ((await versionOf(one)) < 8);
  given.abort();
  await asked.then(
    () => assert.unreachable(),
    (error) => assert.is(error.name, 'AbortError'),
  );
});

test.run();
