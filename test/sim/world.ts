import { crc32 } from '../../runtime/crc32.ts';
import { type Board, createBoard } from './board.ts';
import { type Chance, createChance } from './chance.ts';
import { Broken, createChecks } from './checks.ts';
import { type Cloud, createCloud, EPOCH } from './cloud.ts';
import { drawFaults, type Faults } from './faults.ts';
import { createOperator } from './operator.ts';
import { createTimeline, type Timeline } from './timeline.ts';

/** How long faults happen, and how long the world then has to come to rest: virtual milliseconds. */
const FAULTS_MILLIS = 3 * 60_000;
const REST_MILLIS = 60 * 60_000;
/** A crashed service is back by then, and every job has its executions. */
const SETTLE_MILLIS = 60_000;
/** No world needs more steps than this; one that does goes round in circles. */
const STEPS_MAX = 200_000;

export interface World {
  timeline: Timeline;
  chance: Chance;
  faults: Faults;
  checks: ReturnType<typeof createChecks>;
  cloud: Cloud;
  trace(line: string): void;
  count(what: string, by?: number): void;
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
export async function runWorld(seed: number, storyLines = 0): Promise<Told> {
  const told: Told = { hash: 0, counts: {}, broken: undefined, story: [] };
  const chance = createChance(seed);
  const timeline = createTimeline();
  const encoder = new TextEncoder();
  const world = {
    timeline,
    chance,
    faults: drawFaults(chance),
    trace(line: string) {
      const stamped = `${(timeline.now() / 1000).toFixed(3)} ${line}`;
      told.hash = crc32(encoder.encode(`${told.hash} ${stamped}`));
      if (storyLines > 0 && told.story.push(stamped) > storyLines) told.story.shift();
    },
    count(what: string, by = 1) {
      told.counts[what] = (told.counts[what] ?? 0) + by;
    },
  } as World;
  world.cloud = await createCloud(world);
  world.checks = createChecks(world.cloud.store);
  try {
    await live(world);
  } catch (error) {
    told.broken = error instanceof Broken ? error.message : `the product threw: ${(error as Error).stack}`;
  }
  told.counts['virtual minutes'] = Math.round(timeline.now() / 60_000);
  await world.cloud.close();
  return told;
}

async function live(world: World): Promise<void> {
  const { timeline, chance, faults, cloud, checks } = world;
  const thingNames = Array.from({ length: chance.between(1, 4) }, (_, i) => `T${i}`);
  await register(world, thingNames);
  const boards = thingNames.map((thingName) => createBoard(world, thingName));
  for (const board of boards) timeline.plan(chance.between(0, 5_000), board.powerOn);
  const operator = createOperator(world, cloud, thingNames);
  await operator.create();
  operator.keepActing();
  haunt(world, boards);

  let steps = 0;
  const advance = async (until: number): Promise<boolean> => {
    if (++steps > STEPS_MAX) throw new Broken(`no rest after ${STEPS_MAX} steps`);
    const went = await timeline.next(until);
    await cloud.settled();
    await checks.look(timeline.now());
    return went;
  };
  while (await advance(FAULTS_MILLIS));
  faults.on = false;
  world.trace('faults end');
  for (;;) {
    const rolledOut = timeline.now() >= FAULTS_MILLIS + SETTLE_MILLIS;
    if (rolledOut && boards.every((board) => board.atRest()) && (await pending(world)) === 0) break;
    if (timeline.now() >= FAULTS_MILLIS + REST_MILLIS)
      throw new Broken(`not at rest an hour after the last fault: ${restless(boards)}`);
    await advance(timeline.now() + 1_000);
  }
  await checks.atRest(operator.made);
  world.count('jobs', operator.made.length);
}

function restless(boards: Board[]): string {
  return boards
    .filter((board) => !board.atRest())
    .map(
      ({ thingName, device: { runner } }) =>
        `${thingName} ${runner.at}${runner.online ? '' : ' offline'}${runner.asked ? ` asked ${runner.asked.about}` : ''}`,
    )
    .join(', ');
}

async function register({ cloud, timeline }: World, thingNames: string[]): Promise<void> {
  for (const thing_name of thingNames) {
    const created_at = EPOCH + timeline.now();
    await cloud.store.db
      .insertInto('thing')
      .values({ thing_name, thing_id: `id-${thing_name}`, thing_type: null, attributes: '{}', version: 1, created_at })
      .execute();
  }
}

async function pending({ cloud }: World): Promise<number> {
  const rows = await cloud.store.db.selectFrom('exec').select('status').where('status', '<', 2).execute();
  return rows.length;
}

/** Power cuts of their own accord, clean stops, and crashes of the service. */
function haunt(world: World, boards: Board[]): void {
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
  if (faults.crashMillis > 0) strike(faults.crashMillis, () => cloud.crash());
}
