import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mayMove, STATUSES, type Status } from '../../../../runtime/jobs/execution.ts';
import { PENDING_LIST_MAX } from '../../../../runtime/jobs/limits.ts';
import { WAITING_REQUESTS_MAX } from '../../../../targets/service/jobs/limits.ts';
import { rank } from '../../../../targets/service/jobs/storedExecution.ts';
import { openWorld, START_MILLIS, type World } from './world.ts';

const S = START_MILLIS / 1000;

/** Puts the execution of `jobId` on T1 into a status, as if it had always been there. */
async function put(world: World, jobId: string, status: Status): Promise<void> {
  const job = await world.store.db
    .selectFrom('job')
    .select('job_no')
    .where('job_id', '=', jobId)
    .executeTakeFirstOrThrow();
  await world.store.db
    .updateTable('exec')
    .set({ status: rank(status) })
    .where('job_no', '=', job.job_no)
    .execute();
}

async function dump({ store }: World): Promise<string> {
  const tables = ['exec', 'job', 'job_delta', 'job_count', 'notify_q'] as const;
  return JSON.stringify(await Promise.all(tables.map((table) => store.db.selectFrom(table).selectAll().execute())));
}

test('every status x what a device may ask for: accepted exactly where the table of moves says so, else nothing changes', async () => {
  const settable = ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED', 'QUEUED'] as const;
  for (const allowRejectFromInProgress of [false, true]) {
    const world = await openWorld({ allowRejectFromInProgress });
    await world.job('j', ['T1']);
    for (const from of STATUSES) {
      for (const to of [...settable, 'CANCELED', 'TIMED_OUT', 'REMOVED', 'DONE'] as const) {
        await put(world, 'j', from);
        await world.settle();
        const before = await dump(world);
        const answer = await world.ask('T1', 'j/update', { status: to, includeJobExecutionState: true });
        await world.settle();
        const label = `${from} to ${to}`;
        if (
          (STATUSES as readonly string[]).includes(to) &&
          mayMove(from, 'device', to as Status, allowRejectFromInProgress)
        ) {
          assert.is(answer?.kind, 'accepted', label);
          assert.is(answer?.body.executionState.status, to, label);
          continue;
        }
        const isSettable = (settable as readonly string[]).includes(to);
        assert.is(answer?.body.code, isSettable ? 'InvalidStateTransition' : 'InvalidRequest', label);
        assert.is(answer?.body.executionState?.status, isSettable ? from : undefined, label);
        assert.is(await dump(world), before, label);
      }
    }
    await world.close();
  }
});

test('faults of an update are looked for in the order of data-plane §6.4: JSON, types, status, execution, version, transition', async () => {
  const world = await openWorld();
  await world.job('done', ['T1']);
  await world.ask('T1', 'done/update', { status: 'SUCCEEDED' });
  const code = async (path: string, body: unknown) => (await world.ask('T1', path, body))?.body.code;
  const all = { status: 'QUEUED', expectedVersion: 99, statusDetails: { key: {} } };
  assert.is(await code('nojob/update', Buffer.from('{"status":')), 'InvalidJson');
  assert.is(await code('nojob/update', Buffer.from('[]')), 'InvalidJson');
  assert.is(await code('nojob/update', Buffer.from([0x7b, 0xff, 0x7d])), 'InvalidJson');
  assert.is(await code('nojob/update', all), 'InvalidRequest');
  assert.is(await code('nojob/update', { expectedVersion: 99 }), 'InvalidRequest');
  assert.is(await code('nojob/update', undefined), 'InvalidRequest');
  assert.is(await code('nojob/update', { status: 'QUEUED', expectedVersion: 99 }), 'ResourceNotFound');
  assert.is(await code('done/update', { status: 'QUEUED', expectedVersion: 99 }), 'VersionMismatch');
  assert.is(await code('done/update', { status: 'QUEUED', expectedVersion: '2' }), 'InvalidStateTransition');
  await world.close();
});

