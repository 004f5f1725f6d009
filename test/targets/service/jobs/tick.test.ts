import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createClock } from '../../../../targets/service/jobs/clock.ts';
import { tickJob } from '../../../../targets/service/jobs/jobTick.ts';
import { CHANGE_CHUNK_MAX, RETENTION_MILLIS, ROLLOUT_CHUNK_MAX } from '../../../../targets/service/jobs/limits.ts';
import { inTransaction, openStore } from '../../../../targets/service/store/open.ts';
import { freshStore } from '../store/engines.ts';
import { assertCountersAreTrue } from './recount.ts';
import { addGroup, addThing, groupArn, type Json, openWorld, START_MILLIS, type World } from './world.ts';

const MINUTE = 60_000;
const names = (n: number) => Array.from({ length: n }, (_, i) => `T${i + 1}`);

async function createdTimes({ store }: World): Promise<number[]> {
  const rows = await store.db.selectFrom('exec').select('queued_at').orderBy('queued_at').execute();
  return rows.map((row) => row.queued_at - START_MILLIS);
}

async function statusOf(world: World, jobId: string): Promise<Json> {
  return (await world.service.control.describeJob({ jobId })).job;
}

async function execution(world: World, thingName: string, jobId = 'j'): Promise<Json> {
  return (await world.service.control.describeJobExecution({ thingName, jobId })).execution;
}

test('timers: the vector of state-machine §3, step timers never reach past the in-progress timer', async () => {
  // Queued half an hour before it is started: what it waits does not count.
  const world = await openWorld({ things: ['T1', 'T2'], startMillis: START_MILLIS - 30 * MINUTE });
  await world.job('j', ['T1', 'T2'], { timeoutConfig: { inProgressTimeoutInMinutes: 20 } });
  const at = (minute: number) => {
    world.nowMillis = START_MILLIS + minute * MINUTE;
  };
  const secondsLeft = async () => (await execution(world, 'T1')).approximateSecondsBeforeTimedOut;
  const step = (stepTimeoutInMinutes: number) =>
    world.ask('T1', 'j/update', { status: 'IN_PROGRESS', stepTimeoutInMinutes });
  at(0);
  assert.is(await secondsLeft(), undefined);
  await world.ask('T1', 'start-next', {});
  assert.is(await secondsLeft(), 20 * 60);
  at(5);
  await step(7);
  assert.is(await secondsLeft(), 7 * 60);
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
  assert.is(await secondsLeft(), 7 * 60, 'no step timer asked for: the one that runs stays');
  at(10);
  await step(5);
  assert.is(await secondsLeft(), 5 * 60);
  at(13);
  await step(9);
  assert.is(await secondsLeft(), 7 * 60, 'capped at 12:20');
  await step(-1);
  assert.is(await secondsLeft(), 7 * 60);
  await world.advance(7 * MINUTE - 1);
  assert.is((await execution(world, 'T1')).status, 'IN_PROGRESS');
  await world.advance(1);
  await world.settle();
  const { status, versionNumber, lastUpdatedAt, approximateSecondsBeforeTimedOut } = await execution(world, 'T1');
  assert.equal([status, versionNumber, lastUpdatedAt], ['TIMED_OUT', 8, START_MILLIS / 1000 + 20 * 60]);
  assert.is(approximateSecondsBeforeTimedOut, undefined);
  assert.is((await world.ask('T1', 'j/update', { status: 'SUCCEEDED' }))?.body.code, 'InvalidStateTransition');
  await world.advance(100 * MINUTE);
  assert.is((await execution(world, 'T2')).status, 'QUEUED', 'what is QUEUED never times out');
  await world.close();
});

