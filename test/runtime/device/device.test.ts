import { generate, parser } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createDevice, step } from '../../../runtime/device/device.ts';
import type { Effect, Event } from '../../../runtime/effects.ts';
import { encodeRecord } from '../../../runtime/jobs/record.ts';

const OPTIONS = { thingName: 'T', clientId: 'T', keepAliveSeconds: 60, retryMaxMillis: 64_000 };

/** A device and, by another library, the broker it talks to. */
function talk() {
  let device = createDevice(OPTIONS);
  let now = 5_000;
  const sent: { cmd: string; topic?: string; payload?: unknown; messageId?: number }[] = [];
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet) => {
    const { cmd, messageId } = packet;
    if (packet.cmd !== 'publish') sent.push({ cmd, ...(messageId === undefined ? {} : { messageId }) });
    else
      sent.push({
        cmd,
        topic: packet.topic,
        payload: JSON.parse(String(packet.payload)),
        ...(messageId === undefined ? {} : { messageId }),
      });
  });
  const effects: Effect[] = [];
  const tell = (event: Event) => {
    const [next, out] = step(device, event, now);
    device = next;
    effects.push(...out);
    for (const effect of out) if (effect.do === 'write') reader.parse(Buffer.from(effect.bytes));
    return out;
  };
  const hear = (packet: Parameters<typeof generate>[0]) => tell({ on: 'bytes', bytes: generate(packet) });
  return {
    sent,
    effects,
    tell,
    hear,
    later: (millis: number) => (now += millis),
    get device() {
      return device;
    },
    get now() {
      return now;
    },
    publish: (topic: string, message: object) =>
      hear({
        cmd: 'publish',
        topic,
        payload: JSON.stringify(message),
        qos: 1,
        messageId: 77,
        dup: false,
        retain: false,
      }),
    connect(sessionPresent = false) {
      tell({ on: 'opened' });
      hear({ cmd: 'connack', returnCode: 0, sessionPresent });
      const subscribe = sent.find((packet) => packet.cmd === 'subscribe');
      if (!sessionPresent) hear({ cmd: 'suback', messageId: subscribe!.messageId!, granted: [1, 1, 1] });
    },
  };
}

const JOBS = '$aws/things/T/jobs';
const EXECUTION = {
  jobId: 'J',
  status: 'QUEUED',
  queuedAt: 1,
  lastUpdatedAt: 1,
  versionNumber: 1,
  executionNumber: 1,
  jobDocument: { version: '1.0', steps: [{ action: { name: 'one', type: 'runCommand', input: { command: 'true' } } }] },
};

test('boot: opens, connects, subscribes to three filters, and asks for $next', () => {
  const t = talk();
  t.tell({ on: 'boot', record: undefined, seed: 1 });
  assert.ok(t.effects.some((effect) => effect.do === 'open'));
  t.connect();
  assert.equal(
    t.sent.map((packet) => packet.cmd),
    ['connect', 'subscribe', 'publish'],
  );
  assert.is(t.sent[2]!.topic, `${JOBS}/$next/get`);
});

test('a job over MQTT: claimed with what the execution was known by, and nothing is written before its record', () => {
  const t = talk();
  t.tell({ on: 'boot', record: undefined, seed: 1 });
  t.connect();
  const { clientToken } = t.sent.at(-1)!.payload as { clientToken: string };
  const out = t.publish(`${JOBS}/$next/get/accepted`, { timestamp: 1, clientToken, execution: EXECUTION });
  assert.ok(out.some((effect) => effect.do === 'persist'));
  assert.is(t.sent.at(-1)!.cmd, 'puback');
  t.tell({ on: 'persisted' });
  const { topic, payload } = t.sent.at(-1)! as { topic: string; payload: Record<string, unknown> };
  assert.is(topic, `${JOBS}/J/update`);
  assert.equal(
    { ...payload, clientToken: undefined },
    {
      status: 'IN_PROGRESS',
      executionNumber: 1,
      expectedVersion: 1,
      statusDetails: { step: 'one', progress: '1/1' },
      includeJobDocument: true,
      clientToken: undefined,
    },
  );
});

test('a message of another thing, of no known shape or without our token is ignored, and said so where it is broken', () => {
  const t = talk();
  t.tell({ on: 'boot', record: undefined, seed: 1 });
  t.connect();
  const before = t.sent.length;
  t.publish('$aws/things/U/jobs/notify-next', { timestamp: 1, execution: EXECUTION });
  t.publish(`${JOBS}/$next/get/accepted`, { timestamp: 1, execution: EXECUTION });
  t.publish(`${JOBS}/$next/get/accepted`, { timestamp: 1, clientToken: 'else', execution: EXECUTION });
  const out = t.publish(`${JOBS}/notify-next`, { timestamp: 1, execution: { jobId: 5 } });
  assert.ok(out.some((effect) => effect.do === 'log' && effect.level === 'warn'));
  assert.equal(
    t.sent.slice(before).map((packet) => packet.cmd),
    ['puback', 'puback', 'puback', 'puback'],
  );
});

