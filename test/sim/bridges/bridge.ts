import { decodeRecord, type JobRecord, type RecordedJob } from '../../../runtime/jobs/record.ts';
import { type Fleet, openFleet } from '../../../targets/bridge/fleet.ts';
import { NoImage } from '../../../targets/bridge/image.ts';
import { runNumber } from '../../../targets/bridge/stepWork.ts';
import type { Surroundings } from '../../../targets/bridge/surroundings.ts';
import type { RecordFile } from '../../../transports/record.ts';
import type { SerialShell } from '../../../transports/serial/serialPort.ts';
import type { Transport } from '../../../transports/transport.ts';
import type { Attempt } from '../attempts.ts';
import { type Disk, emptyDisk, readDisk, tearDisk, writeDisk } from '../disk.ts';
import type { Made } from '../operator.ts';
import { layWire, type Wire } from '../wire.ts';
import type { Resident, World } from '../world.ts';
import type { Device } from './device.ts';
import type { Images } from './images.ts';

/** A sum of fractions may come out a little early, and who is woken early asks for the same time again, for ever. */
const ROUNDING_MILLIS = 1e-6;
/** Frames are many: power goes at one of them less often than at a record or a message. */
const FRAMES_SPARED = 10;
const OFF_MILLIS_MAX = 60_000;
/** Longer than the service keeps a silent connection, and than a command of a microcontroller takes. */
const LONG_OFF_MILLIS_MAX = 300_000;
const DOWNLOAD_MILLIS_MAX = 5_000;
/** How often commands are looked at that should have been stopped, and how long that may take. */
const WATCH_MILLIS = 5_000;
const STOP_MILLIS_MAX = 60_000;

/**
 * A bridge: its production parts in surroundings of this world. Power can go before anything that they do to these, and while a
 * record is being written; what they do after that goes nowhere.
 */
export interface Bridge extends Resident {
  powerOn(): void;
  cutPower(): void;
  /** Ended as by SIGTERM, and started again later. */
  stop(): void;
}

/** A Thing of the bridge as the world sees it, whatever the bridge knows of it. */
interface Seat {
  thingName: string;
  device: Device;
  disk: Disk;
  /** What is on disk. */
  record: JobRecord | undefined;
  /** Which step of which attempt a run is, by the records that were written. */
  runs: Map<number, { at: Attempt; step: number }>;
  /** SHA-256 of what runs on the microcontroller. */
  program: string | undefined;
  /** The command that runs, and when it ends by itself. */
  running: { at: Attempt; name: string; endsAt: number } | undefined;
  /** Since when the bridge could have told the microcontroller anything. */
  calmSince: number;
}

