import { readFileSync } from 'node:fs';
import path from 'node:path';
import { connect } from 'node:tls';
import SqliteDriver from 'better-sqlite3';
import { generate, parser } from 'mqtt-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../tools.ts';
import { makeCa, makeCertificate } from '../transports/certificates.ts';
import { type Door, type Json, listen, publish, request, run } from './clients.ts';
import { arnOf, type House, openHouse } from './house.ts';

const THING = 'codes-1';
const JOBS = `$aws/things/${THING}/jobs`;
/** As service.ts has it: requests of one connection that wait for their answer. */
const UNANSWERED_MAX = 100;

const codes = suite<{ house: House; door: Door }>('answers from outside');
codes.before(async (context) => {
  context.house = await openHouse();
  const { cert, key } = await context.house.thing(THING);
  await context.house.errand('create-thing', '--thing-name', 'codes-2');
  context.door = { address: context.house.endpoints.mqtts, ca: context.house.endpoints.ca, cert, key };
});
codes.after(async ({ house }) => house?.end());

/** Creates a job and waits until its device can see it. */
async function createJob({ house, door }: { house: House; door: Door }, jobId: string): Promise<void> {
  const listener = await listen(door, [`${JOBS}/notify`]);
  await house.errand('create-job', '--job-id', jobId, '--targets', arnOf(THING), '--document', `{"job":"${jobId}"}`);
  await listener.next();
  await listener.kill();
}

/** Asks for a refusal, with a clientToken and without, and looks at all of it but the message's words. */
async function refused(
  door: Door,
  path: string,
  payload: object,
  code: string,
  message: RegExp,
  more: object = {},
): Promise<void> {
  for (const token of [{}, { clientToken: 'token-7' }]) {
    const { body, retained } = await request(door, `${JOBS}/${path}`, { ...payload, ...token }, 'rejected');
    assertRefusal(body, code, message, { ...token, ...more });
    assert.is(retained, false);
  }
}

function assertRefusal(body: Json, code: string, message: RegExp, more: object): void {
  assert.match(body.message, message);
  assert.equal(body, { code, message: body.message, timestamp: wholeSeconds(body.timestamp), ...more });
}

function wholeSeconds(timestamp: unknown): number {
  assert.ok(Number.isInteger(timestamp), `timestamp ${timestamp}`);
  assert.ok(Math.abs((timestamp as number) - Date.now() / 1000) < 60, `timestamp ${timestamp}`);
  return timestamp as number;
}

codes(
  'InvalidTopic: a topic in the namespace that is no operation, also with a jobId that cannot be',
  async ({ door }) => {
    for (const path of ['foo', 'job/delete', '$next/update', 'a:b/get', 'job/get/more', 'notify-next/x'])
      await refused(door, path, {}, 'InvalidTopic', /no operation/);
  },
);

codes('InvalidJson: no JSON, no object, no UTF-8; without a clientToken, which could not be read', async ({ door }) => {
  for (const text of ['{"status":', 'x', '[]', '"text"', 'null', '7'])
    for (const path of ['get', 'start-next', '$next/get', 'job/get', 'job/update']) {
      if (path !== 'job/update' && text !== 'x') continue;
      const { body } = await request(door, `${JOBS}/${path}`, text, 'rejected');
      assertRefusal(body, 'InvalidJson', /JSON/, {});
    }
  const latin1 = Buffer.from('{"clientToken":"\xfc"}', 'latin1');
  assertRefusal((await request(door, `${JOBS}/get`, latin1, 'rejected')).body, 'InvalidJson', /UTF-8|JSON/, {});
});

codes('an empty payload stands for {}, and an update of nothing is InvalidRequest', async ({ door }) => {
  for (const path of ['get', 'start-next', '$next/get']) {
    const { body } = await request(door, `${JOBS}/${path}`, '');
    wholeSeconds(body.timestamp);
  }
  const { body } = await request(door, `${JOBS}/job/update`, '', 'rejected');
  assertRefusal(body, 'InvalidRequest', /status/, {});
});

