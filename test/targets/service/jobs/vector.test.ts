import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Json, openWorld, START_MILLIS, type World } from './world.ts';

const S = START_MILLIS / 1000;

/** One step a second, so that every time in a payload says which step set it. */
async function step(world: World, work: () => Promise<unknown>): Promise<[string, unknown][]> {
  world.nowMillis += 1000;
  await work();
  await world.settle();
  return world.takeTold().map(([, kind, payload]) => [kind, payload]);
}

test('the worked vector of data-plane §7: exactly these notifications, one message a step, member for member', async () => {
  const world = await openWorld();
  const { control } = world.service;
  const queued = (n: number, at: number, v = 1) => ({
    jobId: `job${n}`,
    queuedAt: S + at,
    lastUpdatedAt: S + at,
    versionNumber: v,
    executionNumber: 1,
  });
  const started = (n: number, at: number, startedAt: number) => ({
    jobId: `job${n}`,
    queuedAt: S + at,
    startedAt: S + startedAt,
    lastUpdatedAt: S + startedAt,
    versionNumber: 2,
    executionNumber: 1,
  });
  const next = (n: number, status: string, summary: object) => ({
    ...summary,
    status,
    jobDocument: { job: `job${n}` },
  });

  assert.equal(await step(world, () => world.job('job1', ['T1'])), [
    ['notify', { timestamp: S + 1, jobs: { QUEUED: [queued(1, 1)] } }],
    ['notify-next', { timestamp: S + 1, execution: next(1, 'QUEUED', queued(1, 1)) }],
  ]);
  assert.equal(await step(world, () => world.job('job2', ['T1'])), [
    ['notify', { timestamp: S + 2, jobs: { QUEUED: [queued(1, 1), queued(2, 2)] } }],
  ]);
  assert.equal(await step(world, () => world.ask('T1', 'job1/update', { status: 'IN_PROGRESS' })), []);
  assert.equal(await step(world, () => world.job('job3', ['T1'])), [
    ['notify', { timestamp: S + 4, jobs: { IN_PROGRESS: [started(1, 1, 3)], QUEUED: [queued(2, 2), queued(3, 4)] } }],
  ]);
  assert.equal(await step(world, () => world.ask('T1', 'job1/update', { status: 'SUCCEEDED' })), [
    ['notify', { timestamp: S + 5, jobs: { QUEUED: [queued(2, 2), queued(3, 4)] } }],
    ['notify-next', { timestamp: S + 5, execution: next(2, 'QUEUED', queued(2, 2)) }],
  ]);
  assert.equal(await step(world, () => world.ask('T1', 'job3/update', { status: 'IN_PROGRESS' })), [
    ['notify-next', { timestamp: S + 6, execution: next(3, 'IN_PROGRESS', started(3, 4, 6)) }],
  ]);
  assert.equal(await step(world, () => world.ask('T1', 'job2/update', { status: 'REJECTED' })), [
    ['notify', { timestamp: S + 7, jobs: { IN_PROGRESS: [started(3, 4, 6)] } }],
  ]);
  const execution = { thingName: 'T1', jobId: 'job3', executionNumber: 1, force: true };
  assert.equal(await step(world, () => control.deleteJobExecution(execution)), [
    ['notify', { timestamp: S + 8, jobs: {} }],
    ['notify-next', { timestamp: S + 8 }],
  ]);
  assert.equal(world.log, []);
  await world.close();
});

test('notify shows at most ten, those at the head of the queue (data-plane §7)', async () => {
  const world = await openWorld();
  for (let n = 1; n <= 12; n++) await world.job(`job${n}`, ['T1']);
  await world.ask('T1', 'job12/update', { status: 'IN_PROGRESS' });
  await world.settle();
  world.takeTold();
  await world.job('job13', ['T1']);
  const [[, kind, payload]] = world.takeTold() as [[string, string, Json]];
  const ids = (list: { jobId: string }[]) => list.map(({ jobId }) => jobId);
  assert.equal([kind, Object.keys(payload.jobs)], ['notify', ['IN_PROGRESS', 'QUEUED']]);
  assert.equal(ids(payload.jobs.IN_PROGRESS), ['job12']);
  assert.equal(
    ids(payload.jobs.QUEUED),
    Array.from({ length: 9 }, (_, n) => `job${n + 1}`),
  );
  await world.close();
});

test('the details, version and status of the head may change, and nobody is told (data-plane §7)', async () => {
  const world = await openWorld();
  await world.job('job1', ['T1']);
  await world.job('job2', ['T1']);
  world.takeTold();
  for (const more of [{}, { statusDetails: { a: '1' } }, { stepTimeoutInMinutes: 5 }, {}])
    await world.ask('T1', 'job1/update', { status: 'IN_PROGRESS', ...more });
  await world.settle();
  assert.equal(world.takeTold(), []);
  await world.close();
});

test('of two that run the one that was queued first is the head, whichever was started first (data-plane §7)', async () => {
  const world = await openWorld();
  for (const jobId of ['job1', 'job2', 'job3']) await world.job(jobId, ['T1']);
  world.takeTold();
  const start = (jobId: string) => step(world, () => world.ask('T1', `${jobId}/update`, { status: 'IN_PROGRESS' }));
  const told = async (jobId: string) =>
    (await start(jobId)).map(([kind, payload]) => [kind, (payload as Json).execution?.jobId]);
  assert.equal(await told('job2'), [['notify-next', 'job2']]);
  assert.equal(await told('job3'), [], 'queued behind job2');
  assert.equal(await told('job1'), [['notify-next', 'job1']]);
  assert.is((await world.ask('T1', '$next/get'))?.body.execution.jobId, 'job1');
  await world.close();
});

test('an answer leaves before the notifications that its request causes, and notify before notify-next', async () => {
  const order: string[] = [];
  const world = await openWorld({ publish: (topic) => void order.push(topic.split('/').at(-1) as string) });
  await world.job('job1', ['T1']);
  order.length = 0;
  const asked = world
    .ask('T1', 'job1/update', { status: 'SUCCEEDED' })
    .then((answer) => order.push(answer?.kind as string));
  await world.settle();
  await asked;
  assert.equal(order, ['accepted', 'notify', 'notify-next']);
  await world.close();
});

test.run();
