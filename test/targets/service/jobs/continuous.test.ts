import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inTransaction } from '../../../../targets/service/store/open.ts';
import { assertCountersAreTrue } from './recount.ts';
import {
  addGroup,
  addThing,
  deleteThing,
  groupArn,
  historyOf,
  type Json,
  jobOf,
  join,
  leave,
  openWorld,
  type World,
} from './world.ts';

const MINUTE = 60_000;

async function create(world: World, groups: string[], more: object = {}): Promise<void> {
  const targets = groups.map(groupArn);
  await world.service.control.createJob({
    jobId: 'j',
    targets,
    document: '{}',
    targetSelection: 'CONTINUOUS',
    ...more,
  });
  await world.settle();
}

const told = (world: World) => world.takeTold().map(([thing, kind]) => `${thing} ${kind}`);

test('a thing whose first execution was deleted is not given it again beside its second', async () => {
  const world = await openWorld({ things: ['T1'] });
  await addGroup(world.store, 'g', ['T1']);
  await create(world, ['g']);
  await leave(world, 'T1', 'g');
  await join(world, 'T1', 'g');
  assert.equal(await historyOf(world, 'T1'), ['1 REMOVED retry 0', '2 QUEUED retry 0']);
  await world.service.control.deleteJobExecution({ thingName: 'T1', jobId: 'j', executionNumber: 1, force: true });
  await leave(world, 'T1', 'g');
  await join(world, 'T1', 'g');
  assert.equal(await historyOf(world, 'T1'), ['2 REMOVED retry 0', '3 QUEUED retry 0']);
  await assertCountersAreTrue(world.store);
});