codes(
  "InvalidRequest: a status missing or not a device's, details, timers and versions out of range",
  async ({ door }) => {
    const started = { status: 'IN_PROGRESS' };
    const details = (statusDetails: unknown) => ({ ...started, statusDetails });
    const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, 'v']));
    const updates: [object, RegExp][] = [
      [{}, /Value null at 'status' failed to satisfy constraint: Member must not be null/],
      [{ status: 'DONE' }, /status/],
      [{ status: 'CANCELED' }, /status/],
      [{ status: 7 }, /status/],
      [details(eleven), /statusDetails/],
      [details({ 'a b': 'v' }), /statusDetails/],
      [details({ a: 'x'.repeat(1025) }), /statusDetails/],
      [details({ a: {} }), /statusDetails/],
      [{ ...started, stepTimeoutInMinutes: 0 }, /stepTimeoutInMinutes/],
      [{ ...started, stepTimeoutInMinutes: 10081 }, /stepTimeoutInMinutes/],
      [{ ...started, expectedVersion: 'x' }, /expectedVersion/],
    ];
    for (const [payload, message] of updates) await refused(door, 'job/update', payload, 'InvalidRequest', message);
    await refused(door, 'start-next', { stepTimeoutInMinutes: -1 }, 'InvalidRequest', /stepTimeoutInMinutes/);
    const { body } = await request(door, `${JOBS}/get`, { clientToken: 'x'.repeat(65) }, 'rejected');
    assert.is(body.code, 'InvalidRequest');
  },
);

codes('ResourceNotFound: an unknown job, an unknown executionNumber', async (context) => {
  const { door } = context;
  await refused(door, 'nothing/get', {}, 'ResourceNotFound', /nothing/);
  await refused(door, 'nothing/update', { status: 'SUCCEEDED' }, 'ResourceNotFound', /nothing/);
  await createJob(context, 'found');
  await refused(door, 'found/get', { executionNumber: 2 }, 'ResourceNotFound', /found/);
});

codes(
  'a whole life by requests: $next, get, start-next, update, each answered to its requester alone',
  async ({ house, door }) => {
    const others = await listen(door, [`${JOBS}/#`], { clientId: 'another client of the thing' });
    const clientToken = 'life-1';
    const queued = await request(door, `${JOBS}/$next/get`, { clientToken });
    assert.equal([queued.topic, queued.qos, queued.retained], [`${JOBS}/$next/get/accepted`, 1, false]);
    const { execution, timestamp } = queued.body;
    assert.equal(queued.body, { timestamp: wholeSeconds(timestamp), clientToken, execution });
    const { queuedAt } = execution;
    const head = {
      jobId: 'found',
      queuedAt: wholeSeconds(queuedAt),
      lastUpdatedAt: queuedAt,
      versionNumber: 1,
      executionNumber: 1,
    };
    assert.equal(execution, { ...head, status: 'QUEUED', jobDocument: { job: 'found' } });
    const plain = await request(door, `${JOBS}/found/get`, { includeJobDocument: false });
    assert.equal(plain.body.execution, { ...head, status: 'QUEUED' });

    const pending = await request(door, `${JOBS}/get`, {});
    assert.equal(pending.body, { timestamp: pending.body.timestamp, inProgressJobs: [], queuedJobs: [head] });

    const statusDetails = { step: '1' };
    const started = await request(door, `${JOBS}/start-next`, { clientToken, statusDetails, stepTimeoutInMinutes: 5 });
    const { startedAt, approximateSecondsBeforeTimedOut: left } = started.body.execution;
    const running = { ...head, startedAt: wholeSeconds(startedAt), lastUpdatedAt: startedAt, versionNumber: 2 };
    assert.equal(started.body.execution, {
      ...running,
      thingName: THING,
      status: 'IN_PROGRESS',
      statusDetails,
      approximateSecondsBeforeTimedOut: left,
      jobDocument: { job: 'found' },
    });
    assert.ok(Number.isInteger(left) && left > 240 && left <= 300, `${left} seconds left`);
    const again = await request(door, `${JOBS}/start-next`, { statusDetails: { step: '9' } });
    assert.equal([again.body.execution.versionNumber, again.body.execution.statusDetails], [2, statusDetails]);

    const update = {
      status: 'IN_PROGRESS',
      expectedVersion: '2',
      includeJobExecutionState: true,
      includeJobDocument: true,
    };
    const updated = await request(door, `${JOBS}/found/update`, { ...update, stepTimeoutInMinutes: -1 });
    assert.equal(updated.body, {
      timestamp: updated.body.timestamp,
      executionState: { status: 'IN_PROGRESS', versionNumber: 3, statusDetails },
      jobDocument: { job: 'found' },
    });
    const inProgress = await request(door, `${JOBS}/get`, {});
    assert.equal([inProgress.body.queuedJobs, inProgress.body.inProgressJobs[0].versionNumber], [[], 3]);
    assert.is((await house.execution('found', THING)).versionNumber, 3);

    await publish(door, `${JOBS}/get/accepted`, '{"queuedJobs":"forged"}'); // taken, and nobody hears it
    await house.errand('create-job', '--job-id', 'marker', '--targets', arnOf(THING), '--document', '{}');
    assert.is((await others.next()).topic, `${JOBS}/notify`);
    await others.kill();
  },
);

