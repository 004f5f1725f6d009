import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { faultIn, nextRollouts, phaseAt, readSchedule } from '../../../../targets/service/jobs/schedule.ts';
import { assertCountersAreTrue } from './recount.ts';
import { addGroup, groupArn, type Json, jobOf, join, openWorld, START_MILLIS, type World } from './world.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** 2023-11-14 22:13:20 UTC is START; the next window opens 46 minutes 40 seconds later and is an hour long. */
const NIGHTLY = [{ startTime: 'cron(0 23 * * ? *)', durationInMinutes: 60 }];
const OPENS = 46 * MINUTE + 40_000;

const text = (millis: number) => new Date(millis).toISOString().slice(0, 16).replace('T', ' ');

async function statusOf(world: World, thingName: string): Promise<string> {
  return (await world.service.control.describeJobExecution({ thingName, jobId: 'j' })).execution.status;
}

const told = (world: World) => world.takeTold().map(([thing, kind]) => `${thing} ${kind}`);
const nextOf = async (world: World, thing = 'T1') =>
  (await world.ask(thing, '$next/get', {}))?.body.execution?.jobId as string | undefined;

test('faultIn: 30 minutes to 1 year, 30 minutes to 2 years, 30 minutes apart, endBehavior only with endTime (control-plane §7)', () => {
  const at = (millis: number) => text(Math.ceil((START_MILLIS + millis) / MINUTE) * MINUTE);
  const fault = (config: object) => faultIn(config, START_MILLIS) as string;
  assert.is(fault({}), undefined);
  assert.is(fault({ startTime: at(30 * MINUTE) }), undefined);
  assert.is(fault({ startTime: at(365 * DAY) }), undefined);
  assert.is(fault({ endTime: at(2 * 365 * DAY) }), undefined);
  assert.is(fault({ startTime: '2023-11-14T23:00:00Z', endTime: '2023-11-15T01:00:00+01:00' }), undefined);
  assert.match(fault({ startTime: at(28 * MINUTE) }), /startTime.*30 minutes/);
  assert.match(fault({ startTime: at(-DAY) }), /startTime/);
  assert.match(fault({ startTime: at(367 * DAY) }), /1 year/);
  assert.match(fault({ endTime: at(28 * MINUTE) }), /endTime/);
  assert.match(fault({ endTime: at(733 * DAY) }), /2 years/);
  assert.match(fault({ startTime: at(60 * MINUTE), endTime: at(80 * MINUTE) }), /30 minutes behind/);
  assert.match(fault({ endBehavior: 'CANCEL' }), /needs an endTime/);
  for (const startTime of ['tomorrow', '2024-02-31 10:00', '2024-13-01 10:00', '2024-01-01', '2024-01-01 25:00'])
    assert.match(fault({ startTime }), /expected a time/, startTime);
  const window = (startTime: string) => fault({ maintenanceWindows: [{ startTime, durationInMinutes: 60 }] });
  assert.is(window('cron(0 23 * * ? *)'), undefined);
  assert.match(window('cron(0 23 * * *)'), /6 fields/);
  assert.match(window('cron(0 0 31 2 ? *)'), /never/);
});

test('phaseAt: windows that touch or overlap are one, their end is outside, a start inside of a window begins at once', () => {
  const phase = (config: object, millis: number) => {
    const found = phaseAt(readSchedule(config), START_MILLIS + millis);
    return [found.phase, found.untilMillis === undefined ? undefined : found.untilMillis - START_MILLIS];
  };
  assert.equal(phase({}, 0), ['open', undefined]);
  const nightly = { maintenanceWindows: NIGHTLY };
  assert.equal(phase(nightly, 0), ['closed', OPENS]);
  assert.equal(phase(nightly, OPENS), ['open', OPENS + HOUR]);
  assert.equal(phase(nightly, OPENS + HOUR - 1), ['open', OPENS + HOUR]);
  assert.equal(phase(nightly, OPENS + HOUR), ['closed', OPENS + DAY]);
  const touching = { maintenanceWindows: [...NIGHTLY, { startTime: 'cron(0 0 * * ? *)', durationInMinutes: 30 }] };
  assert.equal(phase(touching, OPENS), ['open', OPENS + 90 * MINUTE]);
  assert.equal(phase({ startTime: '2023-11-14 23:30', ...nightly }, 0), ['before', OPENS + 30 * MINUTE]);
  assert.equal(phase({ startTime: '2023-11-15 00:30', ...nightly }, 0), ['before', OPENS + DAY]);
  assert.equal(phase({ endTime: '2023-11-14 23:30', ...nightly }, OPENS), ['open', OPENS + 30 * MINUTE]);
  assert.equal(phase({ endTime: '2023-11-14 23:30', ...nightly }, OPENS + 30 * MINUTE), ['ended', undefined]);
  const always = { maintenanceWindows: [{ startTime: 'cron(* * * * ? *)', durationInMinutes: 5 }] };
  assert.is(phase(always, 0)[0], 'open');
});

