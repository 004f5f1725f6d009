import { createHash } from 'node:crypto';
import { crc32 } from '../../../runtime/crc32.ts';
import { encodeFrame } from '../../../runtime/serial/frame.ts';
import { encodeHostHello } from '../../../runtime/serial/hello.ts';
import { WIRE_VERSION } from '../../../runtime/serial/limits.ts';
import type { TaskOutcome } from '../../../runtime/serial/task.ts';
import { Broken } from '../broken.ts';
import { type Chance, createChance } from '../chance.ts';
import { createTimeline } from '../timeline.ts';
import { createBadLine, type Way } from './badLine.ts';
import { createHost, type Work } from './host.ts';
import type { Mcu } from './mcus.ts';
import { bootChatter, type Noise, printed } from './noise.ts';

/** How long faults happen, and how long all work then has to end: virtual milliseconds. */
const FAULTS_MILLIS = 60_000;
const REST_MILLIS = 60 * 60_000;
/** How long after a reset work may still fail for it: what is at work then, and what is sent before it is noticed. */
const EXCUSED_MILLIS = 120_000;
/** How often the microcontroller's loop runs though nothing arrives. */
const LOOP_MILLIS = 50;
/** No reset is an excuse for it: what was pulled is pulled again until it is right. */
const REFUSAL = /does not accept the image/;
/** Images that the boot loader does not start after all. */
const REFUSED_IMAGES = 0.05;
/** The most between one work and the next. */
const PAUSE_MILLIS = 500;
const DENSE_PAUSE_MILLIS = 10;
/** Bytes spoilt of all: a frame in six is lost. */
const MILD = 0.003;
/** PINGs beside the work: more than a window. */
const PINGS_MAX = 9;
/** What answers them. */
const EMPTY_MAP = 0xa0;

export interface SerialTold {
  hash: number;
  counts: Record<string, number>;
  broken: string | undefined;
  story: string[];
}

/**
 * One serial line: the host's link and tasks, and the compiled library of the microcontroller with commands and flash. Bytes are
 * flipped, lost, doubled and inserted; both sides are reset, the cable is pulled. No command runs twice, none runs that was not
 * asked for, an image is started only if it is the one that was sent, and, once the faults have stopped, all work ends.
 */
export async function runSerialWorld(
  seed: number,
  mcu: Mcu,
  wish: { story?: number; noise?: Noise } = {},
): Promise<SerialTold> {
  const { story = 0, noise } = wish;
  const told: SerialTold = { hash: 0, counts: {}, broken: undefined, story: [] };
  const timeline = createTimeline();
  const chance = createChance(seed);
  const encoder = new TextEncoder();
  const trace = (line: string) => {
    const stamped = `${timeline.now().toFixed(1)} ${line}`;
    told.hash = crc32(encoder.encode(`${told.hash} ${stamped}`));
    if (told.story.push(stamped) > story) told.story.shift();
  };
  const count = (what: string, by = 1) => {
    told.counts[what] = (told.counts[what] ?? 0) + by;
  };
  try {
    await live({ chance, timeline, trace: story > 0 ? trace : undefined, count, mcu }, noise ?? drawNoise(chance));
  } catch (error) {
    told.broken = error instanceof Broken ? error.message : `the product threw: ${(error as Error).stack}`;
  }
  count('virtual minutes on the line', Math.round(timeline.now() / 60_000));
  return told;
}

interface World {
  chance: Chance;
  timeline: ReturnType<typeof createTimeline>;
  trace: ((line: string) => void) | undefined;
  count(what: string, by?: number): void;
  mcu: Mcu;
}

