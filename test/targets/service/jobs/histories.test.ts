import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isTerminal, STATUSES, type Status } from '../../../../runtime/jobs/execution.ts';
import { ModelledError } from '../../../../targets/service/modelledError.ts';
import { assertCountersAreTrue } from './recount.ts';
import { type Json, openWorld, type World } from './world.ts';

const THINGS = ['T1', 'T2', 'T3'];
const JOBS = ['a', 'b', 'c', 'd'];

type Command =
  | { do: 'create'; job: string; things: string[]; perMinute: number; timeoutMinutes: number | undefined }
  | { do: 'ask'; thing: string; path: string; body: object }
  | { do: 'update'; thing: string; job: string; body: object; versionOff: number | undefined }
  | { do: 'cancelJob' | 'cancelExecution' | 'deleteExecution'; job: string; thing: string; force: boolean }
  | { do: 'advance'; seconds: number }
  | { do: 'crash' };

const thing = fc.constantFrom(...THINGS);
const job = fc.constantFrom(...JOBS);
const token = fc.constantFrom(undefined, 'x', 'y', 'z');
const details = fc.constantFrom(undefined, {}, { a: '1' }, { a: '2', b: '3' });
const stepTimeoutInMinutes = fc.constantFrom(undefined, undefined, 1, 3, 10);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      job,
      things: fc.uniqueArray(thing, { minLength: 1 }),
      perMinute: fc.constantFrom(1, 1_000),
      timeoutMinutes: fc.constantFrom(undefined, 2, 5),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      thing,
      path: fc.constantFrom('start-next', 'start-next', 'get', '$next/get', 'a/get', 'nothing'),
      body: fc.record({ statusDetails: details, stepTimeoutInMinutes, clientToken: token }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('update' as const),
      thing,
      job,
      body: fc.record({
        status: fc.constantFrom('IN_PROGRESS', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED', 'QUEUED', 'CANCELED'),
        statusDetails: details,
        stepTimeoutInMinutes: fc.oneof(stepTimeoutInMinutes, fc.constantFrom(-1, 0)),
        clientToken: token,
      }),
      versionOff: fc.constantFrom(undefined, undefined, 0, 0, 1, -1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('cancelJob' as const, 'cancelExecution' as const, 'deleteExecution' as const),
      job,
      thing,
      force: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.integer({ min: 1, max: 200 }) }),
  },
);

/** Between two commands: what a crash does in the middle of one is for faults.test.ts and test/torture. */
const commandOrCrash = fc.oneof(
  { weight: 20, arbitrary: command },
  { weight: 1, arbitrary: fc.constant<Command>({ do: 'crash' }) },
);

interface Seen {
  thing: string;
  job: string;
  status: Status;
  ver: number;
  details: string | null;
  queued: number;
  started: number | null;
  updated: number;
  deadline: number | null;
  inProgressDeadline: number | null;
  stepDeadline: number | null;
  forceCanceled: number;
}
type State = Map<string, Seen>;

async function look({ store }: World): Promise<State> {
  const rows = await store.db
    .selectFrom('exec')
    .innerJoin('thing', 'thing.thing_no', 'exec.thing_no')
    .innerJoin('job', 'job.job_no', 'exec.job_no')
    .select(['thing_name', 'job_id', 'exec.status', 'exec.ver', 'details', 'queued_at', 'started_at', 'updated_at'])
    .select(['deadline', 'in_progress_deadline', 'step_deadline', 'exec.force_canceled'])
    .orderBy('queued_at')
    .execute();
  const state: State = new Map();
  for (const row of rows) {
    state.set(`${row.thing_name} ${row.job_id}`, {
      thing: row.thing_name,
      job: row.job_id,
      status: STATUSES[row.status] as Status,
      ver: row.ver,
      details: row.details,
      queued: row.queued_at,
      started: row.started_at,
      updated: row.updated_at,
      deadline: row.deadline,
      inProgressDeadline: row.in_progress_deadline,
      stepDeadline: row.step_deadline,
      forceCanceled: row.force_canceled,
    });
  }
  return state;
}

/** Does one command; gives the answer of a device's request. */
async function obey(world: World, command: Command, state: State): Promise<Json> {
  const { control } = world.service;
  switch (command.do) {
    case 'create': {
      const jobExecutionsRolloutConfig = { maximumPerMinute: command.perMinute };
      const timeout = command.timeoutMinutes;
      const timeoutConfig = timeout === undefined ? {} : { inProgressTimeoutInMinutes: timeout };
      return world.job(command.job, command.things, { jobExecutionsRolloutConfig, timeoutConfig });
    }
    case 'ask':
      return world.ask(command.thing, command.path, command.body);
    case 'update': {
      const ver = state.get(`${command.thing} ${command.job}`)?.ver ?? 1;
      const expected = command.versionOff === undefined ? {} : { expectedVersion: ver + command.versionOff };
      return world.ask(command.thing, `${command.job}/update`, { ...command.body, ...expected });
    }
    case 'cancelJob':
      return control.cancelJob({ jobId: command.job, force: command.force });
    case 'cancelExecution':
      return control.cancelJobExecution({ jobId: command.job, thingName: command.thing, force: command.force });
    case 'deleteExecution': {
      const key = { jobId: command.job, thingName: command.thing, executionNumber: 1 };
      return control.deleteJobExecution({ ...key, force: command.force });
    }
    case 'advance':
      return world.advance(command.seconds * 1000);
    case 'crash':
      return crash(world);
  }
}