test('refusals: code, message, token and state as in data-plane §9', async () => {
  const world = await openWorld();
  await world.job('j', ['T1']);
  await world.job('done', ['T1']);
  await world.ask('T1', 'done/update', { status: 'FAILED', statusDetails: { why: 'x' } });
  const refusal = async (path: string, body: unknown) => {
    const answer = await world.ask('T1', path, body);
    assert.is(answer?.kind, 'rejected');
    return answer?.body;
  };
  assert.equal(await refusal('j/update', { status: 'SUCCEEDED', expectedVersion: 99, clientToken: 't' }), {
    code: 'VersionMismatch',
    message: 'Expected version 99 but found version 1',
    clientToken: 't',
    timestamp: S,
    executionState: { status: 'QUEUED', versionNumber: 1 },
  });
  assert.equal(await refusal('done/update', { status: 'SUCCEEDED' }), {
    code: 'InvalidStateTransition',
    message: 'A job execution that is FAILED cannot be set to SUCCEEDED',
    timestamp: S,
    executionState: { status: 'FAILED', versionNumber: 2, statusDetails: { why: 'x' } },
  });
  assert.equal(await refusal('done/get', { clientToken: 't' }), {
    code: 'TerminalStateReached',
    message: 'Job Execution has reached terminal state. It is neither IN_PROGRESS nor QUEUED',
    clientToken: 't',
    timestamp: S,
  });
  assert.equal(await refusal('j/get', { executionNumber: 2 }), {
    code: 'ResourceNotFound',
    message: 'There is no execution number 2 of job j for thing T1',
    timestamp: S,
  });
  assert.is((await refusal('$next/update', { status: 'FAILED', clientToken: 't' })).clientToken, 't');
  for (const path of ['foo', 'j/delete', '$next/update', 'a.b/get', 'j/get/more', 'start-next/', 'j']) {
    assert.is((await refusal(path, {})).code, 'InvalidTopic', path);
  }
  assert.equal((await world.ask('T9', 'get'))?.body, {
    code: 'ResourceNotFound',
    message: 'There is no thing T9',
    timestamp: S,
  });
  assert.is((await world.ask('T9', 'start-next'))?.body.code, 'ResourceNotFound');
  assert.is((await world.ask('T9', '$next/get'))?.body.code, 'ResourceNotFound');
  for (const path of ['get/accepted', 'j/update/rejected', 'notify', 'notify-next', 'foo/notify']) {
    assert.is(await world.ask('T1', path, {}), undefined, path);
  }
  assert.is(await world.service.request('other/topic', Buffer.from('{}')), undefined);
  await world.close();
});

test('get: both lists always there, ordered by queuedAt, at most 10 together, taken from the head of the queue', async () => {
  const world = await openWorld();
  assert.equal((await world.ask('T1', 'get', { clientToken: 'c' }))?.body, {
    inProgressJobs: [],
    queuedJobs: [],
    timestamp: S,
    clientToken: 'c',
  });
  for (let n = 1; n <= 12; n++) await world.job(`j${n}`, ['T1']);
  for (const jobId of ['j12', 'j3']) {
    world.nowMillis += 1_000; // started in this order, which does not matter
    await world.ask('T1', `${jobId}/update`, { status: 'IN_PROGRESS' });
  }
  const { inProgressJobs, queuedJobs } = (await world.ask('T1', 'get'))?.body ?? {};
  const ids = (list: { jobId: string }[]) => list.map(({ jobId }) => jobId);
  assert.equal(ids(inProgressJobs), ['j3', 'j12']);
  assert.equal(ids(queuedJobs), ['j1', 'j2', 'j4', 'j5', 'j6', 'j7', 'j8', 'j9']);
  assert.is(inProgressJobs.length + queuedJobs.length, PENDING_LIST_MAX);
  assert.equal(Object.keys(queuedJobs[0]), ['jobId', 'queuedAt', 'lastUpdatedAt', 'versionNumber', 'executionNumber']);
  await world.close();
});

