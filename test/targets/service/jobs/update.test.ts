import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobOf, openWorld, type World } from './world.ts';

const MINUTE = 60_000;

async function statusOf(world: World, thingName: string): Promise<string> {
  return (await world.service.control.describeJobExecution({ thingName, jobId: 'j' })).execution.status;
}

const update = (world: World, more: object) =>
  world.service.control.updateJob({ jobId: 'j', ...more }).then(
    () => 'accepted',
    (error) => error.name,
  );

test('UpdateJob: given members replace the stored ones, the others stay (control-plane §2.4)', async () => {
  const world = await openWorld();
  await world.job('j', ['T1'], { description: 'old', presignedUrlConfig: { expiresInSec: 60 } });
  const abortConfig = {
    criteriaList: [{ failureType: 'ALL', action: 'CANCEL', thresholdPercentage: 10, minNumberOfExecutedThings: 1 }],
  };
  await world.advance(MINUTE);
  assert.is(await update(world, { description: 'new', abortConfig }), 'accepted');
  const job = await jobOf(world);
  assert.equal([job.description, job.abortConfig, job.presignedUrlConfig], ['new', abortConfig, { expiresInSec: 60 }]);
  assert.is(job.lastUpdatedAt - job.createdAt, 60);
  assert.is(await update(world, { presignedUrlConfig: { expiresInSec: 600 } }), 'accepted');
  assert.equal((await jobOf(world)).presignedUrlConfig, { expiresInSec: 600 });
  await world.ask('T1', 'j/update', { status: 'FAILED' });
  await world.advance(1_000);
  assert.is((await jobOf(world)).status, 'CANCELED', 'the new abort criteria are acted on');
  await world.close();
});

test('UpdateJob: a new timeout reaches only executions that become IN_PROGRESS later', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2'], { timeoutConfig: { inProgressTimeoutInMinutes: 10 } });
  await world.ask('T1', 'start-next', {});
  await update(world, { timeoutConfig: { inProgressTimeoutInMinutes: 1 } });
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
  await world.ask('T2', 'start-next', {});
  await world.advance(MINUTE);
  assert.equal([await statusOf(world, 'T1'), await statusOf(world, 'T2')], ['IN_PROGRESS', 'TIMED_OUT']);
  await world.advance(9 * MINUTE);
  assert.is(await statusOf(world, 'T1'), 'TIMED_OUT');
  await world.close();
});

test('UpdateJob: a new rate counts from the next slot', async () => {
  const things = Array.from({ length: 200 }, (_, n) => `T${n}`);
  const world = await openWorld({ things });
  await world.job('j', things.slice(0, 100), { jobExecutionsRolloutConfig: { maximumPerMinute: 1 } });
  await world.advance(MINUTE);
  assert.is((await jobOf(world)).jobProcessDetails.numberOfQueuedThings, 2);
  await update(world, { jobExecutionsRolloutConfig: { maximumPerMinute: 60 } });
  await world.advance(10_000);
  const { numberOfQueuedThings } = (await jobOf(world)).jobProcessDetails;
  assert.ok(numberOfQueuedThings >= 11 && numberOfQueuedThings <= 13, `${numberOfQueuedThings}`);
  await world.close();
});

test('UpdateJob: retries can be set to 0 and to nothing else, and then nothing is tried again', async () => {
  const world = await openWorld();
  const criteria = (...list: [string, number][]) => ({
    jobExecutionsRetryConfig: {
      criteriaList: list.map(([failureType, numberOfRetries]) => ({ failureType, numberOfRetries })),
    },
  });
  await world.job('j', ['T1'], criteria(['FAILED', 5], ['TIMED_OUT', 2]));
  assert.is(await update(world, criteria(['FAILED', 4])), 'InvalidRequestException');
  assert.is(await update(world, criteria(['FAILED', 6])), 'InvalidRequestException');
  await world.ask('T1', 'j/update', { status: 'FAILED' });
  assert.is(await statusOf(world, 'T1'), 'QUEUED');
  assert.is(await update(world, criteria(['FAILED', 0])), 'accepted');
  assert.equal((await jobOf(world)).jobExecutionsRetryConfig.criteriaList, [
    { failureType: 'TIMED_OUT', numberOfRetries: 2 },
    { failureType: 'FAILED', numberOfRetries: 0 },
  ]);
  await world.ask('T1', 'start-next', { stepTimeoutInMinutes: 1 });
  await world.advance(MINUTE);
  assert.is(await statusOf(world, 'T1'), 'QUEUED', 'a timer that ran out is still tried again');
  await world.ask('T1', 'j/update', { status: 'FAILED' });
  assert.is(await statusOf(world, 'T1'), 'FAILED');
  await world.close();
});

test('UpdateJob refuses a job that has ended, and one that is not there', async () => {
  const world = await openWorld();
  assert.is(await update(world, { description: 'x' }), 'ResourceNotFoundException');
  await world.job('j', ['T1']);
  await world.service.control.cancelJob({ jobId: 'j' });
  assert.is(await update(world, { description: 'x' }), 'InvalidRequestException');
  await world.close();
});

test.run();
