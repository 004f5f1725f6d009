import { createDevice, type Device, step } from '../../runtime/device/device.ts';
import type { Effect, Event } from '../../runtime/effects.ts';
import { emptyDisk, readDisk, tearDisk, writeDisk } from './disk.ts';
import { layWire, type Wire } from './wire.ts';
import type { World } from './world.ts';

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
    const [next, effects] = step(device, event, timeline.now());
    device = next;
    if (!device.runner.online) onlineSince = undefined;
    else onlineSince ??= timeline.now();
    const since = power;
    for (const effect of effects) {
      if (power !== since) return; // the rest is lost
      if (faults.on && chance.is(faults.cutPower / 4)) return cutPower();
      act(effect);
    }
  };

  const act = (effect: Effect) => {
    if (effect.do !== 'log' && effect.do !== 'wake' && effect.do !== 'write') {
      world.trace(`${thingName} > ${effect.do}${effect.do === 'run' ? ` ${effect.step.name}` : ''}`);
    }
    switch (effect.do) {
      case 'open':
        return open();
      case 'write':
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
    const own = () => power === since && wire === mine;
    const mine: Wire | undefined = world.cloud.accept(thingName, (cloudEnd) =>
      layWire(
        timeline,
        chance,
        faults,
        {
          bytes: (bytes) => (own() ? feed({ on: 'bytes', bytes }) : undefined),
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
      tearDisk(disk, record, chance);
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
    world.checks.started(thingName, name, timeline.now(), onlineSince);
    world.count('steps started');
    const end = (exitCode?: number, signal?: string) => {
      if (!programs.delete(number)) return;
      world.checks.ended(thingName, name, exitCode, signal);
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
    timeline.plan(chance.between(100, 60_000), powerOn);
  };

  /** From here on the job may end as FAILED though its steps went well. Once its outcome is on disk, it may not. */
  const interrupted = () => {
    const { job, at } = device.runner;
    if (job && at !== 'reporting') world.checks.interrupted(thingName, job.jobId);
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
    atRest: () =>
      power % 2 === 1 && device.runner.at === 'idle' && device.runner.online && readDisk(disk) === undefined,
    powerOn,
    cutPower,
    stop,
  };
}