test('a report that was not acknowledged when the connection broke goes out once after reconnect, not twice', () => {
  const t = talk();
  const job = { jobId: 'J', executionNumber: 1, queuedAt: 1, versionNumber: 2 };
  const outcome = { status: 'SUCCEEDED', statusDetails: {} } as const;
  t.tell({ on: 'boot', record: encodeRecord({ thingName: 'T', job, phase: 'ended', outcome }), seed: 1 });
  t.connect();
  assert.is(t.sent.at(-1)!.topic, `${JOBS}/J/update`);
  t.tell({ on: 'closed', reason: 'cut' });
  t.later(100_000);
  t.tell({ on: 'wake' });
  const before = t.sent.length;
  t.connect(true);
  assert.equal(
    t.sent.slice(before).map((packet) => packet.topic ?? packet.cmd),
    ['connect', `${JOBS}/J/update`],
  );
});

test('the service is gone for a week while a job runs: it is tried again and again, without haste, and has the report in the end', () => {
  const t = talk();
  const DAY = 86_400_000;
  const job = { jobId: 'J', executionNumber: 1, queuedAt: 1, versionNumber: 2 };
  t.tell({ on: 'boot', record: encodeRecord({ thingName: 'T', job, phase: 'claimed', step: 0 }), seed: 1 });
  t.connect();
  const describe = t.sent.at(-1)!.payload as { clientToken: string };
  const held = { ...EXECUTION, status: 'IN_PROGRESS', versionNumber: 2 };
  t.publish(`${JOBS}/J/get/accepted`, { timestamp: 1, clientToken: describe.clientToken, execution: held });
  t.tell({ on: 'persisted' });
  assert.is(t.effects.findLast((effect) => effect.do === 'run')?.run, 1);
  t.tell({ on: 'closed', reason: 'cut' });
  let opens = 0;
  let wakes = 0;
  let passed = 0;
  let ended = false;
  while (passed < 7 * DAY) {
    const wait = t.device.wakeAt - t.now;
    assert.ok(wait < Infinity, 'nothing would ever happen again');
    t.later(Math.max(wait, 1));
    passed += Math.max(wait, 1);
    wakes += 1;
    if (!ended && passed > DAY) {
      ended = true;
      t.tell({ on: 'exited', run: 1, code: 0 });
      t.tell({ on: 'persisted' });
    }
    if (!t.tell({ on: 'wake' }).some((effect) => effect.do === 'open')) continue;
    opens += 1;
    t.tell({ on: 'closed', reason: 'ECONNREFUSED' });
  }
  const most = (7 * DAY) / (OPTIONS.retryMaxMillis / 4);
  assert.ok(opens > (7 * DAY) / OPTIONS.retryMaxMillis && opens < most, `${opens} opens`);
  assert.ok(wakes < 2 * opens, `${wakes} wakes`);
  while (!t.tell({ on: 'wake' }).some((effect) => effect.do === 'open')) t.later(1_000);
  t.connect(true);
  // First what was on its way when the connection broke.
  for (const expected of ['IN_PROGRESS', 'SUCCEEDED']) {
    const { topic, payload } = t.sent.findLast((packet) => packet.cmd === 'publish')!;
    const { clientToken, status } = payload as { clientToken: string; status: string };
    assert.equal([topic, status], [`${JOBS}/J/update`, expected]);
    t.publish(`${JOBS}/J/update/accepted`, { timestamp: 1, clientToken });
  }
  const last = t.effects.findLast((effect) => effect.do === 'persist');
  assert.is(last?.record.length, 0, 'forgotten');
  assert.is(t.effects.filter((effect) => effect.do === 'run').length, 1);
});

test('a record of another thing is not used; one of ours is', () => {
  const job = { jobId: 'J', executionNumber: 1, queuedAt: 1, versionNumber: 1 };
  const outcome = { status: 'SUCCEEDED', statusDetails: {} } as const;
  for (const [thingName, at] of [
    ['T', 'reporting'],
    ['U', 'idle'],
  ] as const) {
    const t = talk();
    t.tell({ on: 'boot', record: encodeRecord({ thingName, job, phase: 'ended', outcome }), seed: 1 });
    assert.is(t.device.runner.at, at);
  }
});

test('stop while idle: DISCONNECT, close, exit, and no timer is left', () => {
  const t = talk();
  t.tell({ on: 'boot', record: undefined, seed: 1 });
  t.connect();
  const out = t.tell({ on: 'stop' });
  assert.equal(
    out.filter((effect) => effect.do !== 'log').map((effect) => effect.do),
    ['write', 'close', 'exit', 'wake'],
  );
  assert.is(t.sent.at(-1)!.cmd, 'disconnect');
  assert.is(t.device.wakeAt, Infinity);
});

test('idle, the next wake is no earlier than the keep-alive', () => {
  const t = talk();
  t.tell({ on: 'boot', record: undefined, seed: 1 });
  t.connect();
  const { clientToken, messageId } = {
    ...(t.sent.at(-1)!.payload as { clientToken: string }),
    messageId: t.sent.at(-1)!.messageId!,
  };
  t.hear({ cmd: 'puback', messageId });
  t.publish(`${JOBS}/$next/get/accepted`, { timestamp: 1, clientToken });
  t.later(40_000);
  t.tell({ on: 'wake' });
  assert.ok(t.device.wakeAt >= 5_000 + 60_000);
});

test.run();
