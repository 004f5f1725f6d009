import { crc32 } from '../../runtime/crc32.ts';
import { createDevice, type Device, step } from '../../runtime/device/device.ts';
import { afterEnd, better, createWayOrder, lookForBetter } from '../../runtime/device/wayOrder.ts';
import type { Effect, Event } from '../../runtime/effects.ts';
import type { Step } from '../../runtime/jobs/document.ts';
import type { Family } from '../../runtime/jobs/operations.ts';
import { decodeRecord } from '../../runtime/jobs/record.ts';
import { ANSWER_MILLIS_MAX, KILL_GRACE_MILLIS } from '../../runtime/jobs/runner/limits.ts';
import { RETRY_MILLIS_BASE, STABLE_MILLIS } from '../../runtime/limits.ts';
import type { Found } from './attempts.ts';
import { emptyDisk, readDisk, tearDisk, writeDisk } from './disk.ts';
import { type BoardWire, layHttps } from './https.ts';
import { type End, layWire } from './wire.ts';
import { CLEAN_UP, readWork } from './work.ts';
import type { World } from './world.ts';

/** Connections that a board may open in a minute: pauses double, and only 30 s online make them short again. */
const OPENS_A_MINUTE_MAX = 30;

/** How often a program is looked at. */
const WATCH_MILLIS = 5_000;
/** How often a board that is stopped now and then is stopped while it writes its record. */
const STOPPED_WRITING = 0.02;

/** How long after the grace a program is still there that ignored TERM, at the most. */
const KILL_MILLIS_MAX = 100;

/** How a program ended. */
type Ended = { code?: number; signal?: string; error?: string; details?: Record<string, string> };

/** A board without power for longer than its keep-alive: the service has to notice by itself. */
const OFF_MILLIS_MAX = 300_000;
/** One and a half of its keep-alive: from then on the service has noticed. */
const SILENCE_MILLIS = 90_000;

/**
 * A board: the production device core, its disk, its programs and its wire. Power can go before any effect, and while
 * the record is being written.
 */
export interface Board {
  readonly thingName: string;
  readonly device: Device;
  powered(): boolean;
  /** Idle, with nothing on disk to go on with. */
  atRest(): boolean;
  /** Idle, with something on disk that the next boot would report; a claim that came to nothing is only asked about. */
  hasLeftovers(): boolean;
  /** In words. */
  doing(): string;
  powerOn(): void;
  cutPower(): void;
  stop(): void;
  /** What the wire does, as it is now; undefined: there is none. */
  readonly wire: BoardWire | undefined;
}

/** What a board is: which way it goes to the service, and whether it reads members of our own in documents. */
export interface Model {
  way: 'mqtt' | 'https' | 'either';
  /** It knows its facts (runtime/jobs/guards.ts). */
  knows: boolean;
  /** Whose documents of one operation it takes beside. */
  operations?: Family;
}

/** What conditions in documents are about, on every board that knows its facts. */
export const ATTRIBUTES = { arch: 'arm', os: 'linux' } as const;

