import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Status } from '../../../../runtime/jobs/execution.ts';
import type { AbortConfig } from '../../../../targets/service/jobs/jobConfig.ts';
import { mustAbort, ratePerMinute, refill } from '../../../../targets/service/jobs/rollout.ts';
import { rank } from '../../../../targets/service/jobs/storedExecution.ts';
import { addGroup, groupArn, type Json, jobOf, openWorld, START_MILLIS } from './world.ts';

const MINUTE = 60_000;
const names = (n: number) => Array.from({ length: n }, (_, i) => `T${i + 1}`);
const countsOf = (counts: Partial<Record<Status, number>>) =>
  new Map(Object.entries(counts).map(([status, n]) => [rank(status as Status), n]));

test('ratePerMinute: the vector of control-plane §6.2, base 50, doubled at each 1000 notified', () => {
  const exponentialRate = {
    baseRatePerMinute: 50,
    incrementFactor: 2,
    rateIncreaseCriteria: { numberOfNotifiedThings: 1_000 },
  };
  const config = { exponentialRate, maximumPerMinute: 1_000 };
  const at = (notified: number) => ratePerMinute(config, countsOf({ QUEUED: notified }));
  assert.equal([0, 999, 1_000, 1_999, 2_000, 2_999, 3_000, 3_999].map(at), [50, 50, 100, 100, 200, 200, 400, 400]);
  assert.equal([4_000, 5_000, 1_000_000].map(at), [800, 1_000, 1_000]);
  assert.is(ratePerMinute({ exponentialRate }, countsOf({ QUEUED: 9_000 })), 1_000, 'no maximum: 1000');
  assert.is(ratePerMinute(undefined, countsOf({})), 1_000);
});

test('ratePerMinute: a fraction is rounded down; of two criteria the one further on counts; all that were notified count', () => {
  const rate = (rateIncreaseCriteria: object, counts: Partial<Record<Status, number>>, incrementFactor = 1.5) =>
    ratePerMinute(
      { exponentialRate: { baseRatePerMinute: 5, incrementFactor, rateIncreaseCriteria } },
      countsOf(counts),
    );
  assert.is(rate({ numberOfNotifiedThings: 10 }, { QUEUED: 10 }), 7);
  assert.is(rate({ numberOfNotifiedThings: 10 }, { QUEUED: 4, IN_PROGRESS: 3, FAILED: 3 }), 7);
  assert.is(rate({ numberOfSucceededThings: 10 }, { QUEUED: 90, SUCCEEDED: 9 }), 5);
  assert.is(rate({ numberOfSucceededThings: 10, numberOfNotifiedThings: 1_000 }, { SUCCEEDED: 20 }), 11);
  assert.is(rate({ numberOfSucceededThings: 10, numberOfNotifiedThings: 30 }, { SUCCEEDED: 9, QUEUED: 60 }), 11);
});

test('refill: ticks that come late, by any time, let no minute see more executions than a rate below 60', () => {
  for (const perMinute of [1, 2, 7, 59])
    for (const late of [1, 400, 0.5 * MINUTE, (1.99 * MINUTE) / perMinute]) {
      let bucket = { tokens: 0, tokensAtMillis: -MINUTE };
      const created: number[] = [];
      // The second slot is used late, those behind it to the millisecond.
      for (let now = 0, tick = 0; created.length < 3 * perMinute; tick++, now += tick < 2 ? late : 1) {
        bucket = refill(bucket, perMinute, now);
        if (bucket.tokens < 1) continue;
        bucket = { ...bucket, tokens: bucket.tokens - 1 };
        created.push(now);
      }
      for (const from of created)
        assert.ok(
          created.filter((at) => at >= from && at < from + MINUTE).length <= perMinute,
          `${perMinute}, ${late}`,
        );
    }
});