codes('VersionMismatch with what the version is, and nothing changes', async ({ house, door }) => {
  const executionState = { status: 'IN_PROGRESS', versionNumber: 3, statusDetails: { step: '1' } };
  const payload = { status: 'SUCCEEDED', expectedVersion: 99 };
  await refused(door, 'found/update', payload, 'VersionMismatch', /^Expected version 99 but found version 3$/, {
    executionState,
  });
  assert.is((await house.execution('found', THING)).versionNumber, 3);
});

codes(
  'InvalidStateTransition with the state: QUEUED asked for, and anything after an operator cancelled',
  async ({ house, door }) => {
    const state = (status: string, versionNumber: number) => ({
      executionState: { status, versionNumber, statusDetails: { step: '1' } },
    });
    const running = state('IN_PROGRESS', 3);
    await refused(door, 'found/update', { status: 'QUEUED' }, 'InvalidStateTransition', /IN_PROGRESS/, running);
    await house.errand('cancel-job-execution', '--job-id', 'found', '--thing-name', THING, '--force');
    for (const status of ['IN_PROGRESS', 'SUCCEEDED', 'REJECTED'])
      await refused(door, 'found/update', { status }, 'InvalidStateTransition', /CANCELED/, state('CANCELED', 4));
  },
);

codes('TerminalStateReached: describing an execution that has ended', async ({ door }) => {
  const message = /^Job Execution has reached terminal state. It is neither IN_PROGRESS nor QUEUED$/;
  await refused(door, 'found/get', {}, 'TerminalStateReached', message);
});

codes(
  'RequestThrottled: more than 100 unanswered requests of one connection, the 100 are answered',
  async ({ door }) => {
    const count = UNANSWERED_MAX + 20;
    // mosquitto's clients have one request under way; this one puts all of them into one TLS record.
    const requests = Array.from({ length: count }, (_, i) =>
      generate({
        cmd: 'publish',
        topic: `${JOBS}/get`,
        payload: JSON.stringify({ clientToken: `${i}` }),
        qos: 0,
        dup: false,
        retain: false,
      }),
    );
    const [host, port] = door.address.split(':') as [string, string];
    const [ca, cert, key] = [door.ca, door.cert!, door.key!].map((file) => readFileSync(file));
    const socket = connect({ host, port: Number(port), servername: host, ca: ca!, cert: cert!, key: key! });
    const answers = await new Promise<[topic: string, body: Json][]>((resolve, reject) => {
      const found: [string, Json][] = [];
      const reader = parser({ protocolVersion: 4 });
      reader.on('packet', (packet) => {
        if (packet.cmd === 'connack') socket.write(Buffer.concat(requests));
        if (packet.cmd !== 'publish') return;
        found.push([packet.topic, JSON.parse(packet.payload.toString())]);
        if (found.length === count) resolve(found);
      });
      socket.on('data', (bytes) => reader.parse(bytes)).on('error', reject);
      socket.on('close', () => reject(new Error(`closed after ${found.length} answers`)));
      socket.write(generate({ cmd: 'connect', clientId: 'flood', clean: true, keepalive: 60 }));
    });
    socket.destroy();
    const of = (kind: string) => answers.filter(([topic]) => topic === `${JOBS}/get/${kind}`).map(([, body]) => body);
    assert.equal([of('accepted').length, of('rejected').length], [UNANSWERED_MAX, 20]);
    for (const body of of('rejected')) {
      assertRefusal(body, 'RequestThrottled', /100 requests/, { clientToken: body.clientToken });
      assert.ok(Number(body.clientToken) >= UNANSWERED_MAX, `clientToken ${body.clientToken}`);
    }
    assert.equal(new Set(answers.map(([, body]) => body.clientToken)).size, count);
  },
);