test('nextRollouts: seven starts, none after the end', () => {
  const starts = (config: object) =>
    nextRollouts(readSchedule({ maintenanceWindows: NIGHTLY, ...config }), START_MILLIS).map((one) => one.startTime);
  assert.is(starts({}).length, 7);
  assert.equal(starts({}).slice(0, 2), ['2023-11-14 23:00', '2023-11-15 23:00']);
  assert.equal(starts({ startTime: '2023-11-15 23:00', endTime: '2023-11-17 22:00' }), [
    '2023-11-15 23:00',
    '2023-11-16 23:00',
  ]);
});

test('a job with a startTime is SCHEDULED until then, rolls out nothing, and resolves its groups when it starts', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await addGroup(world.store, 'g', ['T1']);
  const schedulingConfig = { startTime: '2023-11-14 23:00' };
  await world.service.control.createJob({ jobId: 'j', targets: [groupArn('g')], document: '{}', schedulingConfig });
  await addGroup(world.store, 'below', ['T2'], 'g');
  await world.advance(OPENS - 1);
  const before = await jobOf(world);
  assert.equal([before.status, before.isConcurrent, before.schedulingConfig], ['SCHEDULED', false, schedulingConfig]);
  assert.is(before.scheduledJobRollouts, undefined);
  assert.equal([before.jobProcessDetails.numberOfQueuedThings, told(world)], [0, []]);
  await world.advance(1);
  await world.settle();
  assert.is((await jobOf(world)).status, 'IN_PROGRESS');
  assert.equal([await statusOf(world, 'T1'), await statusOf(world, 'T2')], ['QUEUED', 'QUEUED']);
  for (const thing of ['T1', 'T2']) await world.ask(thing, 'j/update', { status: 'SUCCEEDED' });
  await world.advance(MINUTE);
  assert.is((await jobOf(world)).status, 'COMPLETED');
  await world.close();
});

