import { createDevice, type Device, step } from '../../runtime/device/device.ts';
import type { Effect, Event } from '../../runtime/effects.ts';
import { decodeRecord } from '../../runtime/jobs/record.ts';
import { RETRY_MILLIS_BASE, STABLE_MILLIS } from '../../runtime/limits.ts';
import { emptyDisk, readDisk, tearDisk, writeDisk } from './disk.ts';
import { layWire, type Wire } from './wire.ts';
import type { World } from './world.ts';

/** Connections that a board may open in a minute: pauses double, and only 30 s online make them short again. */
const OPENS_A_MINUTE_MAX = 30;

/** A board without power for longer than its keep-alive: the service has to notice by itself. */
const OFF_MILLIS_MAX = 300_000;

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
  powerOn(): void;
  cutPower(): void;
  stop(): void;
}

export function createBoard(world: World, thingName: string): Board {
  const { timeline, chance, faults } = world;
  const options = { thingName, clientId: thingName, keepAliveSeconds: 60, retryMaxMillis: 64_000 };
  const disk = emptyDisk();
  let device = createDevice(options);
  /** Without a break until now. */
  let onlineSince: number | undefined;
  let power = 0; // counts the boots; odd: running
  let wire: Wire | undefined;
  let wires = 0;
  /** When it opened a connection, of late. */
  let opens: number[] = [];
  let takeBackWake: (() => void) | undefined;
  const programs = new Map<number, { end: (code?: number, signal?: string) => void; stubborn: boolean }>();

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
        if (wire) world.cloud.tap(thingName).fromBoard(wires, effect.bytes);
        return wire?.fromBoard(effect.bytes);
      case 'close':
        wire?.closeByBoard();
        wire = undefined;
        return;
      case 'persist':
        return persist(effect.record);
      case 'run':
        return run(
          effect.run,
          effect.step.name,
          effect.step.run.type === 'runCommand' ? effect.step.run.argv : ['none'],
        );
      case 'signal': {
        const program = programs.get(effect.run);
        if (program !== undefined && (effect.signal === 'SIGKILL' || !program.stubborn))
          plan(5, () => program.end(undefined, effect.signal));
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
    const mine: Wire | undefined = world.cloud.accept(thingName, (cloudEnd) =>
      layWire(
        world,
        {
          bytes: (bytes) => {
            if (!own()) return;
            world.cloud.tap(thingName).heardByBoard(number, bytes);
            feed({ on: 'bytes', bytes });
          },
          closed: () => {
            if (!own()) return;
            wire = undefined;
            feed({ on: 'closed', reason: 'cut' });
          },
        },
        cloudEnd,
      ),
    );
    wire = mine;
    plan(chance.between(10, 200), () => {
      if (mine === undefined) feed({ on: 'closed', reason: 'connection refused' });
      else if (wire === mine) feed({ on: 'opened' });
    });
  };

  const persist = (record: Uint8Array) => {
    if (faults.on && chance.is(faults.cutPower)) {
      tearDisk(disk, record, chance, faults.garbleDisk);
      return cutPower();
    }
    if (faults.on && chance.is(faults.failDisk)) {
      interrupted(); // what is not remembered may be lost
      return void plan(1, () => feed({ on: 'unpersisted', reason: 'ENOSPC' }));
    }
    writeDisk(disk, record);
    world.count('records written');
    plan(chance.between(1, 20), () => feed({ on: 'persisted' }));
  };

  /** A program is written down in its own words: `work`, milliseconds, exit code, and `stubborn` when it ignores TERM. */
  const run = (number: number, name: string, [, millis = '10', code = '0', manner]: readonly string[]) => {
    const mine = attempt();
    world.checks.started(mine, name, timeline.now(), onlineSince);
    world.count('steps started');
    const end = (exitCode?: number, signal?: string) => {
      if (!programs.delete(number)) return;
      world.checks.ended(mine, name, exitCode, signal);
      feed({
        on: 'exited',
        run: number,
        ...(exitCode === undefined ? {} : { code: exitCode }),
        ...(signal === undefined ? {} : { signal }),
      });
    };
    programs.set(number, { end, stubborn: manner === 'stubborn' });
    plan(
      Number(millis) / 2,
      () => programs.has(number) && feed({ on: 'output', run: number, stream: 'stderr', text: `${name}\n` }),
    );
    plan(Number(millis), () => end(Number(code)));
  };

  const cutPower = () => {
    if (power % 2 === 0) return;
    power++;
    world.trace(`${thingName} power cut`);
    interrupted();
    world.count('programs killed by power cuts', programs.size);
    programs.clear();
    onlineSince = undefined;
    wire?.cut();
    wire = undefined;
    world.count('power cuts');
    timeline.plan(chance.between(100, chance.is(0.1) ? OFF_MILLIS_MAX : 60_000), powerOn);
  };

  const attempt = () => {
    const { jobId, executionNumber, queuedAt } = device.runner.job!;
    return { thingName, jobId, executionNumber, queuedAt };
  };

  /** From here on the job may end as FAILED though its steps went well. Once its outcome is on disk, it may not. */
  const interrupted = () => {
    const { job, at } = device.runner;
    if (job && at !== 'reporting') world.checks.interrupted(attempt());
  };

  /** Ended as by SIGTERM, and started again later. */
  const stop = () => {
    if (power % 2 === 0) return;
    world.count('clean stops');
    interrupted();
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
    device = createDevice(options);
    takeBackWake = undefined;
    feed({ on: 'boot', record: readDisk(disk), seed: chance.seed() });
  };

  return {
    thingName,
    get device() {
      return device;
    },
    powered: () => power % 2 === 1,
    hasLeftovers: () => {
      const record = device.runner.at === 'idle' ? readDisk(disk) : undefined;
      return record !== undefined && decodeRecord(record)?.phase !== 'claimed';
    },
    atRest: () =>
      power % 2 === 1 && device.runner.at === 'idle' && device.runner.online && readDisk(disk) === undefined,
    powerOn,
    cutPower,
    stop,
  };
}