export function createBoard(world: World, thingName: string, model: Model = { way: 'mqtt', knows: false }): Board {
  const { timeline, chance, faults } = world;
  /** Starts of the whole device, not of the agent alone. */
  let boots = 0;
  const options = () => ({
    ...{ thingName, clientId: thingName, keepAliveSeconds: 60, retryMaxMillis: 64_000 },
    facts: model.knows
      ? {
          bootId: `boot ${boots}`,
          restarts: ['restart'],
          idempotent: ['again'],
          attributes: ATTRIBUTES,
          operations: model.operations,
        }
      : undefined,
  });
  const disk = emptyDisk();
  let device = createDevice(options());
  /** Without a break until now. */
  let onlineSince: number | undefined;
  let power = 0; // counts the boots; odd: running
  let wire: BoardWire | undefined;
  let wires = 0;
  /** What the world knows of each record that was to be written, by its checksum. */
  const written = new Map<number, { step: string | undefined; boots: number }>();
  /** The record that the disk held when it last refused a later one. */
  let refusedOver: number | undefined;
  /** When the latest of its writes is through. */
  let writtenAt = 0;
  let persists = 0;
  /** Of one that has both ways: MQTT first. */
  let order = createWayOrder(2, 1);
  /** When it opened a connection, of late. */
  let opens: number[] = [];
  let takeBackWake: (() => void) | undefined;
  const programs = new Map<number, { name: string; end: (how: Ended) => void; stubborn: boolean }>();

  /** Plans something that happens only if power stays on until then. */
  const plan = (delay: number, happen: () => void) => {
    const since = power;
    return timeline.plan(delay, () => (power === since ? happen() : undefined));
  };

  const feed = (event: Event) => {
    if (event.on !== 'bytes' && event.on !== 'output')
      world.trace(`${thingName} < ${JSON.stringify({ ...event, record: undefined })}`);
    const before = device;
    const [next, effects] = step(device, event, timeline.now());
    device = next;
    pausesRightly(before);
    // A wire that is cut without a word keeps the board in the dark until it finds out.
    if (!device.runner.online || wire?.isWhole() === false) onlineSince = undefined;
    else onlineSince ??= timeline.now();
    const since = power;
    for (const effect of effects) {
      if (power !== since) return; // the rest is lost
      if (faults.on && chance.is(faults.cutPower / 4)) return cutPower();
      act(effect);
    }
  };

  /** Full jitter (limits.ts): after a stable connection it begins anew, and never more than a few at once. */
  const pausesRightly = ({ client: { at, onlineSinceMillis } }: Device) => {
    const { client } = device;
    const pause = client.untilMillis - timeline.now();
    if (at === 'online' && client.at === 'waiting' && timeline.now() - onlineSinceMillis >= STABLE_MILLIS)
      if (pause > RETRY_MILLIS_BASE)
        world.blame(`${thingName} waits ${Math.round(pause)} ms to connect again, after a stable connection`);
  };

  const act = (effect: Effect) => {
    if (effect.do !== 'log' && effect.do !== 'wake' && effect.do !== 'write') {
      world.trace(`${thingName} > ${effect.do}${effect.do === 'run' ? ` ${effect.step.name}` : ''}`);
    }
    switch (effect.do) {
      case 'open':
        return open();
      case 'write':
        if (wire && !world.cloud.impostor) world.cloud.tap(thingName).fromBoard(wires, effect.bytes);
        return wire?.fromBoard(effect.bytes);
      case 'close':
        wire?.closeByBoard();
        wire = undefined;
        return;
      case 'persist':
        return persist(effect.record);
      case 'run':
        return run(effect.run, effect.step);
      case 'refreshed':
        if (effect.run !== device.runner.run || programs.get(effect.run)?.name !== effect.step.name)
          world.blame(`${thingName} is given ${effect.step.name} anew, and runs another step`);
        return;
      case 'signal': {
        const program = programs.get(effect.run);
        if (device.runner.at === 'stopping' && !device.runner.lost) world.checks.forbidden(attempt(), presentStep());
        if (program !== undefined && (effect.signal === 'SIGKILL' || !program.stubborn))
          plan(5, () => program.end({ signal: effect.signal }));
        plan(KILL_GRACE_MILLIS + KILL_MILLIS_MAX, () => {
          if (program && programs.get(effect.run) === program)
            world.blame(`${thingName} asked ${program.name} to end, and lets it run`);
        });
        return;
      }
      case 'wake':
        takeBackWake?.();
        takeBackWake =
          effect.at === undefined ? undefined : plan(effect.at - timeline.now(), () => feed({ on: 'wake' }));
        return;
      case 'log':
        return;
      case 'exit':
        return off();
    }
  };

  const open = () => {
    const since = power;
    const number = ++wires;
    opens = [...opens.filter((at) => at > timeline.now() - 60_000), timeline.now()];
    if (opens.length > OPENS_A_MINUTE_MAX) world.blame(`${thingName} connected ${opens.length} times within a minute`);
    const own = () => power === since && wire === mine;
    const way = model.way === 'either' ? (['mqtt', 'https'] as const)[order.at]! : model.way;
    let heardAt: number | undefined;
    /** The way is given up; which is next hangs on how long it was good. */
    const giveUp = (reason: string) => {
      wire = undefined;
      if (model.way === 'either') order = afterEnd(order, heardAt === undefined ? 0 : timeline.now() - heardAt);
      feed({ on: 'closed', reason });
    };
    const lookAround = () => {
      const [next, millis] = lookForBetter(order);
      order = next;
      if (millis !== undefined)
        plan(millis, () => {
          if (!own()) return;
          mine?.closeByBoard();
          giveUp('a better way is tried');
          order = better(order, 0);
        });
    };
    const end: End = {
      bytes: (bytes) => {
        if (!own()) return;
        if (heardAt === undefined && model.way === 'either') lookAround();
        heardAt ??= timeline.now();
        if (!world.cloud.impostor) world.cloud.tap(thingName).heardByBoard(number, bytes);
        feed({ on: 'bytes', bytes });
      },
      closed: () => {
        if (own()) giveUp('cut');
      },
    };
    const mine: BoardWire | undefined =
      way === 'https'
        ? layHttps(world, thingName, end)
        : world.cloud.accept(thingName, (cloudEnd) => layWire(world, end, cloudEnd));
    wire = mine;
    plan(chance.between(10, 200), () => {
      if (mine === undefined) giveUp('connection refused');
      else if (wire === mine) feed({ on: 'opened' });
    });
  };

  const persist = (record: Uint8Array) => {
    persists++;
    const content = decodeRecord(record);
    const step = content?.phase === 'cleaning' ? content.cleanUp.name : presentStep();
    written.set(crc32(record), { step, boots });
    if (faults.on && chance.is(faults.cutPower)) {
      tearDisk(disk, record, chance, faults.garbleDisk);
      return cutPower();
    }
    if (faults.on && chance.is(faults.failDisk)) {
      refusedOver = crc32(readDisk(disk) ?? new Uint8Array(0));
      if (content?.phase === 'running') world.checks.forbidden({ thingName, ...content.job }, step);
      return writtenIn(1, { on: 'unpersisted', reason: 'ENOSPC' });
    }
    refusedOver = undefined;
    writeDisk(disk, record);
    world.count('records written');
    const millis = chance.between(1, 20);
    if (faults.on && faults.stopMillis > 0 && chance.is(STOPPED_WRITING)) plan(chance.between(0, millis), stop);
    writtenIn(millis, { on: 'persisted' });
  };

  /** One write after the other: none is told before those that began earlier. */
  const writtenIn = (millis: number, event: { on: 'persisted' } | { on: 'unpersisted'; reason: string }) => {
    writtenAt = Math.max(writtenAt, timeline.now() + millis);
    plan(writtenAt - timeline.now(), () => feed(event));
  };

  const presentStep = () => device.runner.document?.steps[device.runner.step]?.name;

  /** What this boot finds. */
  const foundIn = (record: Uint8Array | undefined): Found | undefined => {
    const content = record && decodeRecord(record);
    if (content === undefined) return undefined;
    const key = crc32(record!);
    const about = written.get(key);
    return {
      at: { thingName, ...content.job },
      phase: content.phase,
      step: about?.step,
      hasRestarted: about?.boots !== boots,
      isOld: key === refusedOver,
    };
  };

  /** It asks again and again what its job is, and answer after answer is lost. */
  const isAsking = () => {
    const { asked } = device.runner;
    return asked !== undefined && asked.sent > 1 && asked.repeatAt <= timeline.now() + ANSWER_MILLIS_MAX;
  };

  const run = (number: number, step: Step) => {
    const { name } = step;
    const { millis, code, manner } = readWork(step);
    const mine = attempt();
    world.checks.started(mine, name, timeline.now(), isAsking() ? undefined : onlineSince);
    world.count(name.endsWith(CLEAN_UP) ? 'clean-ups' : 'steps started');
    const end = (how: Ended) => {
      if (!programs.delete(number)) return;
      world.checks.ended(mine, name, how.code);
      if (step.restarts && how.error === undefined) goDown();
      const [since, before] = [power, persists];
      feed({ on: 'exited', run: number, ...how });
      if (power === since && persists === before && !step.restarts)
        world.blame(`${thingName} goes on, and has not remembered that ${name} has ended`);
    };
    programs.set(number, { name, end, stubborn: manner === 'stubborn' });
    const say = (after: number, event: Event) => plan(after, () => void (programs.has(number) && feed(event)));
    if (manner === 'missing') return void plan(1, () => end({ error: 'no such program' }));
    say(millis / 2, { on: 'output', run: number, stream: 'stderr', text: `${name}\n` });
    if (manner === 'tells') {
      say(millis / 3, { on: 'progressed', run: number, details: { part: 'half' } });
      say(millis / 4, { on: 'output', run: number, stream: 'stdout', text: `AWS_SECRET_ACCESS_KEY=${name}` });
      say(millis / 4, { on: 'stale', run: number });
    }
    plan(millis, () => end(manner === 'shows' ? { code, details: { shown: name } } : { code }));
    const watch = () => {
      if (!programs.has(number)) return;
      world.checks.goesOn(mine, name, timeline.now(), isAsking() ? undefined : onlineSince);
      plan(WATCH_MILLIS, watch);
    };
    plan(WATCH_MILLIS, watch);
  };

  /** A program has asked the device to restart; the agent may be told so before, and now and then nothing comes of it. */
  const goDown = () => {
    if (chance.is(0.1)) return;
    plan(chance.between(500, 20_000), () => {
      boots++;
      world.trace(`${thingName} restarts`);
      world.count('restarts of devices');
      if (chance.is(0.5)) feed({ on: 'stop' });
      else {
        wire?.cut();
        off();
      }
    });
  };

  const cutPower = () => {
    if (power % 2 === 0) return;
    power++;
    boots++;
    world.trace(`${thingName} power cut`);
    world.count('programs killed by power cuts', programs.size);
    programs.clear();
    onlineSince = undefined;
    const vanishes = faults.on && chance.is(faults.vanish);
    wire?.cut(vanishes);
    wire = undefined;
    world.count('power cuts');
    const [least, most] = vanishes ? [SILENCE_MILLIS, OFF_MILLIS_MAX] : [100, chance.is(0.1) ? OFF_MILLIS_MAX : 60_000];
    timeline.plan(chance.between(least, most), powerOn);
  };

  const attempt = () => {
    const { jobId, executionNumber, queuedAt } = device.runner.job!;
    return { thingName, jobId, executionNumber, queuedAt };
  };

  /** Ended as by SIGTERM, and started again later. */
  const stop = () => {
    if (power % 2 === 0) return;
    world.count('clean stops');
    feed({ on: 'stop' });
  };

  /** After `exit`: the process is gone, its programs with it. */
  const off = () => {
    power++;
    wire = undefined;
    programs.clear();
    onlineSince = undefined;
    timeline.plan(chance.between(100, 60_000), powerOn);
  };

  const powerOn = () => {
    power++;
    opens = [];
    world.cloud.tap(thingName).forgetBoard();
    device = createDevice(options());
    takeBackWake = undefined;
    const record = readDisk(disk);
    world.checks.booted(thingName, foundIn(record));
    feed({ on: 'boot', record, seed: chance.seed() });
  };

  return {
    thingName,
    get device() {
      return device;
    },
    get wire() {
      return wire;
    },
    powered: () => power % 2 === 1,
    hasLeftovers: () => {
      const record = device.runner.at === 'idle' ? readDisk(disk) : undefined;
      return record !== undefined && decodeRecord(record)?.phase !== 'claimed';
    },
    doing: () => {
      const { at, online, asked } = device.runner;
      return `${at}${online ? '' : ' offline'}${asked ? ` asked ${asked.about}` : ''}`;
    },
    atRest: () =>
      power % 2 === 1 && device.runner.at === 'idle' && device.runner.online && readDisk(disk) === undefined,
    powerOn,
    cutPower,
    stop,
  };
}
