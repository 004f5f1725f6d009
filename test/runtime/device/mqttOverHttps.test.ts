import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeHttpsAnswer, encodeHttpsRequest } from '../../../runtime/device/jobsOverHttps.ts';
import {
  createHttpsWay,
  type HttpsEffect,
  type HttpsEvent,
  stepHttpsWay,
} from '../../../runtime/device/mqttOverHttps.ts';
import { encodeObject } from '../../../runtime/jobs/json.ts';
import { encodeConnect } from '../../../runtime/mqtt/connect.ts';
import { decodePublish, encodePublish } from '../../../runtime/mqtt/publish.ts';
import { encodeSubscribe } from '../../../runtime/mqtt/subscribe.ts';
import { openHttpsWorld } from './httpsWorld.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

test('each operation has its method and path (data plane §8.2), the token stays at home', () => {
  const jobs = '$aws/things/a:b/jobs';
  const token = { clientToken: 't' };
  const describe = { ...token, executionNumber: 7, includeJobDocument: false };
  assert.equal(encodeHttpsRequest(`${jobs}/j/get`, describe), {
    method: 'GET',
    path: '/things/a%3Ab/jobs/j?executionNumber=7&includeJobDocument=false',
    body: undefined,
  });
  assert.is(encodeHttpsRequest(`${jobs}/$next/get`, token)?.path, '/things/a%3Ab/jobs/%24next');
  assert.is(encodeHttpsRequest(`${jobs}/notify-next`, token), undefined);
  const update = encodeHttpsRequest(`${jobs}/j/update`, { ...token, status: 'FAILED' })!;
  assert.equal([update.method, update.path, `${update.body}`.length > 0], ['POST', '/things/a%3Ab/jobs/j', true]);
  assert.equal(JSON.parse(Buffer.from(update.body!).toString()), { status: 'FAILED' });
});

test('an answer comes as over MQTT: the document as a value, errors by their code (data plane §8.3, §9)', () => {
  const said = (status: number, errorType: string | undefined, body: unknown) =>
    decodeHttpsAnswer({ status, errorType, body: bytes(body) });
  const execution = { jobId: 'j', jobDocument: '{"a":[1]}' };
  assert.equal(said(200, undefined, { execution })?.[1], { execution: { jobId: 'j', jobDocument: { a: [1] } } });
  assert.equal(said(200, undefined, { jobDocument: '{"a":1}' })?.[1], { jobDocument: { a: 1 } });
  const codeOf = (...args: Parameters<typeof said>) => said(...args)?.[1].code;
  assert.is(codeOf(404, 'ResourceNotFoundException', {}), 'ResourceNotFound');
  assert.is(codeOf(410, 'TerminalStateException:http://internal.amazon.com/', {}), 'TerminalStateReached');
  assert.is(codeOf(409, 'InvalidStateTransitionException', {}), 'InvalidStateTransition');
  assert.is(codeOf(409, 'InvalidStateTransitionException', { code: 'VersionMismatch' }), 'VersionMismatch');
  assert.is(codeOf(429, undefined, 'a page'), 'RequestThrottled');
  assert.is(codeOf(400, undefined, { __type: 'aws#InvalidRequestException' }), 'InvalidRequest');
  assert.is(codeOf(502, undefined, 'a page'), 'InternalError');
  assert.is(said(403, 'ForbiddenException', { message: 'no' }), undefined);
  assert.is(said(302, undefined, 'log in here'), undefined);
});

test('jobs run over HTTPS; between them one request is held open for a minute, none asked in a circle', async () => {
  const world = await openHttpsWorld(1, 0, true);
  world.boot();
  await world.pass(10 * 60_000);
  assert.ok(world.requests.length <= 14, `${world.requests.length} requests in ten idle minutes`);
  await world.job('one', 1_000, 1_000);
  const created = world.timeline.now();
  await world.pass(60_000);
  assert.equal(world.started, ['one.0', 'one.1']);
  assert.is(await world.status('one'), 'SUCCEEDED');
  assert.ok(world.requests.find(({ at, method }) => at > created && method === 'POST')!.at - created < 2_000);
  await world.end();
});