test('a step timer without an in-progress timer times out once, also in a process that was started since; -1 stops it', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-tick-'));
  const file = path.join(folder, 'jobs.db');
  const world = await openWorld({ store: await openStore(file), things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2']);
  await world.ask('T1', 'start-next', { stepTimeoutInMinutes: 1 });
  await world.ask('T2', 'start-next', { stepTimeoutInMinutes: 1 });
  await world.ask('T2', 'j/update', { status: 'IN_PROGRESS', stepTimeoutInMinutes: -1 });
  await world.close();
  const again = await openWorld({ store: await openStore(file), things: [] });
  await again.advance(59_999);
  assert.is((await execution(again, 'T1')).status, 'IN_PROGRESS');
  again.takeTold();
  await again.advance(100 * MINUTE);
  assert.is((await execution(again, 'T1')).status, 'TIMED_OUT');
  assert.is((await execution(again, 'T1')).versionNumber, 3);
  assert.is((await execution(again, 'T2')).status, 'IN_PROGRESS');
  assert.equal(
    again.takeTold().map(([thing, kind]) => `${thing} ${kind}`),
    ['T1 notify', 'T1 notify-next'],
  );
  await again.close();
  rmSync(folder, { recursive: true });
});

test('a roll-out of the default 1000 a minute: the first at once, never more than 1000 in any minute, all in the end', async () => {
  const world = await openWorld({ things: [] });
  for (const name of names(1_100)) await addThing(world.store, name);
  await addGroup(world.store, 'all', names(1_100));
  await world.service.control.createJob({ jobId: 'j', targets: [groupArn('all')], document: '{}' });
  await world.settle();
  assert.is((await createdTimes(world)).length, 16);
  assert.equal((await statusOf(world, 'j')).jobProcessDetails.processingTargets, [groupArn('all')]);
  await world.advance(2 * MINUTE);
  const times = await createdTimes(world);
  assert.is(times.length, 1_100);
  for (const [i, from] of times.entries()) {
    const inMinute = times.slice(i).findIndex((time) => time >= from + MINUTE);
    assert.ok(inMinute === -1 || inMinute <= 1_000, `${inMinute} in the minute from ${from}`);
  }
  assert.is(times.filter((time) => time < MINUTE).length, 1_000);
  const { jobProcessDetails, isConcurrent } = await statusOf(world, 'j');
  assert.is(jobProcessDetails.numberOfQueuedThings, 1_100);
  assert.is(jobProcessDetails.processingTargets, undefined);
  assert.is(isConcurrent, false);
  await assertCountersAreTrue(world.store);
  assert.is(world.takeTold().length, 2_200);
  await world.close();
});

test('a roll-out of 2 a minute goes on where it was after a restart, and does not make up for the pause in a burst', async () => {
  const store = await freshStore();
  const world = await openWorld({ store, things: names(7) });
  const jobExecutionsRolloutConfig = { maximumPerMinute: 2 };
  await world.job('j', names(7), { jobExecutionsRolloutConfig });
  await world.advance(1 * MINUTE);
  assert.equal(await createdTimes(world), [0, 30_000, 60_000]);
  const again = await openWorld({ store, things: [] });
  again.nowMillis = START_MILLIS + 10 * MINUTE;
  await again.settle();
  await again.advance(MINUTE);
  assert.equal((await createdTimes(again)).slice(3), [10 * MINUTE, 10.5 * MINUTE, 11 * MINUTE]);
  await again.advance(10 * MINUTE);
  assert.is((await createdTimes(again)).length, 7);
  await again.close();
});

test('an exponential roll-out doubles its rate at each threshold, up to the maximum', async () => {
  const world = await openWorld({ things: [] });
  for (const name of names(400)) await addThing(world.store, name);
  await addGroup(world.store, 'all', names(400));
  const exponentialRate = {
    baseRatePerMinute: 60,
    incrementFactor: 2,
    rateIncreaseCriteria: { numberOfNotifiedThings: 60 },
  };
  await world.service.control.createJob({
    jobId: 'j',
    targets: [groupArn('all')],
    document: '{}',
    jobExecutionsRolloutConfig: { exponentialRate, maximumPerMinute: 240 },
  });
  await world.advance(5 * MINUTE);
  const times = await createdTimes(world);
  const perSecond = (second: number) => times.filter((time) => Math.floor(time / 1000) === second).length;
  assert.equal([perSecond(0), perSecond(59), perSecond(61), perSecond(95), perSecond(100)], [1, 1, 2, 4, 4]);
  assert.is(times.length, 400);
  await world.close();
});

test('a thing that several targets reach gets one execution; a group stands for the groups below it too', async () => {
  const world = await openWorld({ things: names(6) });
  await addGroup(world.store, 'top', ['T1', 'T2']);
  await addGroup(world.store, 'middle', ['T2', 'T3'], 'top');
  await addGroup(world.store, 'bottom', ['T4'], 'middle');
  await addGroup(world.store, 'other', ['T6']);
  await world.service.control.createJob({
    jobId: 'j',
    targets: [groupArn('top'), 'arn:aws:iot:eu-west-1:123456789012:thing/T1', groupArn('middle')],
    document: '{}',
  });
  await world.advance(MINUTE);
  const { executionSummaries } = await world.service.control.listJobExecutionsForJob({ jobId: 'j' });
  assert.equal(
    executionSummaries.map(({ thingArn }) => thingArn.split('/')[1]),
    ['T1', 'T2', 'T3', 'T4'],
  );
  assert.is((await statusOf(world, 'j')).jobProcessDetails.numberOfQueuedThings, 4);
  await world.close();
});

test('a snapshot job is COMPLETED when its roll-out is done and every execution has ended, not before', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2'], { jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
  await world.ask('T1', 'j/update', { status: 'SUCCEEDED' });
  await world.advance(59_999);
  assert.is((await statusOf(world, 'j')).status, 'IN_PROGRESS');
  await world.advance(10_000);
  await world.ask('T2', 'j/update', { status: 'IN_PROGRESS' });
  await world.advance(MINUTE);
  assert.is((await statusOf(world, 'j')).status, 'IN_PROGRESS');
  await world.ask('T2', 'j/update', { status: 'FAILED' });
  await world.advance(1_000);
  const { status, completedAt, jobProcessDetails } = await statusOf(world, 'j');
  assert.is(status, 'COMPLETED');
  assert.ok(completedAt >= START_MILLIS / 1000 + 129);
  assert.equal([jobProcessDetails.numberOfSucceededThings, jobProcessDetails.numberOfFailedThings], [1, 1]);
  await world.close();
});