test('times of the data plane are whole seconds, whatever the clock shows (data-plane §4)', async () => {
  const world = await openWorld({ startMillis: START_MILLIS + 743 });
  await world.job('j', ['T1']);
  world.nowMillis += 1_100;
  const started = (await world.ask('T1', 'start-next'))?.body;
  world.nowMillis += 1_100;
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
  const [listed] = (await world.ask('T1', 'get'))?.body.inProgressJobs ?? [];
  assert.equal([listed.queuedAt, listed.startedAt, listed.lastUpdatedAt], [S, S + 1, S + 2]);
  assert.equal([started.execution.queuedAt, started.execution.startedAt, started.timestamp], [S, S + 1, S + 1]);
  assert.is((await world.ask('T1', 'nothing/get'))?.body.timestamp, S + 2);
  for (const [, , body] of world.takeTold()) {
    const [one] = [...Object.values<object[]>(body.jobs ?? {}).flat(), body.execution];
    assert.equal([body.timestamp, one.queuedAt, one.lastUpdatedAt], [S, S, S]);
  }
  await world.close();
});

test('jobs that are queued in the same millisecond keep the order in which they were created', async () => {
  const world = await openWorld();
  for (const id of ['z', 'a', 'm']) await world.job(id, ['T1']);
  const queuedAt = await world.store.db.selectFrom('exec').select('queued_at').orderBy('job_no').execute();
  assert.equal(
    queuedAt.map((row) => row.queued_at - START_MILLIS),
    [0, 1, 2],
  );
  assert.is((await world.ask('T1', 'start-next'))?.body.execution.jobId, 'z');
  // started within the millisecond that it was queued in, as the clock shows it: never before
  const row = await world.store.db
    .selectFrom('exec')
    .selectAll()
    .where('started_at', 'is not', null)
    .executeTakeFirstOrThrow();
  assert.ok((row.started_at as number) >= row.queued_at);
  await world.close();
});

test('start-next: starts the head with its document, hands it out again unchanged, and tells nobody', async () => {
  const world = await openWorld();
  assert.equal(await world.ask('T1', 'start-next', { clientToken: 'a' }), {
    kind: 'accepted',
    body: { timestamp: S, clientToken: 'a' },
  });
  await world.job('j', ['T1'], { document: '{"steps":[1,"zwei"]}' });
  world.takeTold();
  world.nowMillis += 5_000;
  const request = { statusDetails: { at: 'start' }, stepTimeoutInMinutes: 2, clientToken: 'b' };
  const execution = {
    jobId: 'j',
    thingName: 'T1',
    status: 'IN_PROGRESS',
    statusDetails: { at: 'start' },
    queuedAt: S,
    startedAt: S + 5,
    lastUpdatedAt: S + 5,
    versionNumber: 2,
    executionNumber: 1,
    approximateSecondsBeforeTimedOut: 120,
    jobDocument: { steps: [1, 'zwei'] },
  };
  assert.equal((await world.ask('T1', 'start-next', request))?.body, { execution, timestamp: S + 5, clientToken: 'b' });
  world.nowMillis += 10_500;
  const again = { statusDetails: { at: 'again' }, stepTimeoutInMinutes: 60 };
  assert.equal((await world.ask('T1', 'start-next', again))?.body, {
    execution: { ...execution, approximateSecondsBeforeTimedOut: 109 },
    timestamp: S + 15,
  });
  await world.settle();
  assert.equal(world.takeTold(), []);
  await world.close();
});

test('describe: $next is the head or nothing, a job is its latest execution, the document comes unless it is not wanted', async () => {
  const world = await openWorld();
  assert.equal((await world.ask('T1', '$next/get'))?.body, { timestamp: S });
  await world.job('j', ['T1']);
  const execution = {
    jobId: 'j',
    status: 'QUEUED',
    queuedAt: S,
    lastUpdatedAt: S,
    versionNumber: 1,
    executionNumber: 1,
  };
  const whole = { execution: { ...execution, jobDocument: { job: 'j' } }, timestamp: S };
  assert.equal((await world.ask('T1', '$next/get'))?.body, whole);
  assert.equal((await world.ask('T1', '$next/get', { executionNumber: 7 }))?.body, whole);
  assert.equal((await world.ask('T1', 'j/get', { executionNumber: 1 }))?.body, whole);
  assert.equal((await world.ask('T1', 'j/get', { includeJobDocument: false }))?.body, { execution, timestamp: S });
  assert.equal((await world.ask('T1', '$next/get', { includeJobDocument: false }))?.body, { execution, timestamp: S });
  await world.close();
});

