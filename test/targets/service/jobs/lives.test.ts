/** Random lives of jobs with retries, groups that change, and schedules (state-machine §10). */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isTerminal, STATUSES, type Status } from '../../../../runtime/jobs/execution.ts';
import { ModelledError } from '../../../../targets/service/modelledError.ts';
import { assertCountersAreTrue } from './recount.ts';
import { addGroup, groupArn, type Json, join, leave, openWorld, START_MILLIS, type World } from './world.ts';

const THINGS = ['T1', 'T2', 'T3', 'T4'];
const GROUPS = ['g', 'below', 'aside'];
const JOBS = ['a', 'b', 'c'];
const MINUTE = 60_000;

const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);
const criterion = fc.record({ failureType: oneOf('FAILED', 'TIMED_OUT', 'ALL'), numberOfRetries: oneOf(0, 1, 2, 6) });
const schedulingConfig = oneOf<object | undefined>(
  undefined,
  undefined,
  { startTime: '2023-11-14 23:00' },
  { endTime: '2023-11-15 00:10' },
  { endTime: '2023-11-15 00:10', endBehavior: 'CANCEL' },
  { endTime: '2023-11-15 00:10', endBehavior: 'FORCE_CANCEL' },
  { maintenanceWindows: [{ startTime: 'cron(0/20 * * * ? *)', durationInMinutes: 8 }] },
  { maintenanceWindows: [{ startTime: 'cron(0/20 * * * ? *)', durationInMinutes: 8 }], endTime: '2023-11-15 00:10' },
);

const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: oneOf('create' as const),
      job: oneOf(...JOBS),
      targets: fc.uniqueArray(oneOf(...GROUPS), { minLength: 1 }),
      targetSelection: oneOf('SNAPSHOT' as const, 'CONTINUOUS' as const, 'CONTINUOUS' as const),
      perMinute: oneOf(1, 1_000),
      criteriaList: fc.uniqueArray(criterion, {
        minLength: 0,
        maxLength: 2,
        selector: ({ failureType }) => failureType,
      }),
      timeoutMinutes: oneOf(undefined, 3),
      schedulingConfig,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: oneOf('update' as const),
      thing: oneOf(...THINGS),
      job: oneOf(...JOBS),
      status: oneOf('IN_PROGRESS', 'FAILED', 'FAILED', 'SUCCEEDED', 'REJECTED'),
      clientToken: oneOf(undefined, 'x', 'y'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: oneOf('start' as const), thing: oneOf(...THINGS) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: oneOf('join' as const, 'leave' as const),
      thing: oneOf(...THINGS),
      group: oneOf(...GROUPS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: oneOf(
        'cancelJob' as const,
        'cancelExecution' as const,
        'deleteExecution' as const,
        'endRetries' as const,
        'deleteJob' as const,
      ),
      job: oneOf(...JOBS),
      thing: oneOf(...THINGS),
      number: oneOf(1, 2, 3),
      force: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: oneOf('advance' as const), seconds: oneOf(1, 30, 100, 240, 600) }) },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

interface Seen {
  thing: string;
  job: string;
  no: number;
  status: Status;
  ver: number;
  attempt: number;
  queued: number;
  started: number | null;
  updated: number;
  deadline: number | null;
  inProgressDeadline: number | null;
  hidden: boolean;
}
/** By thing, job as it is in the store (a jobId may be used again), and executionNumber. */
type State = Map<string, Seen>;

async function look({ store }: World): Promise<State> {
  const rows = await store.db
    .selectFrom('exec')
    .innerJoin('thing', 'thing.thing_no', 'exec.thing_no')
    .innerJoin('job', 'job.job_no', 'exec.job_no')
    .select([
      'thing_name',
      'job_id',
      'exec.job_no',
      'no',
      'exec.status',
      'exec.ver',
      'attempt',
      'queued_at',
      'started_at',
    ])
    .select(['updated_at', 'deadline', 'in_progress_deadline', 'job.hidden'])
    .orderBy('exec.job_no')
    .orderBy('no')
    .execute();
  return new Map(
    rows.map((row) => [
      `${row.thing_name} ${row.job_no} ${row.no}`,
      {
        thing: row.thing_name,
        job: row.job_id,
        no: row.no,
        status: STATUSES[row.status] as Status,
        ver: row.ver,
        attempt: row.attempt,
        queued: row.queued_at,
        started: row.started_at,
        updated: row.updated_at,
        deadline: row.deadline,
        inProgressDeadline: row.in_progress_deadline,
        hidden: row.hidden === 1,
      },
    ]),
  );
}

type Members = Set<string>;

