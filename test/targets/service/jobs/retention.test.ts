import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHANGE_CHUNK_MAX } from '../../../../targets/service/jobs/limits.ts';
import { assertCountersAreTrue } from './recount.ts';
import { addGroup, groupArn, openWorld, START_MILLIS, type World } from './world.ts';

const DAY = 86_400_000;

async function jobIds(world: World): Promise<string[]> {
  return (await world.service.control.listJobs({})).jobs.map(({ jobId }) => jobId).reverse();
}

async function executionCount(world: World): Promise<number> {
  return (await world.store.db.selectFrom('exec').select('no').execute()).length;
}

test('a job is kept for 730 days after it ended, then it and its executions are gone (control-plane §4)', async () => {
  const world = await openWorld();
  await world.job('a', ['T1']);
  await world.job('open', ['T1']);
  await world.advance(10 * DAY);
  await world.ask('T1', 'a/update', { status: 'SUCCEEDED' });
  await world.advance(729 * DAY);
  assert.equal(await jobIds(world), ['a', 'open']);
  await world.advance(3 * DAY);
  assert.equal(await jobIds(world), ['open'], 'what has not ended stays');
  assert.is(await executionCount(world), 1);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('a job that goes on loses the executions that ended long ago; how long is settable', async () => {
  const things = Array.from({ length: CHANGE_CHUNK_MAX + 10 }, (_, n) => `T${n}`);
  const world = await openWorld({ things, retentionMillis: 5 * DAY });
  await addGroup(world.store, 'g', things);
  await world.service.control.createJob({
    jobId: 'j',
    targets: [groupArn('g')],
    document: '{}',
    targetSelection: 'CONTINUOUS',
  });
  await world.advance(60_000);
  await Promise.all(things.slice(5).map((thing) => world.ask(thing, 'j/update', { status: 'SUCCEEDED' })));
  await world.advance(4 * DAY);
  assert.is(await executionCount(world), things.length);
  await world.ask('T0', 'j/update', { status: 'FAILED' });
  await world.advance(2 * DAY);
  assert.is(await executionCount(world), 5);
  const { jobProcessDetails } = (await world.service.control.describeJob({ jobId: 'j' })).job;
  assert.equal([jobProcessDetails.numberOfSucceededThings, jobProcessDetails.numberOfFailedThings], [0, 1]);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('a cancelled job whose execution still runs is kept, a deleted one leaves nothing to wait for', async () => {
  const world = await openWorld({ retentionMillis: 5 * DAY });
  await world.job('j', ['T1']);
  await world.ask('T1', 'start-next', {});
  await world.service.control.cancelJob({ jobId: 'j' });
  await world.advance(20 * DAY);
  assert.equal(await jobIds(world), ['j']);
  assert.ok((world.nextMillis() as number) <= START_MILLIS + 21 * DAY);
  await world.service.control.deleteJob({ jobId: 'j' });
  await world.settle();
  assert.is(world.nextMillis(), undefined);
  await world.close();
});

test.run();