test('a job whose group is empty is COMPLETED at once; deleting the last pending execution completes a job too', async () => {
  const world = await openWorld();
  await addGroup(world.store, 'nobody', []);
  await world.service.control.createJob({ jobId: 'none', targets: [groupArn('nobody')], document: '{}' });
  await world.settle();
  assert.is((await statusOf(world, 'none')).status, 'COMPLETED');
  await world.job('j', ['T1']);
  await world.service.control.deleteJobExecution({ thingName: 'T1', jobId: 'j', executionNumber: 1 });
  await world.advance(1_000);
  assert.is((await statusOf(world, 'j')).status, 'COMPLETED');
  assert.is((await world.ask('T1', 'j/update', { status: 'FAILED' }))?.body.code, 'ResourceNotFound');
  await world.close();
});

test('cancel: queued executions go, running ones may end by themselves; with force they go too and refuse every update', async () => {
  const world = await openWorld({ things: ['T1', 'T2', 'T3'] });
  await world.job('j', ['T1', 'T2', 'T3']);
  await world.ask('T2', 'start-next', {});
  await world.ask('T3', 'j/update', { status: 'SUCCEEDED' });
  await world.settle();
  world.takeTold();
  await world.service.control.cancelJob({ jobId: 'j', reasonCode: 'ENOUGH', comment: 'no more' });
  const job = await statusOf(world, 'j');
  assert.equal(
    [job.status, job.reasonCode, job.comment, job.forceCanceled],
    ['CANCELED', 'ENOUGH', 'no more', undefined],
  );
  await world.settle();
  const statuses = async () =>
    Promise.all(['T1', 'T2', 'T3'].map(async (thing) => (await execution(world, thing)).status));
  assert.equal(await statuses(), ['CANCELED', 'IN_PROGRESS', 'SUCCEEDED']);
  assert.is((await execution(world, 'T1')).forceCanceled, undefined);
  assert.equal(
    world.takeTold().map(([thing, kind]) => `${thing} ${kind}`),
    ['T1 notify', 'T1 notify-next'],
  );
  assert.is((await world.ask('T2', 'j/update', { status: 'IN_PROGRESS' }))?.kind, 'accepted');
  await world.service.control.cancelJob({ jobId: 'j', force: true });
  await world.settle();
  assert.equal(await statuses(), ['CANCELED', 'CANCELED', 'SUCCEEDED']);
  assert.is((await execution(world, 'T2')).forceCanceled, true);
  const refused = await world.ask('T2', 'j/update', { status: 'SUCCEEDED' });
  assert.is(refused?.body.code, 'InvalidStateTransition');
  assert.is(refused?.body.executionState.status, 'CANCELED');
  await world.advance(1_000);
  const after = await statusOf(world, 'j');
  assert.equal([after.status, after.forceCanceled, after.reasonCode], ['CANCELED', true, 'ENOUGH']);
  assert.is(after.completedAt, undefined, 'a cancelled job was not completed (state-machine §6)');
  assert.is(after.jobProcessDetails.numberOfCanceledThings, 2);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('cancelling stops a roll-out and takes more executions than fit one transaction', async () => {
  const count = CHANGE_CHUNK_MAX * 2 + 10;
  const world = await openWorld({ things: [] });
  for (const name of names(count + 5)) await addThing(world.store, name);
  await addGroup(world.store, 'all', names(count + 5));
  const target = { targets: [groupArn('all')], document: '{}' };
  await world.service.control.createJob({ jobId: 'j', ...target });
  await world.advance(40_000);
  const created = (await createdTimes(world)).length;
  assert.ok(created > CHANGE_CHUNK_MAX && created < count, `${created}`);
  await world.service.control.cancelJob({ jobId: 'j' });
  await world.settle();
  await world.advance(MINUTE);
  const { jobProcessDetails, isConcurrent } = await statusOf(world, 'j');
  assert.is(jobProcessDetails.numberOfCanceledThings, created);
  assert.is(jobProcessDetails.numberOfQueuedThings, 0);
  assert.is(isConcurrent, false);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('deleting takes more executions than fit one transaction, and goes on after a restart between two of them', async () => {
  const count = CHANGE_CHUNK_MAX * 2 + 10;
  const store = await freshStore();
  const world = await openWorld({ store, things: names(count) });
  await addGroup(store, 'all', names(count));
  const targets = [groupArn('all')];
  const jobExecutionsRolloutConfig = { maximumPerMinute: 60 * (count + 100) };
  await world.service.control.createJob({ jobId: 'j', targets, document: '{}', jobExecutionsRolloutConfig });
  await world.settle();
  await world.ask('T7', 'j/update', { status: 'SUCCEEDED' });
  world.takeTold();
  await world.service.control.deleteJob({ jobId: 'j', force: true });
  const told = await inTransaction(store, (tx) =>
    tickJob(
      tx,
      1,
      createClock(() => world.nowMillis),
    ),
  );
  assert.is((await createdTimes(world)).length, count - CHANGE_CHUNK_MAX);
  assert.is(told?.length, CHANGE_CHUNK_MAX);
  assert.is((await statusOf(world, 'j')).status, 'DELETION_IN_PROGRESS');
  await world.service.close();
  const again = await openWorld({ store, things: [] });
  await again.advance(MINUTE);
  assert.equal(await createdTimes(again), []);
  assert.equal(await store.db.selectFrom('job').selectAll().execute(), []);
  assert.equal(await store.db.selectFrom('job_delta').selectAll().execute(), []);
  // What the first process had not sent is sent by the second.
  assert.is(new Set(again.takeTold().map(([thing]) => thing)).size, count - 1);
  await again.close();
});

test('a roll-out faster than one transaction goes on in the next, in the same tick', async () => {
  const count = ROLLOUT_CHUNK_MAX * 2 + 10;
  const world = await openWorld({ things: [] });
  for (const name of names(count)) await addThing(world.store, name);
  await addGroup(world.store, 'all', names(count));
  const jobExecutionsRolloutConfig = { maximumPerMinute: 60 * (count + 100) };
  const targets = [groupArn('all')];
  await world.service.control.createJob({ jobId: 'j', targets, document: '{}', jobExecutionsRolloutConfig });
  await world.settle();
  assert.is((await createdTimes(world)).length, count);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('abortConfig: enough ended badly cancels the job as an operator would without force, and says so', async () => {
  const world = await openWorld({ things: names(5) });
  const criterion = { failureType: 'FAILED', action: 'CANCEL', thresholdPercentage: 50, minNumberOfExecutedThings: 2 };
  await world.job('j', names(5), { abortConfig: { criteriaList: [criterion] } });
  await world.ask('T1', 'j/update', { status: 'FAILED' });
  await world.ask('T4', 'start-next', {});
  await world.advance(1_000);
  assert.is((await statusOf(world, 'j')).status, 'IN_PROGRESS', 'one is not enough');
  await world.ask('T2', 'j/update', { status: 'SUCCEEDED' });
  await world.advance(1_000);
  const { status, reasonCode, jobProcessDetails } = await statusOf(world, 'j');
  assert.equal([status, reasonCode], ['CANCELED', 'JOB_ABORTED']);
  assert.equal([jobProcessDetails.numberOfCanceledThings, jobProcessDetails.numberOfInProgressThings], [2, 1]);
  await world.close();
});

test('counters that the last process did not fold are folded at the start, and its job ends', async () => {
  const store = await freshStore();
  const world = await openWorld({ store });
  await world.job('j', ['T1']);
  await world.ask('T1', 'j/update', { status: 'SUCCEEDED' });
  await world.service.close();
  const again = await openWorld({ store, things: [] });
  assert.is((await statusOf(again, 'j')).status, 'COMPLETED');
  assert.equal(await store.db.selectFrom('job_delta').selectAll().execute(), []);
  await again.close();
});

test('a job that a clock set back before a restart brings to the head of a queue is told as the next one', async () => {
  const store = await freshStore();
  const world = await openWorld({ store });
  await world.job('j', ['T1']);
  await world.service.close();
  const again = await openWorld({ store, things: [], startMillis: START_MILLIS - 10_000 });
  await again.job('k', ['T1']);
  const next = again.takeTold().filter(([, kind]) => kind === 'notify-next');
  assert.equal(
    next.map(([thing, , body]) => [thing, body.execution.jobId]),
    [['T1', 'k']],
  );
  await again.close();
});

test('an idle service asks for no tick before what it keeps has become old', async () => {
  const world = await openWorld();
  await world.job('j', ['T1']);
  await world.ask('T1', 'j/update', { status: 'SUCCEEDED' });
  await world.advance(10_000);
  assert.is(world.nextMillis(), START_MILLIS + RETENTION_MILLIS + 1);
  await world.close();
});

test.run();