async function live({ chance, timeline, trace, count, mcu }: World, noise: Noise): Promise<void> {
  const stops = chance.is(0.3) ? 0 : 0.5 * chance.unit();
  const window = chance.pick([1, 2, 4, 8]);
  const works = drawWorks(chance, noise.spells !== undefined);
  const runs = new Map<number, number>();
  let boot = chance.between(1, 1_000_000);
  let faulty = true;
  /** When a side was reset, or the cable pulled, last: what goes on then may fail, honestly, also when it is noticed later. */
  let disturbedAt = -Infinity;
  let disturbances = 0;
  let restarting = false;
  const isExcused = () => noise.lies !== undefined || timeline.now() < disturbedAt + EXCUSED_MILLIS;
  /** The image that runs; none was sent so far: undefined. */
  let program: Buffer | undefined;
  /** The `seq` of the last HELLO of a device that the host has found. */
  let heard: number | undefined;

  const line = createBadLine({ noise, timeline, chance, count }, { host: (bytes) => host.bytes(bytes), mcu: feed });

  async function feed(bytes: Uint8Array): Promise<void> {
    const lines = await mcu.ask(`feed ${Math.floor(timeline.now())} ${Buffer.from(bytes).toString('hex')}`);
    for (const line of lines) {
      const [word, first = '', second] = line.split(' ');
      if (word !== 'wire') trace?.(`mcu ${line.slice(0, 60)}`);
      if (word === 'ran') ran(Number(first), Number(second));
      else if (word === 'switch') switchOver();
      else if (word === 'wire') say(Buffer.from(first, 'hex'));
    }
  }

  function say(frames: Uint8Array): void {
    if (line.isNoisy('host') && noise.chatter && chance.is(0.1)) chatter('host', printed);
    line.carry('host', frames);
  }

  /**
   * The noise ends, on the way back when the device has heard the next frame: this must be understood, and its answer. It is the
   * HELLO of the same host, so both sides stay as they are.
   */
  function quiet(): void {
    line.end('mcu');
    if (restarting) return line.end('host');
    const mine = disturbances;
    const { host: number, attempt } = host.link();
    const seq = ((attempt + 6) % 15) + 1; // another than the host's own
    const body = encodeHostHello({ version: WIRE_VERSION, host: number });
    const hello = encodeFrame({ addr: 0, from: 'host', type: 'HELLO', seq, boot: 0, body });
    trace?.(`quiet; HELLO #${seq} is the first frame`);
    line.bring('mcu', hello, async () => {
      line.end('host');
      count('frames');
      heard = undefined;
      await feed(hello);
      line.bring('host', new Uint8Array(0), () => {
        if (mine !== disturbances) return;
        if (heard !== seq) throw new Broken(`the first frame after the noise was not answered: HELLO #${seq}`);
        count('times the noise ended');
      });
    });
  }

  function spell(): void {
    const { noisy, quiet: rest } = noise.spells ?? { noisy: [FAULTS_MILLIS, FAULTS_MILLIS], quiet: [0, 0] };
    line.start();
    timeline.plan(chance.between(...noisy), () => {
      quiet();
      timeline.plan(chance.between(...rest), () => (faulty ? spell() : undefined));
    });
  }

  function ran(run: number, id: number): void {
    count('commands run');
    const work = works.find((one) => one.kind === 'command' && one.run === run);
    if (work?.kind !== 'command' || work.id !== id)
      throw new Broken(`the device ran ${run} with ${id}: nobody asked for it`);
    const times = (runs.get(run) ?? 0) + 1;
    runs.set(run, times);
    if (times > 1) throw new Broken(`command ${run} ran ${times} times`);
  }

  /** It hears nothing more until it starts anew. */
  function switchOver(): void {
    disturbances += 1;
    restarting = true;
    timeline.plan(chance.between(20, 200), reset);
  }

  function started(image: Buffer): void {
    count('images started');
    if (!works.some((work) => work.kind === 'flash' && Buffer.compare(work.image, image) === 0))
      throw new Broken(`an image of ${image.length} bytes is started that nobody has sent`);
    program = image;
  }

  function chatter(to: Way, say: (chance: Chance) => Uint8Array): void {
    if (!noise.chatter) return;
    const bytes = say(chance);
    count('bytes of noise', bytes.length);
    line.bring(to, bytes);
  }

  function disturb(): void {
    disturbedAt = timeline.now();
    disturbances += 1;
  }

  async function reset(): Promise<void> {
    boot += 1;
    if (restarting && chance.is(REFUSED_IMAGES)) await mcu.ask('refuse');
    restarting = false;
    disturb();
    trace?.(`mcu restarts, boot ${boot}`);
    for (const to of ['host', 'mcu'] as const) if (line.isNoisy(to)) chatter(to, bootChatter);
    const lines = await mcu.ask(`start ${Math.floor(timeline.now())} ${window} 128 ${boot}`);
    for (const found of lines) started(Buffer.from(found.slice('started '.length), 'hex'));
    await feed(new Uint8Array(0));
  }

  function ended(work: Work, { succeeded, reason, result }: TaskOutcome, stopped: boolean): void {
    count('work ended');
    if (work.kind === 'command') {
      if (succeeded && (runs.get(work.run) !== 1 || result !== work.id || work.fails))
        throw new Broken(`command ${work.run} is said to have succeeded with ${result}`);
      if (!succeeded && !work.fails && !stopped && !isExcused()) throw new Broken(`command ${work.run}: ${reason}`);
    } else if (succeeded && (program === undefined || Buffer.compare(program, work.image) !== 0)) {
      throw new Broken('an image is said to run that does not');
    } else if (!succeeded && !stopped && !isExcused()) {
      throw new Broken(`the image was not taken: ${reason}`);
    } else if (!succeeded && noise.lies === undefined && REFUSAL.test(reason)) {
      throw new Broken(`the device has all of the image, and does not take it: ${reason}`);
    }
  }

  const host = createHost(
    {
      timeline,
      chance,
      trace,
      pauseMillis: noise.spells ? DENSE_PAUSE_MILLIS : PAUSE_MILLIS,
      pings: noise.spells || chance.is(0.3) ? chance.between(1, PINGS_MAX) : 0,
      ponged: (body) => {
        count('pings answered');
        if (!noise.lies && (body.length !== 1 || body[0] !== EMPTY_MAP))
          throw new Broken(`PING was answered with ${Buffer.from(body).toString('hex')}`);
      },
      countedAnew: () => {
        count('times the host counted anew');
        if (isMild(noise)) throw new Broken('the device answers HELLO and nothing else');
      },
      heard: ({ from, type, seq }) => {
        if (from === 'device' && type === 'HELLO') heard = seq;
      },
    },
    works,
    (bytes) => line.carry('mcu', bytes),
    ended,
  );

  const strike = (most: number | undefined, hit: () => void | Promise<void>) => {
    if (!most) return;
    timeline.plan(chance.between(500, most), async () => {
      if (!faulty) return;
      disturb();
      await hit();
      strike(most, hit);
    });
  };
  const loop = () =>
    void timeline.plan(LOOP_MILLIS, async () => {
      await feed(new Uint8Array(0));
      loop();
    });
  await mcu.ask('wipe');
  await reset();
  host.opened();
  loop();
  spell();
  strike(noise.resets, () => {
    count('resets of the device');
    return reset();
  });
  strike(noise.hosts, () => {
    count('restarts of the host');
    host.restart();
  });
  strike(noise.unplugs, () => {
    count('cables pulled');
    line.unplug();
    host.closed();
    timeline.plan(chance.between(1, 10_000), () => {
      line.plug();
      host.opened();
    });
  });
  strike(stops > 0 ? 30_000 / stops : 0, () => host.stop());
  timeline.plan(FAULTS_MILLIS, () => {
    faulty = false;
    trace?.('faults end');
  });
  while (!host.done()) {
    if (timeline.now() > FAULTS_MILLIS + REST_MILLIS) throw new Broken('work is left an hour after the last fault');
    await timeline.next(timeline.now() + 1_000);
  }
}