async function obey(world: World, members: Members, command: Command): Promise<unknown> {
  const { control } = world.service;
  switch (command.do) {
    case 'create': {
      const { job: jobId, targetSelection, criteriaList, timeoutMinutes } = command;
      await control.createJob({
        jobId,
        targets: command.targets.map(groupArn),
        document: '{}',
        targetSelection,
        jobExecutionsRolloutConfig: { maximumPerMinute: command.perMinute },
        ...(timeoutMinutes === undefined ? {} : { timeoutConfig: { inProgressTimeoutInMinutes: timeoutMinutes } }),
        ...(criteriaList.length === 0 ? {} : { jobExecutionsRetryConfig: { criteriaList: criteriaList as Json } }),
        ...(command.schedulingConfig === undefined ? {} : { schedulingConfig: command.schedulingConfig }),
      });
      return;
    }
    case 'update': {
      const { thing, job, status, clientToken } = command;
      return world.ask(thing, `${job}/update`, { status, clientToken });
    }
    case 'start':
      return world.ask(command.thing, 'start-next', { stepTimeoutInMinutes: 2 });
    case 'join':
    case 'leave': {
      const { thing, group } = command;
      const key = `${thing} ${group}`;
      if (members.has(key) === (command.do === 'join')) return;
      if (command.do === 'join') members.add(key);
      else members.delete(key);
      return command.do === 'join' ? join(world, thing, group) : leave(world, thing, group);
    }
    case 'cancelJob':
      return control.cancelJob({ jobId: command.job, force: command.force });
    case 'deleteJob':
      return control.deleteJob({ jobId: command.job, force: command.force });
    case 'cancelExecution':
      return control.cancelJobExecution({ jobId: command.job, thingName: command.thing, force: command.force });
    case 'deleteExecution': {
      const key = { jobId: command.job, thingName: command.thing, executionNumber: command.number };
      return control.deleteJobExecution({ ...key, force: command.force });
    }
    case 'endRetries': {
      const criteriaList = [{ failureType: 'ALL' as const, numberOfRetries: 0 }];
      return control.updateJob({ jobId: command.job, jobExecutionsRetryConfig: { criteriaList } });
    }
    case 'advance':
      return world.advance(command.seconds * 1000);
  }
}

async function obeyed(world: World, members: Members, command: Command): Promise<void> {
  try {
    await obey(world, members, command);
  } catch (error) {
    if (!(error instanceof ModelledError)) throw error;
  }
  await world.settle();
}

/** Invariants 1 to 4 and 9, and that only the latest execution of a thing in a job may be pending. */
function checkExecutions(before: State, after: State): void {
  const latest = new Map<string, Seen>();
  for (const [key, now] of after) {
    const was = before.get(key);
    if (was !== undefined) {
      assert.ok(now.ver >= was.ver, `${key}: version went back`);
      if (now.ver === was.ver) assert.equal({ ...now, hidden: was.hidden }, was, `${key}: changed under one version`);
      if (isTerminal(was.status)) assert.is(now.ver, was.ver, `${key}: left ${was.status}`);
    }
    if (now.status === 'QUEUED' || (now.status === 'REMOVED' && now.ver === 2)) assert.is(now.started, null, key);
    if (now.status === 'IN_PROGRESS') assert.is.not(now.started, null, key);
    assert.ok(now.queued <= (now.started ?? now.queued) && (now.started ?? now.queued) <= now.updated, `${key}: times`);
    if (now.status !== 'IN_PROGRESS') assert.is(now.deadline, null, `${key}: a timer runs`);
    if (now.inProgressDeadline !== null)
      assert.ok((now.deadline as number) <= now.inProgressDeadline, `${key}: deadline`);
    assert.ok(now.attempt <= 10, `${key}: attempt ${now.attempt}`);
    const pair = key.slice(0, key.lastIndexOf(' '));
    const earlier = latest.get(pair);
    if (earlier !== undefined)
      assert.ok(isTerminal(earlier.status), `${key}: ${earlier.no} is ${earlier.status} still`);
    latest.set(pair, now);
  }
}

const queueOf = (state: State, thing: string) =>
  [...state.entries()]
    .filter(([, one]) => one.thing === thing && !isTerminal(one.status) && !one.hidden)
    .sort(
      ([, a], [, b]) => Number(b.status === 'IN_PROGRESS') - Number(a.status === 'IN_PROGRESS') || a.queued - b.queued,
    )
    .map(([key]) => key);

/** What is not the device's own doing; undefined: deleted. */
const TAKEN: readonly (Status | undefined)[] = ['CANCELED', 'TIMED_OUT', undefined];

