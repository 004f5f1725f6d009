import { sql } from 'kysely';
import { crc32 } from '../../runtime/crc32.ts';
import { statement } from '../../targets/service/store/statement.ts';
import { type Board, createBoard } from './board.ts';
import { checkBounds } from './bounds.ts';
import { Broken } from './broken.ts';
import { type Chance, createChance } from './chance.ts';
import { type Checks, createChecks } from './checks.ts';
import { type Cloud, type CloudExtras, createCloud } from './cloud.ts';
import { drawFaults, type Faults } from './faults.ts';
import { createOperator, type Made } from './operator.ts';
import { createTimeline, type Timeline } from './timeline.ts';

/** How long faults happen, and how long the world then has to come to rest: virtual milliseconds. */
export const FAULTS_MILLIS = 3 * 60_000;
export const REST_MILLIS = 60 * 60_000;
/** Where jobs have a schedule: the last of them starts 40 minutes after it was made, and may end half an hour later. */
export const SCHEDULED_REST_MILLIS = 3 * REST_MILLIS;
/** A crashed service is back by then. */
const SETTLE_MILLIS = 60_000;
/** No world needs more steps than this; one that does goes round in circles. */
const STEPS_MAX = 200_000;

export interface World {
  timeline: Timeline;
  chance: Chance;
  faults: Faults;
  checks: Checks;
  cloud: Cloud;
  trace(line: string): void;
  count(what: string, by?: number): void;
  /** A promise was broken, where nobody can throw: the present step is the last. */
  blame(what: string): void;
}

/** What is left out of a world, to see how little still breaks it. */
export interface Wish {
  /** Kinds of faults. */
  without?: readonly string[];
  boards?: number;
  /** Acts of the operator, beside the first job. */
  acts?: number;
  /** How many of the last lines of what happened are kept. */
  storyLines?: number;
}

export interface Told {
  /** Checksum of all that happened, in order: the same seed gives the same. */
  hash: number;
  counts: Record<string, number>;
  /** What was broken; undefined: nothing. */
  broken: string | undefined;
  /** The last lines of what happened. */
  story: string[];
}

/** Runs the world of one seed to its end. */
export async function runWorld(seed: number, wish: Wish = {}): Promise<Told> {
  const { world, told } = await createWorld(seed, (chance) => drawFaults(chance, wish.without), wish.storyLines);
  return lived(world, told, () => live(world, wish, told));
}

/** A world before anything has happened in it. */
export async function createWorld(
  seed: number,
  draw: (chance: Chance) => Faults,
  storyLines = 0,
  extras: CloudExtras = {},
): Promise<{ world: World; told: Told }> {
  const told: Told = { hash: 0, counts: {}, broken: undefined, story: [] };
  const chance = createChance(seed);
  const timeline = createTimeline();
  const encoder = new TextEncoder();
  const world = {
    timeline,
    chance,
    faults: draw(chance),
    trace(line: string) {
      const stamped = `${(timeline.now() / 1000).toFixed(3)} ${line}`;
      told.hash = crc32(encoder.encode(`${told.hash} ${stamped}`));
      if (storyLines > 0 && told.story.push(stamped) > storyLines) told.story.shift();
    },
    count(what: string, by = 1) {
      told.counts[what] = (told.counts[what] ?? 0) + by;
    },
    blame(what: string) {
      told.broken ??= what;
    },
  } as World;
  world.cloud = await createCloud(world, extras);
  world.checks = await createChecks(world.cloud.store, {
    wall: world.cloud.wall,
    upFor: world.cloud.upFor,
    isSteady: world.faults.clockMillis === 0,
    boardsKnow: world.faults.guards > 0,
  });
  return { world, told };
}

/** What came of it. */
export async function lived(world: World, told: Told, life: () => Promise<void>): Promise<Told> {
  try {
    await life();
  } catch (error) {
    told.broken ??= error instanceof Broken ? error.message : `the product threw: ${(error as Error).stack}`;
  }
  told.counts['virtual minutes'] = Math.round(world.timeline.now() / 60_000);
  await world.cloud.close();
  return told;
}

/** Who has to come to rest. */
export interface Resident {
  thingName: string;
  /** Idle, with nothing on disk to go on with. */
  atRest(): boolean;
  /** In words. */
  doing(): string;
}

/** Goes on by one step and looks at everything. Resolves to false when nothing is left to happen before `until`. */
export function stepsOf(world: World, boards: readonly Board[], told: Told): (until: number) => Promise<boolean> {
  const { timeline, cloud, checks } = world;
  let steps = 0;
  return async (until) => {
    if (++steps > STEPS_MAX) throw new Broken(`no rest after ${STEPS_MAX} steps`);
    const went = await timeline.next(until);
    await cloud.settled();
    await checks.look(timeline.now());
    if (went) checkBounds(world, boards);
    if (told.broken !== undefined) throw new Broken(told.broken);
    return went;
  };
}