test('outside of its windows a job is SCHEDULED and its executions hidden: get, $next, start-next, notify; updates by jobId work', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await addGroup(world.store, 'g', ['T1', 'T2']);
  const schedulingConfig = { maintenanceWindows: NIGHTLY };
  const input = { targets: [groupArn('g')], document: '{}', targetSelection: 'CONTINUOUS' as const, schedulingConfig };
  await world.service.control.createJob({ jobId: 'j', ...input, jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
  await world.advance(1_000);
  const { status, scheduledJobRollouts } = await jobOf(world);
  assert.equal(
    [status, scheduledJobRollouts.length, scheduledJobRollouts[0]],
    ['SCHEDULED', 7, { startTime: '2023-11-14 23:00' }],
  );
  await world.advance(OPENS);
  assert.is((await jobOf(world)).status, 'IN_PROGRESS');
  await world.ask('T1', 'start-next', {});
  await world.settle();
  world.takeTold();
  await world.advance(HOUR);
  const closed = await jobOf(world);
  assert.equal([closed.status, closed.isConcurrent], ['SCHEDULED', false]);
  // T2's turn came within the window.
  assert.equal([await statusOf(world, 'T1'), await statusOf(world, 'T2')], ['IN_PROGRESS', 'QUEUED']);
  world.takeTold();
  for (const thing of ['T1', 'T2']) {
    assert.is(await nextOf(world, thing), undefined);
    const { body } = (await world.ask(thing, 'get', {})) as Json;
    assert.equal([body.inProgressJobs, body.queuedJobs], [[], []]);
    assert.is((await world.ask(thing, 'start-next', {}))?.body.execution, undefined);
  }
  assert.is(
    (await world.ask('T1', 'j/update', { status: 'IN_PROGRESS', statusDetails: { a: '1' } }))?.kind,
    'accepted',
  );
  await world.settle();
  assert.equal(told(world), []);
  await world.job('other', ['T1']);
  const [, , notified] = world.takeTold().find(([, kind]) => kind === 'notify') as [string, string, Json];
  assert.equal(
    [notified.jobs.IN_PROGRESS, notified.jobs.QUEUED.map(({ jobId }: Json) => jobId)],
    [undefined, ['other']],
  );
  await world.advance(DAY - HOUR);
  assert.is((await jobOf(world)).status, 'IN_PROGRESS');
  assert.equal(told(world).sort(), ['T1 notify', 'T1 notify-next', 'T2 notify', 'T2 notify-next']);
  assert.equal([await nextOf(world, 'T1'), await nextOf(world, 'T2')], ['j', 'j']);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('a roll-out pauses between windows and goes on in the next; who joins between them is told when it opens', async () => {
  const things = Array.from({ length: 90 }, (_, n) => `T${n + 1}`);
  const world = await openWorld({ things });
  await addGroup(world.store, 'g', things.slice(0, 89));
  const schedulingConfig = { maintenanceWindows: NIGHTLY };
  const input = { targets: [groupArn('g')], document: '{}', targetSelection: 'CONTINUOUS' as const, schedulingConfig };
  await world.service.control.createJob({ jobId: 'j', ...input, jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
  await world.advance(OPENS + 2 * HOUR);
  assert.is((await jobOf(world)).jobProcessDetails.numberOfQueuedThings, 60);
  world.takeTold();
  await join(world, 'T90', 'g');
  assert.equal(told(world), []);
  await world.advance(DAY - 2 * HOUR);
  assert.ok(told(world).includes('T90 notify-next'));
  await world.advance(HOUR);
  assert.is((await jobOf(world)).jobProcessDetails.numberOfQueuedThings, 90);
  await world.close();
});

test('a window that opens tells more things than fit one transaction', async () => {
  const things = Array.from({ length: 2_100 }, (_, n) => `T${n + 1}`);
  const world = await openWorld({ things });
  await addGroup(world.store, 'g', things);
  const schedulingConfig = { maintenanceWindows: NIGHTLY };
  const jobExecutionsRolloutConfig = { maximumPerMinute: 1_000 };
  const input = { targets: [groupArn('g')], document: '{}', schedulingConfig, jobExecutionsRolloutConfig };
  await world.service.control.createJob({ jobId: 'j', ...input });
  await world.advance(OPENS + 2 * HOUR);
  for (const thing of ['T5', 'T6']) await world.ask(thing, 'j/update', { status: 'IN_PROGRESS' });
  await world.ask('T7', 'j/update', { status: 'SUCCEEDED' });
  world.takeTold();
  await world.advance(DAY - 2 * HOUR);
  const nexts = told(world).filter((one) => one.endsWith('notify-next'));
  assert.is(nexts.length, 2_099);
  assert.is(new Set(nexts).size, 2_099);
  await world.close();
});

test('a snapshot whose last execution ends outside of a window is COMPLETED', async () => {
  const world = await openWorld();
  await world.job('j', ['T1'], { schedulingConfig: { maintenanceWindows: NIGHTLY } });
  await world.advance(OPENS);
  await world.ask('T1', 'start-next', {});
  await world.advance(2 * HOUR);
  await world.ask('T1', 'j/update', { status: 'SUCCEEDED' });
  await world.advance(MINUTE);
  assert.is((await jobOf(world)).status, 'COMPLETED');
  await world.close();
});

test('cancelling between windows: what is queued goes unseen, what runs is seen again and can be finished', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2'], { schedulingConfig: { maintenanceWindows: NIGHTLY } });
  await world.advance(OPENS);
  await world.ask('T1', 'start-next', {});
  await world.advance(2 * HOUR);
  world.takeTold();
  await world.service.control.cancelJob({ jobId: 'j' });
  await world.advance(MINUTE);
  assert.equal([await statusOf(world, 'T1'), await statusOf(world, 'T2')], ['IN_PROGRESS', 'CANCELED']);
  assert.equal(told(world), ['T1 notify', 'T1 notify-next']);
  assert.is(await nextOf(world), 'j');
  await world.ask('T1', 'j/update', { status: 'SUCCEEDED' });
  await world.advance(10 * DAY);
  assert.is((await jobOf(world)).status, 'CANCELED');
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('a job that is taken from a device between windows is told to it, though its queue stays as it is', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2'], {
    schedulingConfig: { maintenanceWindows: NIGHTLY },
    timeoutConfig: { inProgressTimeoutInMinutes: 120 },
  });
  await world.advance(OPENS);
  for (const thing of ['T1', 'T2']) await world.ask(thing, 'start-next', {});
  await world.advance(90 * MINUTE);
  world.takeTold();
  await world.service.control.cancelJobExecution({ thingName: 'T1', jobId: 'j', force: true });
  await world.settle();
  assert.equal(told(world), ['T1 notify', 'T1 notify-next']);
  await world.advance(HOUR);
  assert.equal(told(world), ['T2 notify', 'T2 notify-next']);
  assert.is(await statusOf(world, 'T2'), 'TIMED_OUT');
  await world.close();
});

const ENDS = { endTime: '2023-11-14 23:00' };

test('endTime with STOP_ROLLOUT, the default: nothing new, no retry, what is there finishes, then COMPLETED, continuous too', async () => {
  for (const endBehavior of [undefined, 'STOP_ROLLOUT']) {
    const world = await openWorld({ things: ['T1', 'T2', 'T3'] });
    await addGroup(world.store, 'g', ['T1', 'T2']);
    await world.service.control.createJob({
      jobId: 'j',
      targets: [groupArn('g')],
      document: '{}',
      targetSelection: 'CONTINUOUS',
      jobExecutionsRolloutConfig: { maximumPerMinute: 1 },
      jobExecutionsRetryConfig: { criteriaList: [{ failureType: 'FAILED', numberOfRetries: 5 }] },
      schedulingConfig: { ...ENDS, ...(endBehavior === undefined ? {} : { endBehavior: 'STOP_ROLLOUT' as const }) },
    });
    await world.advance(2 * MINUTE);
    await world.ask('T1', 'start-next', {});
    await world.ask('T2', 'j/update', { status: 'SUCCEEDED' });
    await world.advance(OPENS);
    await join(world, 'T3', 'g');
    assert.is((await jobOf(world)).jobProcessDetails.numberOfQueuedThings, 0);
    assert.is((await jobOf(world)).status, 'IN_PROGRESS');
    await world.ask('T1', 'j/update', { status: 'FAILED' });
    await world.advance(MINUTE);
    const { status, completedAt } = await jobOf(world);
    assert.is(status, 'COMPLETED');
    assert.ok(completedAt >= (START_MILLIS + OPENS) / 1000);
    await assertCountersAreTrue(world.store);
    await world.close();
  }
});

test('endTime with CANCEL cancels what is queued, with FORCE_CANCEL also what runs; the job is CANCELED', async () => {
  for (const [endBehavior, running] of [
    ['CANCEL', 'IN_PROGRESS'],
    ['FORCE_CANCEL', 'CANCELED'],
  ]) {
    const world = await openWorld({ things: ['T1', 'T2'] });
    await world.job('j', ['T1', 'T2'], { schedulingConfig: { ...ENDS, endBehavior } });
    await world.ask('T1', 'start-next', {});
    await world.advance(OPENS - 1);
    assert.is((await jobOf(world)).status, 'IN_PROGRESS');
    await world.advance(MINUTE);
    const { status, forceCanceled, comment } = await jobOf(world);
    assert.equal([status, forceCanceled], ['CANCELED', endBehavior === 'FORCE_CANCEL' ? true : undefined]);
    assert.match(comment, /endTime/);
    assert.equal([await statusOf(world, 'T1'), await statusOf(world, 'T2')], [running, 'CANCELED']);
    await world.close();
  }
});

test('a job whose endTime comes before any window is COMPLETED without an execution', async () => {
  const world = await openWorld();
  const maintenanceWindows = [{ startTime: 'cron(0 12 * * ? *)', durationInMinutes: 60 }];
  await world.job('j', ['T1'], { schedulingConfig: { ...ENDS, maintenanceWindows } });
  await world.advance(OPENS + MINUTE);
  const { status, jobProcessDetails } = await jobOf(world);
  assert.equal([status, jobProcessDetails.numberOfQueuedThings], ['COMPLETED', 0]);
  await world.close();
});

test('a schedule goes on in a process that was started since, also where it slept over a window', async () => {
  const world = await openWorld();
  await world.job('j', ['T1'], { schedulingConfig: { maintenanceWindows: NIGHTLY } });
  await world.service.close();
  const again = await openWorld({ store: world.store, things: [] });
  again.nowMillis = START_MILLIS + OPENS + 2 * HOUR;
  await again.settle();
  assert.is((await jobOf(again)).status, 'SCHEDULED');
  await again.advance(DAY - 2 * HOUR);
  assert.is(await nextOf(again), 'j');
  await again.close();
});

test('a pending list shows 15 where a scheduled job is among them, 10 elsewhere (data-plane §6.1)', async () => {
  const world = await openWorld();
  for (let n = 0; n < 20; n++) await world.job(`p${n}`, ['T1']);
  const count = async () => ((await world.ask('T1', 'get', {})) as Json).body.queuedJobs.length;
  assert.is(await count(), 10);
  await world.service.control.cancelJobExecution({ thingName: 'T1', jobId: 'p0' });
  await world.job('p0b', ['T1'], { schedulingConfig: ENDS });
  for (let n = 1; n < 8; n++) await world.service.control.cancelJobExecution({ thingName: 'T1', jobId: `p${n}` });
  world.takeTold();
  await world.job('more', ['T1']);
  assert.is(await count(), 14);
  await world.job('last', ['T1']);
  await world.job('overflow', ['T1']);
  assert.is(await count(), 15);
  const [, , notified] = world.takeTold().findLast(([, kind]) => kind === 'notify') as [string, string, Json];
  assert.is(notified.jobs.QUEUED.length, 15);
  await world.close();
});

test.run();
