import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Accepted, ErrorResponse, JobExecution } from '../../../../runtime/jobs/answers.ts';
import type { JobsRequest } from '../../../../runtime/jobs/requests.ts';
import { HELD_PER_THING_MAX } from '../../../../targets/service/dataPlane/limits.ts';
import { type Caller, createDataPlane, OPERATOR } from '../../../../targets/service/dataPlane/plane.ts';
import type { Arrived } from '../../../../targets/service/http/listener.ts';
import { readTarget } from '../../../../targets/service/http/target.ts';
import { ModelledError } from '../../../../targets/service/modelledError.ts';
import { turnUntil } from './world.ts';

const EXECUTION: JobExecution = {
  jobId: 'j',
  status: 'QUEUED',
  queuedAt: 1,
  lastUpdatedAt: 1,
  versionNumber: 1,
  executionNumber: 1,
  jobDocument: { a: 'ü', b: [1] },
};

/** A data plane on a Jobs service that says what it is told to. */
function house(heldMax = 100) {
  const asked: { thingName: string; request: JobsRequest }[] = [];
  const timers = new Set<() => void>();
  const failures: unknown[] = [];
  let says: { kind: 'accepted'; body: Accepted } | { kind: 'rejected'; body: ErrorResponse } | Error = {
    kind: 'accepted',
    body: { timestamp: 1 },
  };
  const plane = createDataPlane({
    ask: async (thingName, request) => {
      asked.push({ thingName, request });
      if (says instanceof Error) throw says;
      return { answer: says };
    },
    heldMax,
    onFailure: (failure) => failures.push(failure),
    after: (_millis, run) => {
      timers.add(run);
      return () => void timers.delete(run);
    },
  });
  return {
    plane,
    asked,
    failures,
    say: (answer: typeof says) => void (says = answer),
    runOut: () => {
      for (const run of timers) run();
    },
    timers,
    /** Resolves when so many have been asked of the Jobs service, and the answer has been looked at. */
    async askedTimes(count: number) {
      await turnUntil(() => asked.length >= count, `it is asked ${count} times`);
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
  };
}

function arrived(method: string, url: string, body = '', prefer?: string): Arrived & { leave(): void } {
  let leave = () => {};
  return {
    id: 'id',
    method,
    target: readTarget(url)!,
    headers: prefer === undefined ? {} : { prefer },
    body: Buffer.from(body),
    onGone: (tell) => void (leave = tell),
    cut: () => {},
    leave: () => leave(),
  };
}

const failureOf = (answer: Promise<unknown>): Promise<ModelledError> =>
  answer.then(
    () => assert.unreachable('it was answered') as never,
    (error) => error,
  );

test('reads each operation from method and decoded path, with its members from where they travel (§8.2)', async () => {
  const { plane, asked } = house();
  const requests: [string, string, string][] = [
    ['GET', '/things/a%3Ab/jobs', ''],
    ['PUT', '/things/T/jobs/$next', '{"statusDetails":{"a":1},"stepTimeoutInMinutes":5,"clientToken":"not over HTTP"}'],
    ['PUT', '/things/T/jobs/%24next', ''],
    ['GET', '/things/T/jobs/%24next', ''],
    ['GET', '/things/T/jobs/j?executionNumber=7&includeJobDocument=false', ''],
    ['POST', '/things/T/jobs/j', '{"status":"SUCCEEDED","expectedVersion":"3","executionNumber":2,"more":[]}'],
    ['POST', '/things/T/jobs/j', '{"status":"FAILED","expectedVersion":3,"stepTimeoutInMinutes":-1}'],
  ];
  for (const [method, url, body] of requests) await plane.answer(arrived(method, url, body), OPERATOR);
  assert.equal(asked, [
    { thingName: 'a:b', request: { operation: 'GetPendingJobExecutions' } },
    {
      thingName: 'T',
      request: { operation: 'StartNextPendingJobExecution', statusDetails: { a: '1' }, stepTimeoutInMinutes: 5 },
    },
    { thingName: 'T', request: { operation: 'StartNextPendingJobExecution' } },
    { thingName: 'T', request: { operation: 'DescribeJobExecution', jobId: '$next' } },
    {
      thingName: 'T',
      request: { operation: 'DescribeJobExecution', jobId: 'j', executionNumber: 7, includeJobDocument: false },
    },
    {
      thingName: 'T',
      request: {
        operation: 'UpdateJobExecution',
        jobId: 'j',
        status: 'SUCCEEDED',
        expectedVersion: 3,
        executionNumber: 2,
      },
    },
    {
      thingName: 'T',
      request: {
        operation: 'UpdateJobExecution',
        jobId: 'j',
        status: 'FAILED',
        expectedVersion: 3,
        stepTimeoutInMinutes: -1,
      },
    },
  ]);
});

test('answers in the shape of HTTP: no timestamp, no token, the document as text, the thing named (§8.2)', async () => {
  const { plane, say } = house();
  const answer = async (method: string, url: string, body?: string) =>
    (await plane.answer(arrived(method, url, body), OPERATOR))!.body;
  assert.equal(await answer('GET', '/things/T/jobs/$next'), {});
  say({ kind: 'accepted', body: { timestamp: 1, clientToken: 't', execution: EXECUTION } });
  const execution = { ...EXECUTION, thingName: 'T', jobDocument: '{"a":"ü","b":[1]}' };
  assert.equal(await answer('GET', '/things/T/jobs/j'), { execution });
  say({ kind: 'accepted', body: { timestamp: 1, inProgressJobs: [], queuedJobs: [] } });
  assert.equal(await answer('GET', '/things/T/jobs'), { inProgressJobs: [], queuedJobs: [] });
  const executionState = { status: 'FAILED', versionNumber: 3 } as const;
  say({ kind: 'accepted', body: { timestamp: 1, executionState, jobDocument: [null] } });
  assert.equal(await answer('POST', '/things/T/jobs/j', '{"status":"FAILED"}'), {
    executionState,
    jobDocument: '[null]',
  });
});

test('each code of an ErrorResponse is its HTTP counterpart, with the state; VersionMismatch keeps its code (§8.3, §9)', async () => {
  const { plane, say } = house();
  const executionState = { status: 'FAILED', versionNumber: 3 } as const;
  const expected: [ErrorResponse['code'], number, string][] = [
    ['InvalidRequest', 400, 'InvalidRequestException'],
    ['ResourceNotFound', 404, 'ResourceNotFoundException'],
    ['InvalidStateTransition', 409, 'InvalidStateTransitionException'],
    ['VersionMismatch', 409, 'InvalidStateTransitionException'],
    ['TerminalStateReached', 410, 'TerminalStateException'],
    ['RequestThrottled', 429, 'ThrottlingException'],
    ['InternalError', 503, 'ServiceUnavailableException'],
  ];
  for (const [code, status, type] of expected) {
    const state = status === 409 ? { executionState } : {};
    say({ kind: 'rejected', body: { code, message: 'why', timestamp: 1, ...state } });
    const error = await failureOf(plane.answer(arrived('GET', '/things/T/jobs/j', '', 'wait=9'), OPERATOR));
    assert.equal([error.type, error.status, error.message], [type, status, 'why'], code);
    assert.equal(error.members, code === 'VersionMismatch' ? { code, ...state } : state, code);
  }
});

test('refuses what it has no operation for with 404, and wrong names, members and bodies with 400', async () => {
  const { plane, asked } = house();
  const refused: [string, string, string, number, RegExp][] = [
    ['GET', '/things', '', 404, /no operation at this path with GET/],
    ['DELETE', '/things/T/jobs/j', '', 404, /with DELETE/],
    ['PUT', '/things/T/jobs/j', '', 404, /with PUT/],
    ['GET', '/things/T/jobs/j/', '', 404, /with GET/],
    ['GET', '/things/a%20b/jobs', '', 400, /'a b' at 'thingName'/],
    ['GET', '/things//jobs', '', 400, /'' at 'thingName'/],
    ['GET', '/things/T/jobs/$last', '', 400, /'\$last' at 'jobId'/],
    ['POST', '/things/T/jobs/$next', '{"status":"FAILED"}', 400, /'\$next' at 'jobId'/],
    ['POST', '/things/T/jobs/j', '', 400, /Value null at 'status'/],
    ['POST', '/things/T/jobs/j', '[]', 400, /not a JSON object/],
    ['POST', '/things/T/jobs/j', '{"status":"FAILED"', 400, /not a JSON object/],
    ['POST', '/things/T/jobs/j', '{"status":"CANCELED"}', 400, /'status' cannot be CANCELED/],
    ['POST', '/things/T/jobs/j', '{"status":"FAILED","expectedVersion":"x"}', 400, /'expectedVersion'/],
    ['PUT', '/things/T/jobs/$next', '{"stepTimeoutInMinutes":-1}', 400, /'stepTimeoutInMinutes'/],
    ['GET', '/things/T/jobs/j?executionNumber=x', '', 400, /'executionNumber'/],
    ['GET', '/things/T/jobs/j?executionNumber=1&executionNumber=2', '', 400, /given 2 times/],
    ['GET', '/things/T/jobs/j?includeJobDocument=yes', '', 400, /'includeJobDocument'/],
  ];
  for (const [method, url, body, status, message] of refused) {
    const error = await failureOf(plane.answer(arrived(method, url, body), OPERATOR));
    assert.instance(error, ModelledError, `${method} ${url}`);
    assert.is(error.status, status, `${method} ${url}: ${error.message}`);
    assert.is(error.type, status === 404 ? 'ResourceNotFoundException' : 'InvalidRequestException');
    assert.match(error.message, message);
  }
  assert.equal(asked, []);
});

test('a failure inside is a 503 that says nothing of it; its owner is told', async () => {
  const { plane, say, failures } = house();
  say(new Error('disk on fire'));
  const error = await failureOf(plane.answer(arrived('GET', '/things/T/jobs', '', 'wait=5'), OPERATOR));
  assert.equal([error.type, error.status], ['ServiceUnavailableException', 503]);
  assert.not.match(error.message, 'fire');
  assert.equal([failures.length, plane.held()], [1, 0]);
});

for (const [method, url] of [
  ['GET', '/things/T/jobs'],
  ['GET', '/things/T/jobs/$next'],
  ['PUT', '/things/T/jobs/$next'],
] as const)
  test(`${method} ${url} with Prefer: wait is held until its thing has news, then reads anew`, async () => {
    const { plane, say, askedTimes, timers } = house();
    const answer = plane.answer(arrived(method, url, '', 'wait=100'), OPERATOR);
    await askedTimes(1);
    assert.is(plane.held(), 1);
    plane.notified('$aws/things/U/jobs/notify-next');
    plane.notified('$aws/things/T/jobs/notify'); // came and went: there is still nothing
    await askedTimes(2);
    assert.is(plane.held(), 1);
    say({ kind: 'accepted', body: { timestamp: 1, execution: EXECUTION } });
    plane.notified('$aws/things/T/jobs/notify-next');
    const given = await answer;
    assert.equal(given!.headers, { 'preference-applied': 'wait=60' });
    assert.is((given!.body as { execution: { jobId: string } }).execution.jobId, 'j');
    assert.equal([plane.held(), timers.size], [0, 0]);
  });

test('a request that finds something is answered at once; one that does not name $next, or no wait, is never held', async () => {
  const { plane, say, asked } = house();
  assert.equal(await plane.answer(arrived('GET', '/things/T/jobs/$next'), OPERATOR), { body: {} });
  assert.equal(await plane.answer(arrived('GET', '/things/T/jobs/j', '', 'wait=9'), OPERATOR), { body: {} });
  const update = arrived('POST', '/things/T/jobs/j', '{"status":"FAILED"}', 'wait=9');
  assert.equal(await plane.answer(update, OPERATOR), { body: {} });
  say({ kind: 'accepted', body: { timestamp: 1, inProgressJobs: [EXECUTION], queuedJobs: [] } });
  const given = await plane.answer(arrived('GET', '/things/T/jobs', '', 'wait=9'), OPERATOR);
  assert.equal(given!.headers, { 'preference-applied': 'wait=9' });
  assert.is(asked.length, 4);
});

test('a wait that runs out is answered with what there is then', async () => {
  const { plane, runOut, askedTimes } = house();
  const answer = plane.answer(arrived('GET', '/things/T/jobs/$next', '', 'wait=2'), OPERATOR);
  await askedTimes(1);
  runOut();
  assert.equal(await answer, { body: {}, headers: { 'preference-applied': 'wait=2' } });
  assert.is(plane.held(), 0);
});

test('a change while the Jobs service is being asked is not lost', async () => {
  const { plane, say } = house();
  const answer = plane.answer(arrived('GET', '/things/T/jobs/$next', '', 'wait=9'), OPERATOR);
  plane.notified('$aws/things/T/jobs/notify-next'); // before the first reading has ended
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  say({ kind: 'accepted', body: { timestamp: 1, execution: EXECUTION } });
  assert.ok(await answer);
});

test('a client that goes is let go at once and nothing is asked for it any more', async () => {
  const { plane, asked, askedTimes, timers } = house();
  const client = arrived('PUT', '/things/T/jobs/$next', '', 'wait=9');
  const answer = plane.answer(client, OPERATOR);
  await askedTimes(1);
  client.leave();
  assert.is(await answer, undefined);
  plane.notified('$aws/things/T/jobs/notify-next');
  assert.equal([plane.held(), timers.size, asked.length], [0, 0, 1]);
});

test('too many held for one thing, or in all, is a ThrottlingException (429), unless there is something to say', async () => {
  const { plane, say, askedTimes } = house(HELD_PER_THING_MAX + 1);
  const wait = (thingName: string) => plane.answer(arrived('GET', `/things/${thingName}/jobs`, '', 'wait=9'), OPERATOR);
  const held = Array.from({ length: HELD_PER_THING_MAX }, () => wait('T'));
  await askedTimes(HELD_PER_THING_MAX);
  const error = await failureOf(wait('T'));
  assert.equal([error.type, error.status], ['ThrottlingException', 429]);
  held.push(wait('U'));
  assert.is((await failureOf(wait('V'))).status, 429);
  say({ kind: 'accepted', body: { timestamp: 1, inProgressJobs: [], queuedJobs: [EXECUTION] } });
  assert.ok(await wait('V'));
  plane.end();
  assert.is((await Promise.all(held)).length, HELD_PER_THING_MAX + 1);
});

test('the end answers all that are held with what there is, and holds none any more', async () => {
  const { plane, askedTimes } = house();
  const answers = ['T', 'U'].map((name) =>
    plane.answer(arrived('GET', `/things/${name}/jobs`, '', 'wait=9'), OPERATOR),
  );
  await askedTimes(2);
  plane.end();
  assert.equal(
    (await Promise.all(answers)).map((given) => given!.body),
    [{}, {}],
  );
  assert.ok(await plane.answer(arrived('GET', '/things/T/jobs', '', 'wait=9'), OPERATOR));
  assert.is(plane.held(), 0);
});

test('who may ask is looked at again before one that waited is answered', async () => {
  const { plane, say, askedTimes, asked } = house();
  let allowed = true;
  const caller: Caller = {
    authorise: async () => {
      if (!allowed) throw new ModelledError('CertificateValidationException', 400, 'no longer');
    },
  };
  const answer = plane.answer(arrived('PUT', '/things/T/jobs/$next', '', 'wait=9'), caller);
  await askedTimes(1);
  allowed = false;
  say({ kind: 'accepted', body: { timestamp: 1, execution: EXECUTION } });
  plane.notified('$aws/things/T/jobs/notify-next');
  assert.is((await failureOf(answer)).type, 'CertificateValidationException');
  assert.equal([asked.length, plane.held()], [1, 0]);
});

test.run();