test('a continuous job stays IN_PROGRESS when all have ended; a late joiner gets its execution at once, outside of the rate', async () => {
  const world = await openWorld({ things: ['T1', 'T2', 'T3', 'T4'] });
  await addGroup(world.store, 'g', ['T1', 'T2']);
  await create(world, ['g'], { jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
  await join(world, 'T3', 'g');
  assert.equal(await historyOf(world, 'T1'), ['1 QUEUED retry 0']);
  assert.equal(await historyOf(world, 'T2'), []);
  assert.equal(await historyOf(world, 'T3'), ['1 QUEUED retry 0']);
  assert.ok(told(world).includes('T3 notify-next'));
  await world.advance(MINUTE);
  assert.equal(await historyOf(world, 'T2'), ['1 QUEUED retry 0']);
  for (const thing of ['T1', 'T2', 'T3']) await world.ask(thing, 'j/update', { status: 'SUCCEEDED' });
  await world.advance(MINUTE);
  const { status, targetSelection, isConcurrent, jobProcessDetails } = await jobOf(world);
  assert.equal([status, targetSelection, isConcurrent], ['IN_PROGRESS', 'CONTINUOUS', false]);
  assert.is(jobProcessDetails.numberOfSucceededThings, 3);
  await join(world, 'T4', 'g');
  assert.equal(await historyOf(world, 'T4'), ['1 QUEUED retry 0']);
  await world.advance(1_000);
  await assertCountersAreTrue(world.store);
  await world.service.control.cancelJob({ jobId: 'j' });
  await world.settle();
  assert.equal(await historyOf(world, 'T4'), ['1 CANCELED retry 0']);
  await world.close();
});

test('a snapshot job ignores late joiners', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await addGroup(world.store, 'g', ['T1']);
  await create(world, ['g'], { targetSelection: 'SNAPSHOT' });
  await join(world, 'T2', 'g');
  await world.advance(MINUTE);
  assert.equal(await historyOf(world, 'T2'), []);
  await world.close();
});

test('who leaves the group of a snapshot before its turn still has its turn', async () => {
  const world = await openWorld({ things: ['T1', 'T2', 'T3'] });
  await addGroup(world.store, 'g', ['T1', 'T2', 'T3']);
  await create(world, ['g'], { targetSelection: 'SNAPSHOT', jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
  await leave(world, 'T3', 'g');
  await leave(world, 'T1', 'g');
  await world.advance(3 * MINUTE);
  for (const thing of ['T1', 'T2', 'T3']) assert.equal(await historyOf(world, thing), ['1 QUEUED retry 0'], thing);
  await world.close();
});

test('leaving: QUEUED becomes REMOVED and its thing is told, IN_PROGRESS stays and is not tried again', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await addGroup(world.store, 'g', ['T1', 'T2']);
  const jobExecutionsRetryConfig = { criteriaList: [{ failureType: 'FAILED', numberOfRetries: 3 }] };
  await create(world, ['g'], { jobExecutionsRetryConfig });
  await world.ask('T2', 'start-next', {});
  await world.settle();
  world.takeTold();
  await leave(world, 'T1', 'g');
  await leave(world, 'T2', 'g');
  assert.equal(told(world), ['T1 notify', 'T1 notify-next']);
  const { execution } = (await world.service.control.describeJobExecution({ thingName: 'T1', jobId: 'j' })) as Json;
  assert.equal([execution.status, execution.versionNumber, execution.startedAt], ['REMOVED', 2, undefined]);
  assert.equal(await historyOf(world, 'T2'), ['1 IN_PROGRESS retry 0']);
  assert.is((await world.ask('T2', 'j/update', { status: 'FAILED' }))?.kind, 'accepted');
  assert.equal(await historyOf(world, 'T2'), ['1 FAILED retry 0']);
  await world.advance(1_000);
  const { numberOfRemovedThings, numberOfFailedThings } = (await jobOf(world)).jobProcessDetails;
  assert.equal([numberOfRemovedThings, numberOfFailedThings], [1, 1]);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('joining again: the next executionNumber, retries from 0; one that still runs goes on and may be tried again', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await addGroup(world.store, 'g', ['T1', 'T2']);
  const jobExecutionsRetryConfig = { criteriaList: [{ failureType: 'FAILED', numberOfRetries: 1 }] };
  await create(world, ['g'], { jobExecutionsRetryConfig });
  await world.ask('T1', 'j/update', { status: 'FAILED' });
  await world.ask('T2', 'j/update', { status: 'IN_PROGRESS' });
  for (const thing of ['T1', 'T2']) await leave(world, thing, 'g');
  assert.equal(await historyOf(world, 'T1'), ['1 FAILED retry 0', '2 REMOVED retry 1']);
  for (const thing of ['T1', 'T2']) await join(world, thing, 'g');
  await world.ask('T1', 'j/update', { status: 'FAILED' });
  assert.equal((await historyOf(world, 'T1')).slice(2), ['3 FAILED retry 0', '4 QUEUED retry 1']);
  await world.ask('T2', 'j/update', { status: 'FAILED' });
  assert.equal(await historyOf(world, 'T2'), ['1 FAILED retry 0', '2 QUEUED retry 1']);
  await world.ask('T2', 'j/update', { status: 'SUCCEEDED' });
  await leave(world, 'T2', 'g');
  await join(world, 'T2', 'g');
  assert.is((await historyOf(world, 'T2')).at(-1), '3 QUEUED retry 0');
  await world.advance(1_000);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('groups below a target count, younger ones too; a thing in two targets has one execution and leaves with the last', async () => {
  const world = await openWorld({ things: ['T1', 'T2', 'T3'] });
  await addGroup(world.store, 'top', ['T1']);
  await addGroup(world.store, 'below', ['T2'], 'top');
  await addGroup(world.store, 'aside', ['T2']);
  await create(world, ['top', 'aside', 'below']);
  assert.equal(await historyOf(world, 'T2'), ['1 QUEUED retry 0']);
  await leave(world, 'T2', 'below');
  assert.equal(await historyOf(world, 'T2'), ['1 QUEUED retry 0']);
  await join(world, 'T2', 'below');
  assert.equal(await historyOf(world, 'T2'), ['1 QUEUED retry 0']);
  await leave(world, 'T2', 'below');
  await leave(world, 'T2', 'aside');
  assert.equal(await historyOf(world, 'T2'), ['1 REMOVED retry 0']);
  await addGroup(world.store, 'young', [], 'below');
  await join(world, 'T3', 'young');
  assert.equal(await historyOf(world, 'T3'), ['1 QUEUED retry 0']);
  await leave(world, 'T3', 'young');
  assert.equal(await historyOf(world, 'T3'), ['1 REMOVED retry 0']);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('a group that is deleted: all its members leave', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await addGroup(world.store, 'g', ['T1', 'T2']);
  await create(world, ['g']);
  const { membership } = world.service;
  const things = await inTransaction(world.store, async (tx) => {
    const found = await membership.groupDeleted(tx, 'g');
    await tx.db.deleteFrom('member').where('grp', '=', 'g').execute();
    return found;
  });
  membership.committed(things);
  await world.settle();
  for (const thing of ['T1', 'T2']) assert.equal(await historyOf(world, thing), ['1 REMOVED retry 0']);
  await world.close();
});

test('a thing that is deleted: what is pending is REMOVED in every kind of job, the records stay, and a snapshot can end', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2'], {
    jobExecutionsRetryConfig: { criteriaList: [{ failureType: 'ALL', numberOfRetries: 3 }] },
    timeoutConfig: { inProgressTimeoutInMinutes: 1 },
  });
  await world.job('slow', ['T2', 'T1'], { jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
  await deleteThing(world, 'T1');
  await world.ask('T2', 'j/update', { status: 'SUCCEEDED' });
  await world.advance(5 * MINUTE);
  const { status, jobProcessDetails } = await jobOf(world);
  assert.is(status, 'COMPLETED');
  assert.equal([jobProcessDetails.numberOfRemovedThings, jobProcessDetails.numberOfTimedOutThings], [1, 0]);
  const { executionSummaries } = await world.service.control.listJobExecutionsForJob({ jobId: 'j', status: 'REMOVED' });
  assert.equal(
    executionSummaries.map(({ thingArn }) => thingArn.split('/')[1]),
    ['T1'],
  );
  assert.is((await world.service.control.listJobExecutionsForJob({ jobId: 'slow' })).executionSummaries.length, 1);
  assert.equal(await world.store.db.selectFrom('notify_q').selectAll().execute(), []);
  // A thing of the same name is another thing.
  await addThing(world.store, 'T1');
  assert.is((await world.ask('T1', 'j/update', { status: 'SUCCEEDED' }))?.body.code, 'ResourceNotFound');
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('AssociateTargetsWithJob adds groups, which follow by roll-out; a thing that had left is back with the next number', async () => {
  const world = await openWorld({ things: ['T1', 'T2', 'T3'] });
  await addGroup(world.store, 'g', ['T1', 'T2']);
  await addGroup(world.store, 'more', ['T2', 'T3']);
  await create(world, ['g'], { jobExecutionsRolloutConfig: { maximumPerMinute: 1 }, description: 'all of them' });
  await world.advance(2 * MINUTE);
  await leave(world, 'T2', 'g');
  const answer = await world.service.control.associateTargetsWithJob({
    jobId: 'j',
    targets: [groupArn('more')],
    comment: 'two more',
  });
  assert.equal([answer.jobId, answer.description], ['j', 'all of them']);
  await world.settle();
  assert.equal(await historyOf(world, 'T2'), ['1 REMOVED retry 0', '2 QUEUED retry 0']);
  assert.equal(await historyOf(world, 'T3'), []);
  assert.equal((await jobOf(world)).jobProcessDetails.processingTargets, [groupArn('more')]);
  await world.advance(MINUTE);
  assert.equal(await historyOf(world, 'T3'), ['1 QUEUED retry 0']);
  const { targets, comment } = await jobOf(world);
  assert.equal([targets, comment], [[groupArn('g'), groupArn('more')], 'two more']);
  await leave(world, 'T3', 'more');
  assert.equal(await historyOf(world, 'T3'), ['1 REMOVED retry 0']);
  const { jobs } = await world.service.control.listJobs({ thingGroupName: 'more', targetSelection: 'CONTINUOUS' });
  assert.equal(
    jobs.map(({ jobId }) => jobId),
    ['j'],
  );
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('AssociateTargetsWithJob refuses snapshots, ended jobs, things, unknown groups, and more than 100 targets', async () => {
  const world = await openWorld();
  for (let n = 0; n <= 100; n++) await addGroup(world.store, `g${n}`, []);
  const associate = async (jobId: string, targets: string[]) =>
    world.service.control.associateTargetsWithJob({ jobId, targets }).then(
      () => 'accepted',
      (error) => error.name,
    );
  const groups = Array.from({ length: 100 }, (_, n) => groupArn(`g${n}`));
  await create(world, ['g0']);
  await world.job('snapshot', ['T1']);
  assert.is(await associate('snapshot', groups), 'InvalidRequestException');
  assert.is(await associate('j', ['arn:aws:iot:eu-west-1:123456789012:thing/T1']), 'InvalidRequestException');
  assert.is(await associate('j', [groupArn('unknown')]), 'ResourceNotFoundException');
  assert.is(await associate('k', groups), 'ResourceNotFoundException');
  assert.is(await associate('j', groups), 'accepted');
  assert.is(await associate('j', [groupArn('g100')]), 'LimitExceededException');
  await world.service.control.cancelJob({ jobId: 'j' });
  assert.is(await associate('j', groups), 'InvalidRequestException');
  await world.close();
});

test.run();