/** So little is lost that a device does not seem deaf by chance, and nobody counts in the name of the host. */
function isMild({ flip = 0, drop = 0, double = 0, insert = 0, burst = 0, stream, lies }: Noise): boolean {
  return flip + drop + double + insert + burst <= MILD && stream === undefined && lies === undefined;
}

function drawNoise(chance: Chance): Noise {
  const sometimes = (most: number) => (chance.is(0.3) ? 0 : most * chance.unit());
  return {
    name: 'drawn',
    flip: sometimes(0.01),
    drop: sometimes(0.005),
    double: sometimes(0.005),
    insert: sometimes(0.005),
    chatter: chance.is(0.3),
    resets: chance.is(0.5) ? 0 : 15_000,
    hosts: chance.is(0.5) ? 0 : 20_000,
    unplugs: chance.is(0.6) ? 0 : 20_000,
  };
}

/** Of an image, bytes; many where a block of SHA-256, and the room for its padding, is just full. */
function drawSize(chance: Chance): number {
  if (chance.is(0.7)) return chance.between(1, 1_500);
  return 64 * chance.between(1, 20) + chance.pick([-9, -8, -7, -1, 0, 1]);
}

/** @param dense  many and short ones: what counts is how often they are sent */
function drawWorks(chance: Chance, dense: boolean): Work[] {
  const count = dense ? chance.between(50, 100) : chance.between(3, 20);
  return Array.from({ length: count }, (_, i): Work => {
    if (chance.is(dense ? 0.1 : 0.25)) {
      const image = Uint8Array.from({ length: drawSize(chance) }, () => chance.between(0, 255));
      return { kind: 'flash', image, sha256: createHash('sha256').update(image).digest() };
    }
    const long = chance.is(dense ? 0.02 : 0.3) ? chance.between(500, 20_000) : undefined;
    return {
      kind: 'command',
      run: 1_000 * (i + 1) + chance.between(0, 999),
      id: chance.between(0, 1_000_000),
      millis: long ?? chance.between(0, dense ? 20 : 200),
      fails: chance.is(0.15),
    };
  });
}