/** Faults are over: everything has to end by itself, before `deadline`. */
export async function comeToRest(
  world: World,
  boards: readonly Resident[],
  advance: (until: number) => Promise<boolean>,
  made: readonly Made[],
  deadline: number,
): Promise<void> {
  const { timeline, checks, faults } = world;
  faults.on = false;
  world.trace('faults end');
  const began = timeline.now();
  while (!(await isAtRest(world, boards, began + SETTLE_MILLIS))) {
    if (timeline.now() >= deadline)
      throw new Broken(
        `not at rest ${Math.round((deadline - began) / 60_000)} minutes after the last fault: ${await restless(world, boards)}`,
      );
    await advance(timeline.now() + 1_000);
  }
  await checks.atRest(made);
}

async function live(world: World, wish: Wish, told: Told): Promise<void> {
  const { timeline, chance, faults, cloud } = world;
  const thingNames = Array.from({ length: Math.min(chance.between(1, 4), wish.boards ?? 4) }, (_, i) => `T${i}`);
  const operator = createOperator(world, cloud, thingNames, createChance(chance.seed()));
  await operator.register();
  const boards = thingNames.map((thingName) =>
    createBoard(world, thingName, { way: chance.is(faults.https) ? 'https' : 'mqtt', knows: faults.guards > 0 }),
  );
  for (const board of boards) timeline.plan(chance.between(0, 5_000), board.powerOn);
  await operator.create();
  operator.keepActing(wish.acts ?? Infinity);
  haunt(world, boards);

  const advance = stepsOf(world, boards, told);
  while (await advance(FAULTS_MILLIS));
  const restMillis = faults.schedules + faults.windows > 0 ? SCHEDULED_REST_MILLIS : REST_MILLIS;
  await comeToRest(world, boards, advance, operator.made, FAULTS_MILLIS + restMillis);
  world.count('jobs', operator.made.length);
  world.count('virtual minutes with all of them', boards.length * Math.round(timeline.now() / 60_000));
}

/** Every board idles, nothing is pending, and no job has anything left to do by itself. */
async function isAtRest(
  { timeline, cloud, checks }: World,
  boards: readonly Resident[],
  notBefore: number,
): Promise<boolean> {
  if (timeline.now() < notBefore || !boards.every((board) => board.atRest())) return false;
  for (const { status } of checks.ledger.rows.values())
    if (status === 'QUEUED' || status === 'IN_PROGRESS') return false;
  return (await readDue(cloud.store, {})).every(({ n }) => n === 0);
}

/**
 * Jobs that have something to do, counters that lag behind, and what waits to be told. A roll-out that is not through waits for its
 * next window.
 */
const readDue = statement<object, { n: number }>(
  () => sql`
  select count(*) as n from job where next_tick is not null or (alarm is not null and (started = 0 or (target_selection = 'SNAPSHOT'
    and exists (select 1 from job_target t where t.job_no = job.job_no and t.cursor < t.max_seq))))
  union all select count(*) from job_delta union all select count(*) from notify_q`,
);

async function restless({ checks, cloud }: World, boards: readonly Resident[]): Promise<string> {
  const due = (await readDue(cloud.store, {})).map(({ n }) => n);
  return [
    ...boards.filter((board) => !board.atRest()).map(({ thingName, doing }) => `${thingName} ${doing()}`),
    ...[...checks.ledger.rows.values()]
      .filter(({ status }) => status === 'QUEUED' || status === 'IN_PROGRESS')
      .map(({ thingNo, jobNo, status }) => `job ${jobNo} of thing ${thingNo} ${status}`),
    ...(due.some((n) => n > 0) ? [`due: ${due}`] : []),
  ].join(', ');
}

/** Power cuts of their own accord, clean stops, crashes of the services, and a clock that is set. */
export function haunt(world: World, boards: readonly Pick<Board, 'cutPower' | 'stop'>[]): void {
  const { timeline, chance, faults, cloud } = world;
  const strike = (most: number, hit: () => void) => {
    timeline.plan(chance.between(1_000, most), () => {
      if (!faults.on) return;
      hit();
      strike(most, hit);
    });
  };
  if (faults.cutPower > 0) strike(120_000, () => chance.pick(boards).cutPower());
  if (faults.stopMillis > 0) strike(faults.stopMillis, () => chance.pick(boards).stop());
  if (faults.crashMillis > 0)
    strike(faults.crashMillis, () => (faults.twoWorkers > 0 && chance.is(0.5) ? cloud.crashSecond() : cloud.crash()));
  if (faults.clockMillis > 0) strike(faults.clockMillis, () => cloud.setClock());
}