test('where requests are not held, it asks now and then, each device at another time', async () => {
  const gaps: number[] = [];
  for (const seed of [1, 2]) {
    const world = await openHttpsWorld(seed, 0, false);
    world.boot();
    await world.pass(60 * 60_000);
    const looks = world.requests.map(({ at }) => at).slice(3);
    gaps.push(...looks.map((at, i) => at - (looks[i - 1] ?? Number.NaN)).filter((gap) => gap >= 0));
    await world.job('one', 1_000);
    await world.pass(60_000);
    assert.is(await world.status('one'), 'SUCCEEDED');
    await world.end();
  }
  assert.ok(Math.min(...gaps) >= 15_000 && Math.max(...gaps) < 46_000, `${Math.min(...gaps)} to ${Math.max(...gaps)}`);
  assert.ok(new Set(gaps.map(Math.round)).size > gaps.length / 2);
});

test('a job cancelled while it runs is stopped at the next look', async () => {
  const world = await openHttpsWorld(3, 0, true);
  world.boot();
  await world.job('long', 600_000, 1_000);
  await world.pass(30_000);
  assert.equal(world.started, ['long.0']);
  await world.service.control.cancelJob({ jobId: 'long', force: true });
  await world.pass(30_000);
  assert.ok(
    world.logs.some((line) => /no longer holds|holds it as CANCELED/.test(line)),
    world.logs.join('\n'),
  );
  await world.job('next', 10);
  await world.pass(60_000);
  assert.equal(world.started, ['long.0', 'next.0']);
  assert.is(await world.status('next'), 'SUCCEEDED');
  await world.end();
});

for (const [when, apartMillis] of [
  ['later', 20_000],
  ['within the same second', 0],
] as const)
  test(`a job is made anew under its name ${when}: the old one is stopped at the next look, the new one runs`, async () => {
    const world = await openHttpsWorld(4, 0, true);
    world.boot();
    await world.pass(60_000);
    await world.pass(1_000 - (world.timeline.now() % 1_000));
    await world.job('name', 600_000);
    for (let n = 0; n < 90 && world.started.length === 0; n++) await world.pass(10);
    assert.equal(world.started, ['name.0']);
    await world.pass(apartMillis);
    await world.service.control.deleteJob({ jobId: 'name', force: true });
    await world.pass(1);
    await world.job('name', 10, 10);
    await world.pass(30_000);
    assert.ok(
      world.logs.some((line) => /job name: the service holds another execution in its place/.test(line)),
      world.logs.join('\n'),
    );
    assert.equal(world.started, ['name.0', 'name.0', 'name.1']);
    assert.is(await world.status('name'), 'SUCCEEDED');
    await world.end();
  });

test('the head of the queue is told at each look, for what runs outside of its window ends unseen', () => {
  const way = openWay();
  way.answer(way.due(), queued(1));
  assert.equal(way.told(), [queued(1)]);
  const claim = way.publish('j/update', { status: 'IN_PROGRESS' });
  way.answer(claim, {});
  way.answer(way.due(), inProgress(1));
  way.told();
  way.answer(way.due(), inProgress(1));
  assert.equal(way.told(), [inProgress(1)], 'though nothing has changed');
  way.answer(way.due(), queued(2));
  assert.equal(way.told(), [queued(2)]);
});

test('the head of the queue, IN_PROGRESS and made anew: the claim has met it, and what runs is not put in doubt', () => {
  const way = openWay();
  way.answer(way.due(), queued(1));
  way.answer(way.publish('j/update', { status: 'IN_PROGRESS' }), {});
  way.told();
  way.answer(way.due(), inProgress(2));
  assert.equal(way.told(), [inProgress(2)]);
});

test('a look that overlaps with a request of the device says nothing, and is asked again at once', () => {
  const way = openWay();
  way.answer(way.due(), queued(1));
  way.told();
  const old = way.due();
  const claim = way.publish('j/update', { status: 'IN_PROGRESS' });
  way.answer(claim, {});
  way.answer(old, queued(2)); // what it was before the claim met it
  assert.equal(way.told(), []);
  way.answer(way.due(0), inProgress(2));
  assert.equal(way.told(), [inProgress(2)]);
  const overtaken = way.due();
  const next = way.publish('$next/get', {});
  way.answer(overtaken, queued(3));
  assert.equal(way.told(), []);
  assert.equal(way.due(0), undefined, 'it waits for the answer to the device');
  way.answer(next, queued(2));
  way.answer(way.due(0), queued(2));
  assert.equal(way.told(), [queued(2)]);
});