export function createBridge(
  world: World,
  name: string,
  devices: ReadonlyMap<string, Device>,
  images: Images,
  made: readonly Made[],
): Bridge {
  const { timeline, chance, faults } = world;
  const seats = [...devices].map(([thingName, device]) => seatOf(thingName, device));
  let life = 0; // counts starts and ends; odd: running
  let fleet: Fleet | undefined;
  let wire: Wire | undefined;
  let wires = 0;
  /** How many of its connections stand. */
  let online = false;

  function seatOf(thingName: string, device: Device): Seat {
    const seat: Seat = {
      thingName,
      device,
      disk: emptyDisk(),
      record: undefined,
      runs: new Map(),
      program: undefined,
      running: undefined,
      calmSince: 0,
    };
    device.listener = {
      ran: (run, id) => ran(seat, run, id),
      done: (run, succeeded) => done(seat, run, succeeded),
      started: (image) => started(seat, image),
      disturbed: () => {
        seat.calmSince = timeline.now();
        interrupted(seat);
      },
      booted: () => {
        seat.running = undefined;
        seat.calmSince = timeline.now();
      },
    };
    return seat;
  }

  function attemptOf({ thingName }: Seat, { jobId, executionNumber, queuedAt }: RecordedJob): Attempt {
    return { thingName, jobId, executionNumber, queuedAt };
  }

  /** The step that is under way, by its record, may fail whatever it comes to. */
  function interrupted(seat: Seat, record = seat.record): void {
    if (record?.phase !== 'running') return;
    const [, step] = /'(.*)'$/.exec(record.name) ?? [];
    world.checks.forbidden(attemptOf(seat, record.job), step);
  }

  function learn(seat: Seat, record: JobRecord | undefined): void {
    seat.record = record;
    if (record?.phase !== 'running') return;
    const { job, step } = record;
    seat.runs.set(runNumber(seat.thingName, { job, index: step }), { at: attemptOf(seat, job), step });
    seeImage(seat);
  }

  function ran(seat: Seat, run: number, id: number): void {
    world.count('commands run');
    const { thingName } = seat;
    const known = seat.runs.get(run);
    const name = nameOf(id);
    if (known === undefined) return world.blame(`${thingName} ran ${name}, of which no record was written`);
    const job = made.find(({ serial }) => serial === name.split('.')[0]);
    if (job && job.jobId !== known.at.jobId)
      return world.blame(`${thingName} ran ${name} of ${job.jobId} as a step of ${known.at.jobId}`);
    if (!name.endsWith(`.${known.step}`)) return world.blame(`${thingName} ran ${name} as step ${known.step}`);
    world.checks.started(known.at, name, timeline.now(), undefined);
    names.set(`${thingName} ${run}`, name);
    const { millis = 0 } = job?.works?.[known.step] ?? {};
    seat.running = { at: known.at, name, endsAt: timeline.now() + millis };
  }

  const names = new Map<string, string>();

  function done(seat: Seat, run: number, succeeded: boolean): void {
    seat.running = undefined;
    const known = seat.runs.get(run);
    const name = names.get(`${seat.thingName} ${run}`);
    if (known && name !== undefined) world.checks.ended(known.at, name, succeeded ? 0 : 1);
  }

  function started(seat: Seat, image: Uint8Array): void {
    world.count('images started');
    const found = images.all.find(({ bytes }) => Buffer.compare(bytes, image) === 0);
    if (found === undefined) return world.blame(`${seat.thingName} starts an image that nobody has sent`);
    seat.program = found.sha256;
    seeImage(seat);
  }

  /** A step that wants the image that runs has come to its end. */
  function seeImage(seat: Seat): void {
    const { record, program } = seat;
    if (record?.phase !== 'running') return;
    for (const { jobId, works } of made) {
      const work = works?.[record.step];
      if (jobId === record.job.jobId && work?.image && work.image.sha256 === program)
        world.checks.ended(attemptOf(seat, record.job), work.name, 0);
    }
  }

  /** What this process does to the world; nothing after its end. */
  function surroundings(mine: number): Surroundings & { connect(): Transport } {
    const lives = () => life === mine;
    const outward = (rarely: number, act: () => void) => {
      if (!lives()) return;
      if (faults.on && chance.is(faults.cutPower / 4 / rarely)) cutPower();
      else act();
    };
    const plan = (delay: number, happen: () => void | Promise<void>) =>
      timeline.plan(delay, () => (lives() ? happen() : undefined));
    return {
      clock: () => timeline.now(),
      ring: (at, tell) => ({ cancel: plan(at - timeline.now() + ROUNDING_MILLIS, tell) }),
      randomInt: (low, high) => chance.between(low, high - 1),
      openRecord: (file) => openDisk(seats.find(({ thingName }) => file.endsWith(`/${thingName}.record`))!, lives),
      fetchImage: ({ source }, _, { progress, stopped }) =>
        new Promise((resolve, reject) => {
          const image = images.all.find((one) => one.source === source);
          stopped.addEventListener('abort', () => reject(new NoImage('it was stopped')));
          progress(0, image?.bytes.length);
          plan(chance.between(1, DOWNLOAD_MILLIS_MAX), () => {
            if (image && !(faults.on && chance.is(images.lost))) return resolve(image.bytes);
            for (const seat of seats) interrupted(seat);
            reject(new NoImage(`${source}: it is not there`));
          });
        }),
      attachPort: (port, _, __, listener) => {
        const { device } = seats.find((seat) => seat.device.port === port)!;
        const cable = device.attach({
          onOpened: (...how) => lives() && listener.onOpened(...how),
          onBytes: (bytes) => lives() && listener.onBytes(bytes),
          onClosed: (reason) => lives() && listener.onClosed(reason),
        });
        return {
          write: (bytes) => {
            outward(FRAMES_SPARED, () => cable.write(bytes));
            return true;
          },
          setLines: () => Promise.resolve(),
          reopen: () => {},
          end: async () => {
            if (lives()) cable.detach();
          },
        };
      },
      connect: () => connect(lives, outward, plan),
    };
  }

  function openDisk(seat: Seat, lives: () => boolean): RecordFile {
    const record = readDisk(seat.disk);
    const before = JSON.stringify(seat.record);
    learn(seat, record && decodeRecord(record));
    // Written as power went: nothing of it has begun, which nobody remembers.
    if (JSON.stringify(seat.record) !== before) interrupted(seat);
    return {
      record,
      warning: undefined,
      persist: (bytes) => {
        if (!lives()) return;
        const wanted = decodeRecord(bytes);
        if (faults.on && chance.is(faults.cutPower)) {
          tearDisk(seat.disk, bytes, chance, faults.garbleDisk);
          return cutPower();
        }
        if (faults.on && chance.is(faults.failDisk)) {
          interrupted(seat);
          interrupted(seat, wanted); // what is not remembered may be lost
          throw new Error('ENOSPC');
        }
        writeDisk(seat.disk, bytes);
        world.count('records written');
        learn(seat, wanted);
      },
      close: () => {},
    };
  }

  function connect(
    lives: () => boolean,
    outward: (rarely: number, act: () => void) => void,
    plan: (delay: number, happen: () => void) => () => void,
  ): Transport {
    const number = ++wires;
    let state: 'opening' | 'open' | 'gone' = 'opening';
    const told = {} as { opened(): void; bytes(bytes: Uint8Array): void; closed(reason?: string): void };
    const tap = world.cloud.tap(name);
    const close = (reason?: string) => {
      if (state === 'gone' || !lives()) return;
      state = 'gone';
      told.closed(reason);
    };
    const mine = world.cloud.accept(
      name,
      (cloudEnd) =>
        layWire(
          world,
          {
            bytes: (bytes) => {
              if (!lives() || state !== 'open') return;
              tap.heardByBoard(number, bytes);
              told.bytes(bytes);
            },
            closed: () => close('cut'),
          },
          cloudEnd,
        ),
      seats.map(({ thingName }) => thingName),
    );
    wire = mine;
    plan(chance.between(10, 200), () => {
      if (mine === undefined) return close('connection refused');
      if (state !== 'opening') return;
      state = 'open';
      told.opened();
    });
    return {
      onOpened: (tell) => {
        told.opened = tell;
      },
      onBytes: (take) => {
        told.bytes = take;
      },
      onClosed: (tell) => {
        told.closed = tell;
      },
      write: (bytes) => {
        outward(1, () => {
          if (state !== 'open') return;
          tap.fromBoard(number, bytes);
          mine?.fromBoard(bytes);
        });
        return true;
      },
      close: () => {
        if (!lives()) return;
        mine?.closeByBoard();
        plan(chance.between(1, 30), () => close());
      },
    };
  }

  /** A command whose job is over at the service is stopped, once it can be. */
  function watch(): void {
    timeline.plan(WATCH_MILLIS, () => {
      // One side has cut the wire, and the other is still to find out.
      if (wire?.isWhole() === false) for (const seat of seats) seat.calmSince = timeline.now();
      for (const { running, calmSince, thingName } of seats) {
        if (!online || running === undefined || running.endsAt < timeline.now()) continue;
        const over = world.checks.overSince(running.at, running.name);
        if (over !== undefined && timeline.now() > Math.max(over, calmSince) + STOP_MILLIS_MAX)
          world.blame(`${thingName} goes on with ${running.name} long after its job had ended at the service`);
      }
      watch();
    });
  }

  watch();

  function powerOn(): void {
    const mine = ++life;
    world.trace(`${name} starts`);
    world.cloud.tap(name).forgetBoard();
    online = false;
    const around = surroundings(mine);
    const opened = openFleet(
      {
        ca: '',
        cert: '',
        key: '',
        clientId: name,
        data: `/${name}`,
        hardware: new Map(),
        imageBytesMax: Infinity,
        keepAliveSeconds: 60,
        retryMaxMillis: 64_000,
        own: new Map(),
        ports: seats.map(({ thingName, device: { port } }) => ({
          port,
          bauds: [115_200],
          lines: undefined,
          answerMillis: undefined,
          addresses: [0],
          things: new Map([[0, thingName]]),
        })),
      },
      {} as SerialShell,
      () => () => around.connect(),
      (level, message, jobId) => {
        if (life !== mine || level === 'debug') return;
        world.trace(`${name} ${level}: ${jobId ? `${jobId}: ` : ''}${message}`);
        if (!message.startsWith(`${name}: `)) return;
        online = message.startsWith(`${name}: connected`);
        for (const seat of seats) seat.calmSince = timeline.now();
      },
      around,
    );
    if (life === mine) fleet = opened;
  }

  function off(most: number): void {
    life++;
    fleet = undefined;
    online = false;
    wire = undefined;
    timeline.plan(chance.between(100, most), powerOn);
  }

  function cutPower(): void {
    if (life % 2 === 0) return;
    world.trace(`${name} power cut`);
    world.count('power cuts');
    wire?.cut();
    off(chance.is(0.1) ? LONG_OFF_MILLIS_MAX : OFF_MILLIS_MAX);
  }

  return {
    thingName: name,
    atRest: () => life % 2 === 1 && online && seats.every(({ record }) => record === undefined),
    doing: () =>
      [
        life % 2 === 1 ? (online ? 'online' : 'offline') : 'off',
        ...seats.map(({ thingName, record }) => `${thingName}: ${record ? JSON.stringify(record) : 'idle'}`),
      ].join(', '),
    powerOn,
    cutPower,
    stop() {
      const mine = life;
      if (fleet === undefined) return;
      world.count('clean stops');
      world.trace(`${name} is to stop`);
      const opened = fleet;
      void opened
        .end()
        .then(() => opened.close())
        .then(() => {
          if (life === mine) off(OFF_MILLIS_MAX);
        });
    },
  };
}

/** Steps of a job by the numbers that their commands carry. */
const STEPS_MAX = 16;

export function idOf(jobNumber: number, step: number): number {
  return jobNumber * STEPS_MAX + step + 1;
}

function nameOf(id: number): string {
  return `s${Math.floor((id - 1) / STEPS_MAX)}.${(id - 1) % STEPS_MAX}`;
}
