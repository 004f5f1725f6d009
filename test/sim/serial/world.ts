import { createHash } from 'node:crypto';
import { crc32 } from '../../../runtime/crc32.ts';
import type { TaskOutcome } from '../../../runtime/serial/task.ts';
import { Broken } from '../broken.ts';
import { type Chance, createChance } from '../chance.ts';
import { createTimeline } from '../timeline.ts';
import { createHost, type Work } from './host.ts';

/** How long faults happen, and how long all work then has to end: virtual milliseconds. */
const FAULTS_MILLIS = 60_000;
const REST_MILLIS = 60 * 60_000;
/** How long after a reset work may still fail for it: what is at work then, and what is sent before it is noticed. */
const EXCUSED_MILLIS = 120_000;
/** How often the microcontroller's loop runs though nothing arrives. */
const LOOP_MILLIS = 50;

/** The compiled library in a process; one command a line (mcu.c). */
export interface Process {
  ask(command: string): Promise<string[]>;
}

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
export async function runSerialWorld(seed: number, mcu: Process, storyLines = 0): Promise<SerialTold> {
  const told: SerialTold = { hash: 0, counts: {}, broken: undefined, story: [] };
  const timeline = createTimeline();
  const chance = createChance(seed);
  const encoder = new TextEncoder();
  const trace = (line: string) => {
    const stamped = `${timeline.now().toFixed(1)} ${line}`;
    told.hash = crc32(encoder.encode(`${told.hash} ${stamped}`));
    if (storyLines > 0 && told.story.push(stamped) > storyLines) told.story.shift();
  };
  const count = (what: string, by = 1) => {
    told.counts[what] = (told.counts[what] ?? 0) + by;
  };
  try {
    await live({ chance, timeline, trace, count, mcu });
  } catch (error) {
    told.broken = error instanceof Broken ? error.message : `the product threw: ${(error as Error).stack}`;
  }
  count('virtual minutes on the line', Math.round(timeline.now() / 60_000));
  return told;
}

interface Line {
  chance: Chance;
  timeline: ReturnType<typeof createTimeline>;
  trace(line: string): void;
  count(what: string, by?: number): void;
  mcu: Process;
}

