import { createBoard } from '../board.ts';
import { type Chance, createChance } from '../chance.ts';
import { drawFaults, type Faults } from '../faults.ts';
import { createOperator } from '../operator.ts';
import type { Mcus } from '../serial/mcus.ts';
import type { Noise } from '../serial/noise.ts';
import type { Work } from '../work.ts';
import {
  comeToRest,
  createWorld,
  FAULTS_MILLIS,
  haunt,
  lived,
  REST_MILLIS,
  SCHEDULED_REST_MILLIS,
  stepsOf,
  type Told,
  type Wish,
  type World,
} from '../world.ts';
import { createBridge, idOf } from './bridge.ts';
import { createDevice, type Device } from './device.ts';
import { drawImages, type Images } from './images.ts';

/** What can go wrong with microcontrollers, beside what is in faults.ts; each may be left out by its name. */
export const LINE_KINDS = ['noise', 'resets', 'unplugs', 'flashes', 'lostImages'] as const;
/** Of the faults of boards, what a bridge does not have: ways other than MQTT, and guards of documents. */
const NOT_HERE = ['https', 'strangers', 'guards'];

interface LineFaults {
  noise: Noise;
  /** The most milliseconds between two; 0: never. */
  resets: number;
  unplugs: number;
  /** How likely a step is an image. */
  flashes: number;
  lostImages: number;
}

/**
 * The world of one seed with a bridge or two, whose microcontrollers are the compiled library: the same service, wires, faults and
 * checks as in world.ts, and the lines' own faults.
 */
export async function runBridgeWorld(seed: number, mcus: Mcus, wish: Wish = {}): Promise<Told> {
  const { without = [], storyLines } = wish;
  const isOfLine = (kind: string) => (LINE_KINDS as readonly string[]).includes(kind);
  const inWorld = [...without.filter((kind) => !isOfLine(kind)), ...NOT_HERE];
  const { world, told } = await createWorld(seed, (chance): Faults => drawFaults(chance, inWorld), storyLines);
  return lived(world, told, () => live(world, mcus, wish, told));
}

async function live(world: World, mcus: Mcus, wish: Wish, told: Told): Promise<void> {
  const { timeline, chance, faults, cloud } = world;
  const lines = drawLineFaults(chance, wish.without);
  const images = drawImages(chance, lines.lostImages);
  const count = Math.min(chance.between(1, 3), wish.boards ?? 3);
  const split = chance.is(0.3) ? chance.between(1, 3) : 3; // a second bridge has those from here on
  const hasBoard = lines.flashes === 0 && chance.is(0.4);
  const devices = Array.from({ length: count }, (_, i) => {
    return [`M${i}`, createDevice(world, `port-${i}`, mcus.mcu(i), lines.noise)] as const;
  });
  const boardNames = hasBoard ? ['T0'] : [];
  const things = [...devices.map(([thingName]) => thingName), ...boardNames];
  const own = createChance(chance.seed());
  const operator = createOperator(world, cloud, things, own, (works, job) => fit(works, job, lines, images, own));
  await operator.register();
  const boards = boardNames.map((thingName) => createBoard(world, thingName, { way: 'mqtt', knows: false }));
  const bridges = [devices.slice(0, split), devices.slice(split)].flatMap((mine, i) =>
    mine.length > 0 ? [createBridge(world, `B${i}`, new Map(mine), images, operator.made)] : [],
  );
  for (const [, device] of devices) await device.start();
  for (const one of [...boards, ...bridges]) timeline.plan(chance.between(0, 5_000), one.powerOn);
  await operator.create();
  operator.keepActing(wish.acts ?? Infinity);
  haunt(world, [...boards, ...bridges]);
  disturb(
    world,
    devices.map(([, device]) => device),
    lines,
  );

  const advance = stepsOf(world, boards, told);
  while (await advance(FAULTS_MILLIS));
  for (const [, device] of devices) device.quiet();
  const restMillis = faults.schedules > 0 ? SCHEDULED_REST_MILLIS : REST_MILLIS;
  await comeToRest(world, [...boards, ...bridges], advance, operator.made, FAULTS_MILLIS + restMillis);
  world.count('jobs', operator.made.length);
  world.count('microcontrollers', devices.length);
}

/** Steps that microcontrollers can do: commands that say who they are, and images. */
function fit(works: Work[], jobNumber: number, { flashes }: LineFaults, images: Images, chance: Chance): void {
  for (const [i, work] of works.entries()) {
    work.id = idOf(jobNumber, i);
    if (!chance.is(flashes)) continue;
    const { source, sha256 } = chance.pick(images.all);
    Object.assign(work, { image: { source, sha256 }, code: 0 });
  }
}

function disturb(world: World, devices: readonly Device[], { resets, unplugs }: LineFaults): void {
  const { timeline, chance, faults } = world;
  const strike = (most: number, hit: () => void | Promise<void>) => {
    if (most === 0) return;
    timeline.plan(chance.between(500, most), async () => {
      if (!faults.on) return;
      await hit();
      strike(most, hit);
    });
  };
  strike(resets, () => chance.pick(devices).reset());
  strike(unplugs, () => chance.pick(devices).unplug());
}

function drawLineFaults(chance: Chance, without: readonly string[] = []): LineFaults {
  const sometimes = (most: number) => (chance.is(0.3) ? 0 : most * chance.unit());
  const noise: Noise = {
    name: 'drawn',
    flip: sometimes(0.005),
    drop: sometimes(0.003),
    double: sometimes(0.003),
    insert: sometimes(0.003),
    chatter: chance.is(0.5),
  };
  const drawn: LineFaults = {
    noise,
    resets: chance.is(0.4) ? 0 : chance.between(10_000, 90_000),
    unplugs: chance.is(0.5) ? 0 : chance.between(10_000, 90_000),
    flashes: chance.is(0.4) ? 0 : 0.3,
    lostImages: chance.is(0.7) ? 0 : 0.2,
  };
  for (const kind of LINE_KINDS) {
    if (!without.includes(kind)) continue;
    if (kind === 'noise') drawn.noise = { name: 'none' };
    else drawn[kind] = 0;
  }
  return drawn;
}