/**
 * How long it takes until another is there. The times by which queues are ordered run ahead of a clock that stands still, one
 * millisecond for each job: what is created after a crash must not come before what was created in the same one.
 */
const RESTART_MILLIS = 1_000;

/** The service is gone with all that it had in memory, and another goes on with the store. */
async function crash(world: World): Promise<void> {
  const { store, told, log } = world;
  const startMillis = world.nowMillis + RESTART_MILLIS;
  const another = await openWorld({ store, things: THINGS, startMillis });
  another.told.unshift(...told);
  another.log.unshift(...log);
  Object.assign(world, another);
  Object.defineProperty(world, 'nowMillis', {
    get: () => another.nowMillis,
    set: () => {}, // by the next crash, which puts another in its place
    configurable: true,
  });
}

/** Modelled refusals of the operator are answers like others. */
async function obeyed(world: World, command: Command, state: State): Promise<{ answer: Json; refused: boolean }> {
  try {
    const answer = await obey(world, command, state);
    return { answer, refused: answer?.kind === 'rejected' };
  } catch (error) {
    if (!(error instanceof ModelledError)) throw error;
    return { answer: error, refused: true };
  }
}

const pendingOf = (state: State, thing: string) =>
  [...state.values()]
    .filter((one) => one.thing === thing && !isTerminal(one.status))
    .sort((a, b) => Number(b.status === 'IN_PROGRESS') - Number(a.status === 'IN_PROGRESS') || a.queued - b.queued)
    .map((one) => one.job);

/** What holds of each execution, and between two looks at it (state-machine §10). */
function checkMoves(before: State, after: State): void {
  for (const [key, now] of after) {
    const was = before.get(key);
    if (was !== undefined && isTerminal(was.status)) assert.equal(now, was, `${key}: a terminal status was left`);
    if (was !== undefined) assert.ok(now.ver >= was.ver, `${key}: version went back`);
    if (was?.ver === now.ver) assert.equal(now, was, `${key}: changed under the same version`);
    if (now.status === 'IN_PROGRESS') assert.is.not(now.started, null, `${key}: running, never started`);
    if (now.status === 'QUEUED') assert.is(now.started, null, `${key}: queued, and started`);
    assert.ok(now.queued <= (now.started ?? now.queued), `${key}: started before it was queued`);
    assert.ok((now.started ?? now.queued) <= now.updated, `${key}: updated before it was started`);
    const deadlines = [now.inProgressDeadline, now.stepDeadline].filter((at) => at !== null);
    assert.is(now.deadline, deadlines.length === 0 ? null : Math.min(...deadlines), `${key}: deadline`);
    if (now.status !== 'IN_PROGRESS') assert.is(now.deadline, null, `${key}: a timer runs while ${now.status}`);
  }
}

/** Each thing was told of its queue exactly where its queue changed, and the last message shows it as it is. */
function checkNotifications(before: State, after: State, told: [string, string, Json][]): void {
  for (const name of THINGS) {
    const was = pendingOf(before, name);
    const is = pendingOf(after, name);
    const of = (kind: string) =>
      told.filter(([thing, what]) => thing === name && what === kind).map(([, , body]) => body);
    const sameSet = [...was].sort().join() === [...is].sort().join();
    assert.is(of('notify').length > 0, !sameSet, `${name}: notify, ${was} to ${is}`);
    assert.is(of('notify-next').length > 0, was[0] !== is[0], `${name}: notify-next, ${was} to ${is}`);
    const { IN_PROGRESS = [], QUEUED = [] } = of('notify').at(-1)?.jobs ?? {};
    if (!sameSet)
      assert.equal(
        [...IN_PROGRESS, ...QUEUED].map(({ jobId }: Json) => jobId),
        is,
      );
    if (was[0] !== is[0]) assert.is(of('notify-next').at(-1)?.execution?.jobId, is[0]);
  }
}

async function checkJobs(world: World, state: State): Promise<void> {
  await assertCountersAreTrue(world.store);
  const { jobs } = await world.service.control.listJobs({});
  for (const { jobId } of jobs) {
    const { job } = await world.service.control.describeJob({ jobId });
    const executions = [...state.values()].filter((one) => one.job === jobId);
    const { processingTargets, ...counters } = job.jobProcessDetails;
    const sum = Object.values(counters).reduce((total: number, n) => total + (n as number), 0);
    assert.is(sum, executions.length);
    if (job.status === 'CANCELED') continue;
    const over = processingTargets === undefined && executions.every((one) => isTerminal(one.status));
    assert.is(job.status, over ? 'COMPLETED' : 'IN_PROGRESS', jobId);
  }
}