async function live({ chance, timeline, trace, count, mcu }: Line): Promise<void> {
  const sometimes = (most: number) => (chance.is(0.3) ? 0 : most * chance.unit());
  const noise = { flip: sometimes(0.01), drop: sometimes(0.005), double: sometimes(0.005), insert: sometimes(0.005) };
  const every = {
    reset: chance.is(0.5) ? 0 : 15_000,
    host: chance.is(0.5) ? 0 : 20_000,
    unplug: chance.is(0.6) ? 0 : 20_000,
  };
  const stops = sometimes(0.5);
  const window = chance.pick([1, 2, 4, 8]);
  const works = drawWorks(chance);
  const runs = new Map<number, number>();
  let boot = chance.between(1, 1_000_000);
  let faulty = true;
  let cable = 0;
  let plugged = true;
  /** When a side was reset, or the cable pulled, last: what goes on then may fail, honestly, also when it is noticed later. */
  let disturbedAt = -Infinity;
  const isExcused = () => timeline.now() < disturbedAt + EXCUSED_MILLIS;
  /** What runs, and what is started with the next reset. */
  let program: Buffer | undefined;
  let next: Buffer | undefined;
  const lanes = { host: 0, mcu: 0 };

  /** Bytes take their time on the line, come in portions, and not always as they were. */
  function carry(to: 'host' | 'mcu', bytes: Uint8Array): void {
    if (!plugged) return;
    const after = spoil(bytes);
    for (let at = 0; at < after.length; ) {
      const size = Math.min(chance.between(1, 40), after.length - at);
      const portion = Uint8Array.from(after.slice(at, at + size));
      lanes[to] = Math.max(lanes[to], timeline.now() + chance.between(1, 12)) + (size * 10_000) / 115_200;
      const mine = cable;
      timeline.plan(lanes[to] - timeline.now(), () => {
        if (mine !== cable) return undefined;
        return to === 'host' ? host.bytes(portion) : feed(portion);
      });
      at += size;
    }
  }

  function spoil(bytes: Uint8Array): number[] {
    if (!faulty) return [...bytes];
    const after: number[] = [];
    const hit = (probability: number) => probability > 0 && chance.is(probability);
    for (const byte of bytes) {
      const spoilt = {
        insert: hit(noise.insert),
        drop: hit(noise.drop),
        flip: hit(noise.flip),
        double: hit(noise.double),
      };
      count('bytes spoilt', Object.values(spoilt).filter(Boolean).length);
      if (spoilt.insert) after.push(chance.between(0, 255));
      if (spoilt.drop) continue;
      const sent = spoilt.flip ? byte ^ (1 << chance.between(0, 7)) : byte;
      after.push(sent);
      if (spoilt.double) after.push(sent);
    }
    return after;
  }

  async function feed(bytes: Uint8Array): Promise<void> {
    const lines = await mcu.ask(`feed ${Math.floor(timeline.now())} ${Buffer.from(bytes).toString('hex')}`);
    for (const line of lines) {
      const [word, first = '', second] = line.split(' ');
      if (word !== 'wire') trace(`mcu ${line.slice(0, 60)}`);
      if (word === 'ran') ran(Number(first), Number(second));
      else if (word === 'switch') restartInto(Buffer.from(first, 'hex'));
      else carry('host', Buffer.from(first, 'hex'));
    }
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

  function restartInto(image: Buffer): void {
    count('images started');
    if (!works.some((work) => work.kind === 'flash' && Buffer.compare(work.image, image) === 0))
      throw new Broken(`an image of ${image.length} bytes is started that nobody has sent`);
    next = image;
    timeline.plan(chance.between(20, 200), reset);
  }

  async function reset(): Promise<void> {
    boot += 1;
    disturbedAt = timeline.now();
    program = next ?? program;
    next = undefined;
    trace(`mcu restarts, boot ${boot}`);
    await mcu.ask(`start ${Math.floor(timeline.now())} ${window} 128 ${boot}`);
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
    } else if (!succeeded && !stopped && !isExcused()) throw new Broken(`the image was not taken: ${reason}`);
  }

  const host = createHost({ timeline, chance, trace }, works, (bytes) => carry('mcu', bytes), ended);

  const strike = (most: number, hit: () => void | Promise<void>) => {
    if (most === 0) return;
    timeline.plan(chance.between(500, most), async () => {
      if (!faulty) return;
      disturbedAt = timeline.now();
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
  strike(every.reset, () => {
    count('resets of the device');
    return reset();
  });
  strike(every.host, () => {
    count('restarts of the host');
    host.restart();
  });
  strike(every.unplug, () => {
    count('cables pulled');
    cable++;
    plugged = false;
    host.closed();
    timeline.plan(chance.between(1, 10_000), () => {
      plugged = true;
      host.opened();
    });
  });
  strike(stops > 0 ? 30_000 / stops : 0, () => host.stop());
  timeline.plan(FAULTS_MILLIS, () => {
    faulty = false;
    trace('faults end');
  });
  while (!host.done()) {
    if (timeline.now() > FAULTS_MILLIS + REST_MILLIS) throw new Broken('work is left an hour after the last fault');
    await timeline.next(timeline.now() + 1_000);
  }
}

function drawWorks(chance: Chance): Work[] {
  return Array.from({ length: chance.between(3, 20) }, (_, i): Work => {
    if (chance.is(0.25)) {
      const image = Uint8Array.from({ length: chance.between(1, 1_500) }, () => chance.between(0, 255));
      return { kind: 'flash', image, sha256: createHash('sha256').update(image).digest() };
    }
    const millis = chance.is(0.3) ? chance.between(500, 20_000) : chance.between(0, 200);
    return {
      kind: 'command',
      run: 1_000 * (i + 1) + chance.between(0, 999),
      id: chance.between(0, 1_000_000),
      millis,
      fails: chance.is(0.15),
    };
  });
}