codes(
  'InternalError: the store fails under the running service; once it is whole again requests are answered',
  async ({ house, door }) => {
    const other = new SqliteDriver(path.join(house.folder, 'service', 'errand.db'), { timeout: 5_000 });
    try {
      other.exec('alter table exec rename to taken_away');
      await refused(door, 'get', {}, 'InternalError', /ask again/);
      await refused(door, 'marker/update', { status: 'SUCCEEDED' }, 'InternalError', /ask again/);
      other.exec('alter table taken_away rename to exec');
    } finally {
      other.close();
    }
    assert.equal((await request(door, `${JOBS}/get`, {})).body.queuedJobs.length, 1);
    await request(door, `${JOBS}/marker/update`, { status: 'SUCCEEDED' });
  },
);

codes(
  'an empty queue: $next and start-next are accepted without execution, both lists are there and empty',
  async ({ door }) => {
    const clientToken = 'nothing-left';
    for (const path of ['$next/get', 'start-next']) {
      const { body } = await request(door, `${JOBS}/${path}`, { clientToken });
      assert.equal(body, { timestamp: wholeSeconds(body.timestamp), clientToken });
    }
    const { body } = await request(door, `${JOBS}/get`, {});
    assert.equal(body, { timestamp: body.timestamp, inProgressJobs: [], queuedJobs: [] });
  },
);

codes(
  'identity: a filter beyond the own thing is refused in SUBACK, a publish beyond it disconnects',
  async ({ house, door }) => {
    const other = '$aws/things/codes-2/jobs';
    for (const filter of [`${other}/notify`, `${other}/#`, '$aws/things/+/jobs/#', '$aws/#', '#', '+/things/#']) {
      const { stdout, stderr } = await run('mosquitto_sub', door, 'nosy', '-E', '-t', filter);
      assert.match(stdout, /^Subscribed \(mid: 1\): 128$/m, `${filter}: ${stdout}${stderr}`);
    }
    const publishes: [string[], RegExp][] = [
      [['-t', `${other}/get`, '-m', '{}'], /not of a thing of this certificate/],
      [['-t', `${other}/job/update`, '-m', '{"status":"SUCCEEDED"}'], /not of a thing of this certificate/],
      [['-t', '$aws/events/job/x/completed', '-m', '{}'], /only the service publishes events/],
      [['-t', `${JOBS}/get`, '-m', '{}', '-r'], /RETAIN is not taken/],
      [['-t', `${JOBS}/notify`, '-m', '{}', '-r'], /RETAIN is not taken/],
    ];
    for (const [more, reason] of publishes) {
      const from = house.service.lines.length;
      const { code, stdout } = await run('mosquitto_pub', door, 'nosy', ...more);
      assert.is(code, 7, `the connection was lost: ${stdout}`);
      assert.not.match(stdout, /PUBACK/);
      await house.service.lineAfter(from, reason);
    }
  },
);

codes('identity: no certificate, and one of another authority, get no connection', async ({ house, door }) => {
  const foreign = makeCertificate(house.folder, 'foreign', makeCa(house.folder, 'otherca'));
  const { address, ca } = door;
  for (const own of [{}, { cert: foreign.certFile, key: foreign.keyFile }]) {
    const from = house.service.lines.length;
    const { code, stdout } = await run('mosquitto_pub', { address, ca, ...own }, 'stranger', '-t', 'a', '-m', 'x');
    assert.is.not(code, 0);
    assert.not.match(stdout, /CONNACK/);
    await house.service.lineAfter(from, /TLS handshake failed/);
  }
  const { code, stdout } = await run(
    'mosquitto_pub',
    { ...door, ca: path.join(house.folder, 'otherca.crt') },
    'x',
    '-t',
    'a',
    '-m',
    'x',
  );
  assert.is.not(code, 0, `a service that the client's CA did not sign: ${stdout}`);
});

if (hasTool('mosquitto_rr', 'mosquitto-clients') && hasTool('openssl', 'openssl')) codes.run();