test('mustAbort: every criterion on its own, with CANCELED and REMOVED on neither side (state-machine §8)', () => {
  const criterion = (failureType: string, thresholdPercentage: number, minNumberOfExecutedThings = 1) =>
    ({
      criteriaList: [{ failureType, action: 'CANCEL', thresholdPercentage, minNumberOfExecutedThings }],
    }) as AbortConfig;
  const table: [AbortConfig, Partial<Record<Status, number>>, boolean][] = [
    [criterion('FAILED', 50), { FAILED: 1, SUCCEEDED: 1 }, true],
    [criterion('FAILED', 50.01), { FAILED: 1, SUCCEEDED: 1 }, false],
    [criterion('FAILED', 50, 3), { FAILED: 1, SUCCEEDED: 1 }, false],
    [criterion('FAILED', 50), { REJECTED: 1, TIMED_OUT: 1 }, false],
    [criterion('REJECTED', 50), { REJECTED: 1, TIMED_OUT: 1 }, true],
    [criterion('TIMED_OUT', 50), { REJECTED: 1, TIMED_OUT: 1 }, true],
    [criterion('ALL', 75), { FAILED: 1, REJECTED: 1, TIMED_OUT: 1, SUCCEEDED: 1 }, true],
    [criterion('ALL', 75), { FAILED: 1, REJECTED: 1, SUCCEEDED: 1, TIMED_OUT: 0 }, false],
    [criterion('ALL', 1), { QUEUED: 9, IN_PROGRESS: 9, CANCELED: 9, REMOVED: 9 }, false],
    [criterion('FAILED', 100), { FAILED: 1, CANCELED: 9, REMOVED: 9, QUEUED: 9 }, true],
    [
      { criteriaList: [...criterion('FAILED', 100).criteriaList, ...criterion('REJECTED', 10).criteriaList] },
      { FAILED: 1, REJECTED: 1 },
      true,
    ],
  ];
  for (const [config, counts, expected] of table)
    assert.is(mustAbort(config, countsOf(counts)), expected, JSON.stringify([config, counts]));
  assert.is(mustAbort(undefined, countsOf({ FAILED: 9 })), false);
});

const abortConfig = (thresholdPercentage: number, minNumberOfExecutedThings: number, failureType = 'FAILED') => ({
  criteriaList: [{ failureType, action: 'CANCEL', thresholdPercentage, minNumberOfExecutedThings }],
});

test('abort is a cancel without force that says by itself that it was one; the roll-out stops, retries too', async () => {
  const world = await openWorld({ things: names(5) });
  await addGroup(world.store, 'g', names(5));
  await world.service.control.createJob({
    jobId: 'j',
    targets: [groupArn('g')],
    document: '{}',
    targetSelection: 'CONTINUOUS',
    abortConfig: abortConfig(50, 2) as Json,
    jobExecutionsRolloutConfig: { maximumPerMinute: 1 },
    jobExecutionsRetryConfig: { criteriaList: [{ failureType: 'FAILED', numberOfRetries: 1 }] },
  });
  await world.advance(3 * MINUTE + 1);
  await world.ask('T4', 'j/update', { status: 'IN_PROGRESS' });
  for (const thing of ['T1', 'T1', 'T2']) await world.ask(thing, 'j/update', { status: 'FAILED' });
  await world.advance(1_000);
  assert.is((await jobOf(world)).status, 'IN_PROGRESS', 'one thing has failed for good, one is tried again');
  await world.ask('T2', 'j/update', { status: 'FAILED' });
  await world.advance(1_000);
  const { status, reasonCode, comment, forceCanceled, completedAt, jobProcessDetails } = await jobOf(world);
  assert.equal([status, reasonCode, forceCanceled], ['CANCELED', 'JOB_ABORTED', undefined]);
  assert.is(completedAt, undefined);
  assert.match(comment, /abortConfig/);
  const { numberOfFailedThings, numberOfCanceledThings, numberOfInProgressThings } = jobProcessDetails;
  assert.equal([numberOfFailedThings, numberOfCanceledThings, numberOfInProgressThings], [2, 1, 1]);
  assert.is((await world.ask('T4', 'j/update', { status: 'FAILED' }))?.kind, 'accepted');
  await world.advance(10 * MINUTE);
  const after = (await jobOf(world)).jobProcessDetails;
  assert.equal([after.numberOfFailedThings, after.numberOfQueuedThings], [3, 0], 'no retry, and T5 never had its turn');
  await world.close();
});

test('abort does not count executions that were deleted; time-outs are acted on like reports', async () => {
  const world = await openWorld({ things: names(3) });
  await world.job('j', names(3), {
    abortConfig: abortConfig(100, 2, 'TIMED_OUT'),
    timeoutConfig: { inProgressTimeoutInMinutes: 1 },
  });
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
  await world.advance(MINUTE);
  await world.service.control.deleteJobExecution({ thingName: 'T1', jobId: 'j', executionNumber: 1 });
  await world.ask('T2', 'j/update', { status: 'IN_PROGRESS' });
  await world.advance(2 * MINUTE);
  assert.is((await jobOf(world)).status, 'IN_PROGRESS');
  await world.ask('T3', 'j/update', { status: 'IN_PROGRESS' });
  await world.advance(2 * MINUTE);
  const { status, reasonCode, lastUpdatedAt } = await jobOf(world);
  assert.equal([status, reasonCode], ['CANCELED', 'JOB_ABORTED']);
  assert.ok(lastUpdatedAt >= START_MILLIS / 1000 + 240);
  await world.close();
});

test.run();
