import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeHttpsAnswer, encodeHttpsRequest } from '../../../runtime/device/jobsOverHttps.ts';
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