/** The version of each execution goes up by one for each mutation: at most one here, and none where it was refused. */
function checkOneStep(before: State, after: State, command: Command, answer: Json, refused: boolean): void {
  if (refused) assert.equal([...after], [...before], `refused: ${JSON.stringify(answer)}`);
  for (const [key, now] of after) {
    const was = before.get(key);
    if (was !== undefined) assert.ok(now.ver - was.ver <= 1, `${key}: ${was.ver} to ${now.ver}`);
    else assert.is(now.ver, 1);
    const byDevice = command.do === 'ask' || command.do === 'update';
    if (now.started !== (was?.started ?? null)) assert.ok(byDevice, `${key}: started by ${command.do}`);
    if (byDevice && was !== undefined && now.ver !== was.ver)
      assert.is.not(now.started, null, `${key}: moved, not started`);
  }
  if (command.do !== 'update' || refused) return;
  const now = after.get(`${command.thing} ${command.job}`) as Seen;
  const was = before.get(`${command.thing} ${command.job}`) as Seen;
  assert.is(was.forceCanceled, 0, 'a force-cancelled execution took an update');
  const { statusDetails } = command.body as { statusDetails?: object };
  if (now.ver === was.ver) return; // a repeated token
  const kept = statusDetails === undefined ? was.details : JSON.stringify(statusDetails);
  assert.is(now.details ?? '{}', kept ?? '{}');
}

test('histories of devices, operators, time and crashes of the service: no invariant of state-machine §10 breaks at any step', () =>
  fc.assert(
    fc.asyncProperty(fc.array(commandOrCrash, { minLength: 5, maxLength: 40 }), async (commands) => {
      const world = await openWorld({ things: THINGS });
      for (const command of commands) {
        const before = await look(world);
        const { answer, refused } = await obeyed(world, command, before);
        // What follows by itself, but no later timer: commands are one at a time.
        await world.settle();
        const after = await look(world);
        checkMoves(before, after);
        if (command.do !== 'advance' && command.do !== 'crash') checkOneStep(before, after, command, answer, refused);
        checkNotifications(before, after, world.takeTold());
      }
      const before = await look(world);
      await world.advance(1_000);
      const state = await look(world);
      checkMoves(before, state);
      await checkJobs(world, state);
      assert.equal(world.log, []);
      await world.close();
    }),
    { numRuns: 150 },
  ));

test('the same when commands come at once and their effects meet: counters true, last messages true, every job ends', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.array(command, { minLength: 1, maxLength: 12 }), { maxLength: 6 }), async (bursts) => {
      const world = await openWorld({ things: THINGS });
      for (const burst of bursts) {
        const before = await look(world);
        await Promise.all(burst.map((command) => obeyed(world, command, before)));
        await world.settle();
        const after = await look(world);
        checkMoves(before, after);
        const told = world.takeTold();
        for (const name of THINGS) {
          const last = (kind: string) => told.filter(([thing, what]) => thing === name && what === kind).at(-1)?.[2];
          const [was, is] = [pendingOf(before, name), pendingOf(after, name)];
          if (was[0] !== is[0]) assert.is(last('notify-next')?.execution?.jobId, is[0]);
          if ([...was].sort().join() === [...is].sort().join()) continue;
          const { IN_PROGRESS = [], QUEUED = [] } = last('notify')?.jobs ?? {};
          assert.equal([...IN_PROGRESS, ...QUEUED].map(({ jobId }: Json) => jobId).sort(), [...is].sort());
        }
      }
      await world.advance(10 * 60_000);
      for (const name of THINGS) {
        for (let head: Json; (head = (await world.ask(name, 'start-next'))?.body.execution) !== undefined; )
          await world.ask(name, `${head.jobId}/update`, { status: 'SUCCEEDED' });
      }
      await world.advance(1_000);
      await checkJobs(world, await look(world));
      const { jobs } = await world.service.control.listJobs({});
      for (const { status } of jobs) assert.ok(status === 'COMPLETED' || status === 'CANCELED');
      assert.equal(await world.store.db.selectFrom('job_delta').selectAll().execute(), []);
      assert.equal(await world.store.db.selectFrom('notify_q').selectAll().execute(), []);
      await world.close();
    }),
    { numRuns: 150 },
  ));

test('the same calls give the same bytes, message for message', async () => {
  const trace = async () => {
    const messages: string[] = [];
    const publish = (topic: string, payload: Uint8Array) => void messages.push(`${topic} ${Buffer.from(payload)}`);
    const world = await openWorld({ things: THINGS, publish });
    const commands = fc.sample(fc.array(command, { minLength: 60, maxLength: 60 }), { numRuns: 1, seed: 7 })[0] ?? [];
    for (const one of commands)
      messages.push(JSON.stringify((await obeyed(world, one, await look(world))).answer) ?? '');
    await world.close();
    return messages;
  };
  assert.equal(await trace(), await trace());
});

test.run();
