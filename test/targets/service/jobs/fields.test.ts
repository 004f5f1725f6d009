/** What each change does to the fields of an execution (state-machine §2.3), row by row. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addGroup, groupArn, leave, openWorld, START_MILLIS, type World } from './world.ts';

const START = START_MILLIS / 1_000;
/** Of each step, so that its time shows, seconds. */
const STEP = 10;
const OLD = { a: 'old', b: 'old' };

/** [status, versionNumber, startedAt, lastUpdatedAt, statusDetails]; times in steps since the execution was created. */
type Fields = [string, number, number | undefined, number, Record<string, string>];

interface Row {
  name: string;
  /** Steps before the one that the row is about. */
  before?: readonly Step[];
  step: Step;
  /** After it. */
  gives: Fields;
}

type Step = (world: World) => Promise<unknown>;
const update =
  (body: object): Step =>
  (world) =>
    world.ask('T1', 'j/update', body);
const startNext =
  (body: object = {}): Step =>
  (world) =>
    world.ask('T1', 'start-next', body);
const cancel =
  (more: object = {}): Step =>
  ({ service }) =>
    service.control.cancelJobExecution({ jobId: 'j', thingName: 'T1', ...more });
const running = [update({ status: 'IN_PROGRESS', statusDetails: OLD })];

const ROWS: readonly Row[] = [
  { name: 'created', step: async () => {}, gives: ['QUEUED', 1, undefined, 0, {}] },
  { name: 'start-next on QUEUED', step: startNext(), gives: ['IN_PROGRESS', 2, 1, 1, {}] },
  {
    name: 'start-next on QUEUED with details',
    step: startNext({ statusDetails: OLD }),
    gives: ['IN_PROGRESS', 2, 1, 1, OLD],
  },
  {
    name: 'QUEUED to IN_PROGRESS by update, with details',
    step: update({ status: 'IN_PROGRESS', statusDetails: OLD }),
    gives: ['IN_PROGRESS', 2, 1, 1, OLD],
  },
  ...(['SUCCEEDED', 'FAILED', 'REJECTED'] as const).map((status) => ({
    name: `QUEUED to ${status} by the device`,
    step: update({ status, statusDetails: OLD }),
    gives: [status, 2, 1, 1, OLD] satisfies Fields,
  })),
  {
    name: 'an update of IN_PROGRESS without details',
    before: running,
    step: update({ status: 'IN_PROGRESS' }),
    gives: ['IN_PROGRESS', 3, 1, 2, OLD],
  },
  {
    name: 'an update of IN_PROGRESS with details, which replace all',
    before: running,
    step: update({ status: 'IN_PROGRESS', statusDetails: { a: 'new' } }),
    gives: ['IN_PROGRESS', 3, 1, 2, { a: 'new' }],
  },
  {
    name: 'IN_PROGRESS to terminal without details',
    before: running,
    step: update({ status: 'SUCCEEDED' }),
    gives: ['SUCCEEDED', 3, 1, 2, OLD],
  },
  {
    name: 'IN_PROGRESS to terminal with details',
    before: running,
    step: update({ status: 'FAILED', statusDetails: { why: 'x' } }),
    gives: ['FAILED', 3, 1, 2, { why: 'x' }],
  },
  {
    name: 'start-next on IN_PROGRESS, whatever it says',
    before: running,
    step: startNext({ statusDetails: { a: 'new' } }),
    gives: ['IN_PROGRESS', 2, 1, 1, OLD],
  },
  { name: 'cancel of QUEUED', step: cancel(), gives: ['CANCELED', 2, undefined, 1, {}] },
  {
    name: 'cancel of IN_PROGRESS without details',
    before: running,
    step: cancel({ force: true }),
    gives: ['CANCELED', 3, 1, 2, OLD],
  },
  {
    name: 'cancel of IN_PROGRESS with details',
    before: running,
    step: cancel({ force: true, statusDetails: { by: 'operator' } }),
    gives: ['CANCELED', 3, 1, 2, { by: 'operator' }],
  },
  {
    name: 'QUEUED to REMOVED',
    step: (world) => leave(world, 'T1', 'g'),
    gives: ['REMOVED', 2, undefined, 1, {}],
  },
  {
    name: 'TIMED_OUT',
    before: [startNext({ statusDetails: OLD, stepTimeoutInMinutes: 1 })],
    step: (world) => world.advance(60_000),
    gives: ['TIMED_OUT', 3, 1, 1 + 60 / STEP, OLD],
  },
  { name: 'describe and lists', before: running, step: looks, gives: ['IN_PROGRESS', 2, 1, 1, OLD] },
];

async function looks(world: World): Promise<void> {
  const { control } = world.service;
  for (const path of ['get', 'j/get', '$next/get']) assert.is((await world.ask('T1', path, {}))?.kind, 'accepted');
  await control.describeJobExecution({ jobId: 'j', thingName: 'T1' });
  await control.listJobExecutionsForJob({ jobId: 'j' });
  await control.listJobExecutionsForThing({ thingName: 'T1' });
}

async function fieldsOf({ service }: World): Promise<Fields> {
  const { execution } = await service.control.describeJobExecution({ jobId: 'j', thingName: 'T1' });
  const { status, versionNumber, startedAt, lastUpdatedAt, statusDetails } = execution;
  const steps = (at: number) => (at - START) / STEP;
  const details = statusDetails?.detailsMap ?? {};
  return [status, versionNumber, startedAt && steps(startedAt), steps(lastUpdatedAt), details];
}

for (const { name, before = [], step, gives } of ROWS)
  test(`fields of an execution (state-machine §2.3): ${name}`, async () => {
    const world = await openWorld();
    await addGroup(world.store, 'g', ['T1']);
    const targets = [groupArn('g')];
    await world.service.control.createJob({ jobId: 'j', targets, document: '{}', targetSelection: 'CONTINUOUS' });
    await world.settle();
    for (const one of [...before, step]) {
      await world.advance(STEP * 1_000);
      await one(world);
      await world.settle();
    }
    assert.equal(await fieldsOf(world), gives);
    const { queuedAt } = (await world.service.control.describeJobExecution({ jobId: 'j', thingName: 'T1' })).execution;
    assert.is(queuedAt, START, 'the time of its creation stays');
    await world.close();
  });

test.run();