/** Invariant 6; a window that closes takes executions out of queues without a word. */
function checkNotifications(before: State, after: State, told: [string, string, Json][], isQuick: boolean): void {
  for (const thing of THINGS) {
    const [was, is] = [queueOf(before, thing), queueOf(after, thing)];
    const of = (kind: string) => told.filter(([name, what]) => name === thing && what === kind).at(-1)?.[2];
    const isHidden = [...after.values()].some((one) => one.thing === thing && one.hidden && !isTerminal(one.status));
    const closed = isHidden && !isQuick;
    const taken = [...before].some(
      ([key, one]) =>
        one.thing === thing && one.hidden && one.status === 'IN_PROGRESS' && TAKEN.includes(after.get(key)?.status),
    );
    if (taken) {
      assert.ok(of('notify') && of('notify-next'), `${thing} does not hear that its job was taken from it`);
      continue;
    }
    const sameSet = [...was].sort().join() === [...is].sort().join();
    if (!sameSet && !closed) assert.ok(of('notify'), `${thing} was not told: ${was} to ${is}`);
    if (was[0] !== is[0] && !closed)
      assert.ok(of('notify-next'), `${thing} was not told what is next: ${was} to ${is}`);
    // While time passes a queue may change and change back.
    if (isQuick && sameSet) assert.is(of('notify'), undefined, `${thing} was told of nothing: ${is}`);
    if (isQuick && was[0] === is[0])
      assert.is(of('notify-next'), undefined, `${thing} was told of nothing next: ${is}`);
    if (closed || sameSet) continue;
    const { IN_PROGRESS = [], QUEUED = [] } = of('notify').jobs;
    const shown = [...IN_PROGRESS, ...QUEUED].map(({ jobId, executionNumber }: Json) => `${jobId} ${executionNumber}`);
    assert.equal(
      shown,
      is.map((key) => `${after.get(key)?.job} ${after.get(key)?.no}`),
    );
  }
}

/** Invariants 5 and 8. */
async function checkJobs(world: World, state: State): Promise<void> {
  await assertCountersAreTrue(world.store);
  for (const { jobId } of (await world.service.control.listJobs({})).jobs) {
    const { job } = await world.service.control.describeJob({ jobId });
    const executions = [...state.values()].filter((one) => one.job === jobId);
    const { processingTargets, ...counters } = job.jobProcessDetails;
    const sum = Object.values(counters).reduce((total: number, n) => total + (n as number), 0);
    assert.is(sum, new Set(executions.map(({ thing }) => thing)).size, `${jobId}: counters`);
    const over = processingTargets === undefined && executions.every(({ status }) => isTerminal(status));
    if (job.status === 'COMPLETED') assert.ok(over, `${jobId} is COMPLETED with something pending`);
    if (job.targetSelection === 'SNAPSHOT' && job.status === 'IN_PROGRESS')
      assert.not.ok(over, `${jobId} is IN_PROGRESS with nothing to wait for`);
  }
}

test('lives of jobs with retries, changing groups and schedules: no invariant of state-machine §10 breaks at any step', () =>
  fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 45 }), async (commands) => {
      const world = await openWorld({ things: THINGS });
      await addGroup(world.store, 'g', ['T1', 'T2']);
      await addGroup(world.store, 'below', ['T3'], 'g');
      await addGroup(world.store, 'aside', ['T1']);
      const members: Members = new Set(['T1 g', 'T2 g', 'T3 below', 'T1 aside']);
      for (const one of commands) {
        const before = await look(world);
        await obeyed(world, members, one);
        const after = await look(world);
        checkExecutions(before, after);
        checkNotifications(before, after, world.takeTold(), one.do !== 'advance' && one.do !== 'create');
      }
      await world.advance(1_000);
      await checkJobs(world, await look(world));
      // Devices work through their queues until the last window and the last retry: all that can end has ended.
      await world.advance(START_MILLIS + 3 * 3_600_000 - world.nowMillis);
      for (let round = 0; round < 15; round++) {
        for (const thing of THINGS)
          for (let head: Json; (head = (await world.ask(thing, 'start-next', {}))?.body.execution) !== undefined; )
            await world.ask(thing, `${head.jobId}/update`, { status: 'SUCCEEDED' });
        await world.advance(4 * MINUTE);
      }
      const state = await look(world);
      await checkJobs(world, state);
      for (const { thing, job, status } of state.values())
        assert.ok(isTerminal(status), `${thing} ${job} is ${status} for ever`);
      for (const { jobId, status, targetSelection } of (await world.service.control.listJobs({})).jobs)
        if (targetSelection === 'SNAPSHOT')
          assert.ok(['COMPLETED', 'CANCELED'].includes(status), `${jobId} is ${status}`);
      assert.equal(await world.store.db.selectFrom('notify_q').selectAll().execute(), []);
      assert.equal(world.log, []);
      await world.close();
    }),
    { numRuns: 100, includeErrorInReport: true },
  ));

test.run();