test('update: the minimal answer is a timestamp; state and document only where asked; details are kept, replaced, emptied', async () => {
  const world = await openWorld();
  await world.job('j', ['T1']);
  assert.equal((await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' }))?.body, { timestamp: S });
  const ask = async (more: object) =>
    (await world.ask('T1', 'j/update', { status: 'IN_PROGRESS', includeJobExecutionState: true, ...more }))?.body;
  assert.equal(await ask({ statusDetails: { a: '1', b: '2' }, includeJobDocument: true, clientToken: 'c' }), {
    executionState: { status: 'IN_PROGRESS', versionNumber: 3, statusDetails: { a: '1', b: '2' } },
    jobDocument: { job: 'j' },
    timestamp: S,
    clientToken: 'c',
  });
  assert.equal((await ask({})).executionState.statusDetails, { a: '1', b: '2' });
  assert.equal((await ask({ statusDetails: { b: '3' } })).executionState.statusDetails, { b: '3' });
  assert.equal((await ask({ statusDetails: {} })).executionState, { status: 'IN_PROGRESS', versionNumber: 6 });
  await world.close();
});

test('an update that comes again with its clientToken is answered with the present state and not applied again', async () => {
  const world = await openWorld();
  await world.job('j', ['T1']);
  const version = async () => (await world.store.db.selectFrom('exec').select('ver').executeTakeFirstOrThrow()).ver;
  const first = { status: 'IN_PROGRESS', statusDetails: { a: '1' }, expectedVersion: 1, clientToken: 't1' };
  await world.ask('T1', 'j/update', first);
  const again = await world.ask('T1', 'j/update', { ...first, includeJobExecutionState: true });
  assert.equal(again?.body, {
    executionState: { status: 'IN_PROGRESS', versionNumber: 2, statusDetails: { a: '1' } },
    timestamp: S,
    clientToken: 't1',
  });
  assert.is(await version(), 2);
  // Another request under the same token is told apart by what it asks for.
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS', statusDetails: { a: '2' }, clientToken: 't1' });
  assert.is(await version(), 3);
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS', expectedVersion: 3, clientToken: 't1' });
  assert.is(await version(), 4);
  const last = { status: 'SUCCEEDED', clientToken: 't2' };
  assert.is((await world.ask('T1', 'j/update', last))?.kind, 'accepted');
  world.takeTold();
  assert.is((await world.ask('T1', 'j/update', last))?.kind, 'accepted');
  await world.settle();
  assert.equal(world.takeTold().length, 2); // notify and notify-next of the first, none of the second
  assert.is(await version(), 5);
  assert.is((await world.ask('T1', 'j/update', { ...last, clientToken: 't3' }))?.body.code, 'InvalidStateTransition');
  assert.is((await world.ask('T1', 'j/update', { ...last, status: 'FAILED' }))?.body.code, 'InvalidStateTransition');
  await world.close();
});

test('requests of one thing are done in the order they came, however many wait', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2']);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      world.ask(i % 2 === 0 ? 'T1' : 'T2', 'j/update', {
        status: 'IN_PROGRESS',
        expectedVersion: Math.floor(i / 2) + 1,
        includeJobExecutionState: true,
      }),
    ),
  );
  for (const [i, answer] of answers.entries())
    assert.is(answer?.body.executionState.versionNumber, Math.floor(i / 2) + 2);
  await world.close();
});

test('a request too many is RequestThrottled, those that waited are done', async () => {
  const world = await openWorld();
  const asked = Array.from({ length: WAITING_REQUESTS_MAX + 1 }, () =>
    world.ask('T1', '$next/get', { clientToken: 'c' }),
  );
  const answers = await Promise.all(asked);
  assert.equal(answers.pop()?.body, {
    code: 'RequestThrottled',
    message: 'Too many requests are waiting: ask again later',
    clientToken: 'c',
    timestamp: S,
  });
  assert.ok(answers.every((answer) => answer?.kind === 'accepted'));
  assert.is((await world.ask('T1', '$next/get'))?.kind, 'accepted');
  await world.close();
});

test.run();