const JOBS = '$aws/things/T/jobs';
const execution = (status: string, queuedAt: number) => ({
  execution: { jobId: 'j', executionNumber: 1, versionNumber: 1, status, queuedAt, jobDocument: { version: '1.0' } },
});
const queued = (queuedAt: number) => execution('QUEUED', queuedAt);
const inProgress = (queuedAt: number) => execution('IN_PROGRESS', queuedAt);

/** A way that is connected, whose requests are answered by hand; `first` is at the head of the queue. */
function openWay(first: object = {}) {
  let way = createHttpsWay('T', 1);
  let now = 0;
  let wakeAt: number | undefined;
  const requests: Extract<HttpsEffect, { do: 'request' }>[] = [];
  const told: unknown[] = [];
  let held: number | undefined;
  function give(event: HttpsEvent): void {
    let effects: HttpsEffect[];
    [way, effects] = stepHttpsWay(way, event, now);
    for (const effect of effects) {
      if (effect.do === 'request') requests.push(effect);
      else if (effect.do === 'wake') wakeAt = effect.at;
      else if (effect.do === 'hangUp') throw new Error(effect.reason);
      else if (effect.bytes[0]! >> 4 === 3) {
        const { topicName, payload } = decodePublish(effect.bytes);
        if (topicName === `${JOBS}/notify-next`) told.push(JSON.parse(Buffer.from(payload).toString()));
      }
    }
  }
  const bytesOf = (bytes: Uint8Array) => give({ on: 'bytes', bytes });
  const answer = (id: number | undefined, body: object) =>
    give({
      on: 'answered',
      id: id!,
      answer: { status: 200, errorType: undefined, body: encodeObject({ ...body }) },
      isHeld: true,
    });
  bytesOf(encodeConnect({ clientId: 'T', keepAliveSeconds: 60 }, 0, []));
  answer(requests.pop()?.id, first);
  bytesOf(encodeSubscribe({ packetIdentifier: 1, subscriptions: [{ topicFilter: `${JOBS}/notify-next`, qos: 1 }] }));
  return {
    answer,
    /** The look that is due next, where one is within these milliseconds; its request. */
    due(millis = 60_000): number | undefined {
      if (wakeAt === undefined || wakeAt > now + millis) return undefined;
      now = wakeAt;
      give({ on: 'wake' });
      held = requests.at(-1)?.holdSeconds;
      return requests.pop()?.id;
    },
    /** How long the last look may be held open, in seconds. */
    held: () => held,
    publish(level: string, payload: object): number | undefined {
      bytesOf(encodePublish({ topicName: `${JOBS}/${level}`, payload: encodeObject({ ...payload }), qos: 0 }));
      return requests.pop()?.id;
    },
    /** Of the head of the queue, since asked last. */
    told: () => told.splice(0),
  };
}

test('a device that takes its job up again after a restart hears of its end: its look is not held open', () => {
  const way = openWay(queued(1700));
  way.answer(way.publish('j/get', {}), queued(1700));
  way.answer(way.publish('j/update', { status: 'IN_PROGRESS' }), {});
  const look = way.due();
  assert.is(way.held(), 0);
  way.answer(look, queued(1800));
  assert.equal(way.told(), [queued(1800)]);
  const idle = openWay();
  idle.due();
  assert.is(idle.held(), 60);
});

test('with a third of all requests and answers lost no step runs twice, and every job ends', async () => {
  for (let seed = 10; seed < 30; seed++) {
    const world = await openHttpsWorld(seed, 0.3, seed % 2 === 0);
    world.boot();
    for (let i = 0; i < 6; i++) {
      await world.job(`j${i}`, 500, 20_000, 10);
      await world.pass(60_000);
    }
    world.calm();
    await world.pass(30 * 60_000);
    assert.is(new Set(world.started).size, world.started.length, `seed ${seed}: ${world.started}`);
    for (let i = 0; i < 6; i++) assert.is(await world.status(`j${i}`), 'SUCCEEDED', `seed ${seed}: j${i}`);
    await world.end();
  }
});

test.run();
