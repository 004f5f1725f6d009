import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ModelledError } from '../../../../targets/service/modelledError.ts';
import { assertCountersAreTrue } from './recount.ts';
import { deleteThing, historyOf, type Json, jobOf, openWorld, START_MILLIS, thingArn, type World } from './world.ts';

const MINUTE = 60_000;

const retries = (...criteria: [failureType: string, numberOfRetries: number][]) => ({
  jobExecutionsRetryConfig: {
    criteriaList: criteria.map(([failureType, numberOfRetries]) => ({ failureType, numberOfRetries })),
  },
});

const report = (world: World, status: string, more: object = {}) => world.ask('T1', 'j/update', { status, ...more });

test('a FAILED execution stays as history and a new one is QUEUED: next number, next attempt, version 1, empty (state-machine §4)', async () => {
  const world = await openWorld();
  await world.job('j', ['T1'], retries(['FAILED', 2]));
  await report(world, 'IN_PROGRESS', { statusDetails: { a: '1' } });
  await world.advance(MINUTE);
  await report(world, 'FAILED');
  const { execution } = (await world.service.control.describeJobExecution({ thingName: 'T1', jobId: 'j' })) as Json;
  assert.equal(
    [execution.status, execution.executionNumber, execution.versionNumber, execution.statusDetails],
    ['QUEUED', 2, 1, {}],
  );
  assert.equal([execution.queuedAt, execution.startedAt], [(START_MILLIS + MINUTE) / 1000, undefined]);
  await report(world, 'FAILED');
  assert.is((await jobOf(world)).status, 'IN_PROGRESS');
  await report(world, 'FAILED');
  assert.equal(await historyOf(world), ['1 FAILED retry 0', '2 FAILED retry 1', '3 FAILED retry 2']);
  await world.advance(MINUTE);
  const { status, jobProcessDetails, jobExecutionsRetryConfig } = await jobOf(world);
  assert.is(status, 'COMPLETED');
  assert.is(jobProcessDetails.numberOfFailedThings, 1, 'each thing counts by its latest execution');
  assert.equal(jobExecutionsRetryConfig, retries(['FAILED', 2]).jobExecutionsRetryConfig);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('each criterion counts its own kind of failure, ALL counts both; a timer that runs out is tried again too', async () => {
  const run = async (criteria: object, failures: string[]) => {
    const world = await openWorld();
    await world.job('j', ['T1'], { timeoutConfig: { inProgressTimeoutInMinutes: 1 }, ...criteria });
    for (const failure of failures) {
      await report(world, 'IN_PROGRESS');
      if (failure === 'TIMED_OUT') await world.advance(MINUTE);
      else await report(world, failure);
    }
    await world.settle();
    const lines = await historyOf(world);
    await world.close();
    return lines;
  };
  const [F, T] = ['FAILED', 'TIMED_OUT'];
  assert.is((await run(retries(['FAILED', 1], ['TIMED_OUT', 2]), [T, F, T])).at(-1), '4 QUEUED retry 3');
  assert.is((await run(retries(['FAILED', 1], ['TIMED_OUT', 2]), [T, F, F])).at(-1), '3 FAILED retry 2');
  assert.is((await run(retries(['FAILED', 1], ['TIMED_OUT', 2]), [F, T, T, T])).at(-1), '4 TIMED_OUT retry 3');
  assert.is((await run(retries(['ALL', 2]), [F, T, F])).at(-1), '3 FAILED retry 2');
  assert.is((await run(retries(['FAILED', 3]), [T])).at(-1), '1 TIMED_OUT retry 0');
  assert.is((await run(retries(['ALL', 10]), Array(11).fill(F))).at(-1), '11 FAILED retry 10');
});

test('REJECTED, CANCELED, REMOVED and SUCCEEDED are never tried again', async () => {
  for (const status of ['REJECTED', 'SUCCEEDED', 'CANCELED', 'REMOVED']) {
    const world = await openWorld();
    await world.job('j', ['T1'], retries(['ALL', 5]));
    if (status === 'REMOVED') await deleteThing(world, 'T1');
    else if (status === 'CANCELED') await world.service.control.cancelJobExecution({ thingName: 'T1', jobId: 'j' });
    else await report(world, status);
    await world.advance(1_000);
    const { executionSummaries } = await world.service.control.listJobExecutionsForJob({ jobId: 'j' });
    assert.equal(
      executionSummaries.map(({ jobExecutionSummary: one }) => [one.status, one.executionNumber, one.retryAttempt]),
      [[status, 1, 0]],
    );
    assert.is((await jobOf(world)).status, 'COMPLETED');
    await world.close();
  }
});

test('the thing is told of a retry: notify, and notify-next as another execution is at the head', async () => {
  const world = await openWorld();
  await world.job('j', ['T1'], retries(['FAILED', 1]));
  await world.job('other', ['T1']);
  await world.advance(1_000);
  await report(world, 'IN_PROGRESS');
  world.takeTold();
  await report(world, 'FAILED');
  await world.service.settled();
  const told = world.takeTold();
  assert.equal(
    told.map(([, kind]) => kind),
    ['notify', 'notify-next'],
  );
  assert.equal(
    told[0]?.[2].jobs.QUEUED.map(({ jobId, executionNumber }: Json) => [jobId, executionNumber]),
    [
      ['other', 1],
      ['j', 2],
    ],
    'at the end of the queue',
  );
  assert.is(told[1]?.[2].execution.jobId, 'other');
  await world.close();
});

test('cancelling a job cancels the retry that is queued and prevents further ones', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2'], retries(['FAILED', 5]));
  await report(world, 'FAILED');
  await world.ask('T2', 'j/update', { status: 'IN_PROGRESS' });
  await world.service.control.cancelJob({ jobId: 'j' });
  await world.settle();
  assert.equal(await historyOf(world), ['1 FAILED retry 0', '2 CANCELED retry 1']);
  await world.ask('T2', 'j/update', { status: 'FAILED' });
  assert.equal(await historyOf(world, 'T2'), ['1 FAILED retry 0']);
  await world.advance(1_000);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('a report of failure that comes again with its token is answered, and does not fail the retry', async () => {
  const world = await openWorld();
  await world.job('j', ['T1'], retries(['FAILED', 5]));
  await report(world, 'IN_PROGRESS', { clientToken: 'a' });
  assert.is((await report(world, 'FAILED', { clientToken: 'b' }))?.kind, 'accepted');
  assert.is((await report(world, 'FAILED', { clientToken: 'b' }))?.kind, 'accepted');
  assert.is((await historyOf(world)).at(-1), '2 QUEUED retry 1');
  assert.is((await report(world, 'FAILED', { clientToken: 'c' }))?.kind, 'accepted');
  assert.is((await historyOf(world)).at(-1), '3 QUEUED retry 2');
  const { body } = (await world.ask('T1', 'j/update', { status: 'FAILED', executionNumber: 1 })) as Json;
  assert.is(body.code, 'InvalidStateTransition');
  await world.close();
});

test('deleting the latest execution lets the one before it count again', async () => {
  const world = await openWorld();
  await world.job('j', ['T1'], retries(['FAILED', 5]));
  await report(world, 'FAILED');
  const key = { thingName: 'T1', jobId: 'j' };
  await world.service.control.deleteJobExecution({ ...key, executionNumber: 2 });
  await world.settle();
  await assertCountersAreTrue(world.store);
  await world.advance(1_000);
  assert.is((await jobOf(world)).jobProcessDetails.numberOfFailedThings, 1);
  await world.service.control.deleteJobExecution({ ...key, executionNumber: 1 });
  await world.advance(1_000);
  assert.is((await jobOf(world)).jobProcessDetails.numberOfFailedThings, 0);
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('retry criteria that overlap, or that allow more than 10 retries together, are refused', async () => {
  const world = await openWorld();
  const wrong: [string, number][][] = [
    [
      ['FAILED', 6],
      ['TIMED_OUT', 5],
    ],
    [
      ['ALL', 1],
      ['FAILED', 1],
    ],
    [
      ['FAILED', 1],
      ['FAILED', 2],
    ],
  ];
  for (const criteria of wrong) {
    const input = { jobId: 'j', targets: [thingArn('T1')], document: '{}', ...(retries(...criteria) as Json) };
    const error = await world.service.control.createJob(input).catch((thrown) => thrown);
    assert.ok(error instanceof ModelledError && error.name === 'InvalidRequestException', JSON.stringify(criteria));
  }
  await world.close();
});

test.run();
