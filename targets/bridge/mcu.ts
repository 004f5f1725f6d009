/** One microcontroller as a Thing: the core, its record on disk, its place on a connection, and the tasks of its steps. */
import { createGuest, type GuestEffect, type GuestEvent, type JobAt, stepGuest } from '../../runtime/device/guest.ts';
import type { Millis } from '../../runtime/effects.ts';
import { createCommandTask } from '../../runtime/serial/commandTask.ts';
import { createFlashTask } from '../../runtime/serial/flashTask.ts';
import type { DeviceHello } from '../../runtime/serial/hello.ts';
import type { Progress, TaskOutcome } from '../../runtime/serial/task.ts';
import type { Log } from '../sbc/log.ts';
import type { Alarm } from './clock.ts';
import { showValue } from './commandArguments.ts';
import type { Connection, Passenger } from './connection.ts';
import { NoImage, shown } from './image.ts';
import { runNumber, workOf } from './stepWork.ts';
import { SYSTEM } from './surroundings.ts';
import { createTaskRunner, type Station } from './taskRunner.ts';

/** The least time between two reports of how far a step is: each is a message, and one more version of the execution. */
const PROGRESS_MILLIS = 5_000;

export interface McuOptions {
  thingName: string;
  /** The file of its record. */
  record: string;
  /** Where images are kept; made when the first one is fetched. */
  images: string;
  imageBytesMax: number;
  /** PEM: an authority to trust for images, beside those of the system. */
  ca: string;
}

export interface Mcu extends Passenger {
  /** Which connection to publish on; given before anything else is told. */
  board(connection: Connection): void;
  /** It answers at this station, for the first time or after a reset. */
  attach(station: Station, device: DeviceHello): void;
  detach(reason: string): void;
  /** A line that it printed. */
  text(line: string): void;
  /** Ends: what runs on the microcontroller goes on, and the next start takes it up. Resolves when nothing is left to be told. */
  end(): Promise<void>;
}

/** @throws Error of the system when the record cannot be opened */
export function createMcu(options: McuOptions, log: Log, around = SYSTEM): Mcu {
  const { clock, ring } = around;
  const { thingName, record: file, images, imageBytesMax, ca } = options;
  const record = around.openRecord(file);
  const tasks = createTaskRunner(around);
  let guest = createGuest(thingName);
  let connection: Connection | undefined;
  const events: GuestEvent[] = [];
  let stepping = false;
  let timer: Alarm | undefined;
  /** Of the step that runs. */
  let current: { run: number; download: AbortController | undefined; toldAt: Millis; told: string } | undefined;
  let ended: () => void;
  const over = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const say: Log = (level, message, jobId) => log(level, `${thingName}: ${message}`, jobId);

  function tell(event: GuestEvent): void {
    events.push(event);
    if (stepping) return;
    stepping = true;
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const [after, effects] = stepGuest(guest, next, clock());
      guest = after;
      for (const effect of effects) carryOut(effect);
    }
    stepping = false;
  }

  function carryOut(effect: GuestEffect): void {
    switch (effect.do) {
      case 'publish':
        return connection?.publish(effect);
      case 'persist':
        return persist(effect.record);
      case 'run':
        return run(effect);
      case 'abandon':
        return abandon(effect);
      case 'signal':
        return signal(effect);
      case 'wake':
        timer?.cancel();
        if (effect.at !== undefined) timer = ring(effect.at, () => tell({ on: 'wake' }));
        return;
      case 'log':
        return say(effect.level, effect.message, effect.jobId);
      case 'exit':
        timer?.cancel();
        current?.download?.abort();
        tasks.drop();
        record.close();
        return ended();
    }
  }

  function persist(bytes: Uint8Array): void {
    try {
      record.persist(bytes);
      events.push({ on: 'persisted' });
    } catch (error) {
      events.push({ on: 'unpersisted', reason: (error as Error).message });
    }
  }

  function run(effect: Extract<GuestEffect, { do: 'run' }>): void {
    const mine = { run: effect.run, download: undefined, toldAt: -Infinity, told: '' };
    current = mine;
    const work = workOf(thingName, effect.step, effect);
    if (typeof work === 'string') return exited({ error: `step '${effect.step.name}': ${work}` });
    if (effect.resumed)
      say('info', `'${effect.step.name}' was cut off by an end of the bridge: taken up again`, effect.job.jobId);
    if (work.kind === 'flash') return void flash(work, effect.run);
    tasks.start(createCommandTask({ ...work, resumed: effect.resumed }, clock()), listenerOf(effect.run));
  }

  /** The job is gone, and its command may still run. */
  function abandon(at: JobAt): void {
    const run = runNumber(thingName, at);
    const task = createCommandTask(
      { run, command: 'the abandoned command', body: new Uint8Array(), resumed: true },
      clock(),
    );
    tasks.start(task, { ended: ({ reason }) => say('info', `abandoned: ${reason}`, at.job.jobId) });
    tasks.stop();
  }

  /** The image comes to the bridge first, whole and checked: a slow network does not hold the line. */
  async function flash(work: Extract<ReturnType<typeof workOf>, { kind: 'flash' }>, run: number): Promise<void> {
    const download = new AbortController();
    current = { ...current!, download };
    const { source } = work;
    try {
      const image = await around.fetchImage(source, images, {
        bytesMax: imageBytesMax,
        ca,
        progress: (bytes, total) =>
          progress(run, {
            words: `downloading ${shown(source.source)}`,
            ...(total ? { percent: Math.floor((100 * bytes) / total) } : {}),
          }),
        stopped: download.signal,
      });
      if (current?.run !== run) return;
      const sha256 = Uint8Array.from(Buffer.from(source.sha256, 'hex'));
      tasks.start(createFlashTask({ image, sha256, slot: work.slot }, clock()), listenerOf(run));
    } catch (error) {
      if (current?.run !== run) return;
      if (!(error instanceof NoImage)) say('error', `the image could not be kept: ${(error as Error).message}`);
      exited({ error: `flash: ${(error as Error).message}` });
    }
  }

  function listenerOf(run: number) {
    return {
      progress: (how: Progress) => progress(run, how),
      ended: ({ succeeded, reason, result }: TaskOutcome) => {
        if (current?.run !== run) return; // it was given up: nobody asks how it ended
        const value = result === undefined ? '' : showValue(result);
        if (value) tell({ on: 'output', run, stream: 'stdout', text: `${value}\n` });
        const said = value ? `${reason}, result ${value}` : reason;
        exited(succeeded ? { code: 0, error: said } : { error: said });
      },
    };
  }

  function exited(how: { code?: number; signal?: string; error?: string }): void {
    if (current === undefined) return;
    const { run } = current;
    current = undefined;
    tell({ on: 'exited', run, ...how });
  }

  /** Told at once, then at intervals: the last word is the outcome's. */
  function progress(run: number, { percent, words }: Progress): void {
    if (current?.run !== run) return;
    const told = `${percent} ${words}`;
    if (told === current.told || clock() < current.toldAt + PROGRESS_MILLIS) return;
    Object.assign(current, { told, toldAt: clock() });
    const details = { ...(percent === undefined ? {} : { percent: `${percent}` }), ...(words ? { doing: words } : {}) };
    tell({ on: 'progress', run, details });
  }

  function signal({ run, signal }: Extract<GuestEffect, { do: 'signal' }>): void {
    if (current?.run !== run) return;
    if (signal === 'SIGTERM') {
      if (current.download) current.download.abort();
      return tasks.stop();
    }
    // Nobody waits for it any more; the microcontroller is told as soon as it answers.
    exited({ signal });
  }

  if (record.warning) say('warn', record.warning);
  return {
    thingName,
    board: (mine) => {
      connection = mine;
      tell({ on: 'boot', record: record.record, seed: around.randomInt(0, 2 ** 32) });
    },
    connected: () => tell({ on: 'connected' }),
    disconnected: () => tell({ on: 'disconnected' }),
    message: (topic, payload) => tell({ on: 'message', topic, payload }),
    attach: (station, device) => {
      tasks.attach(station, device);
      tell({ on: 'present' });
    },
    detach: (reason) => {
      tasks.detach(reason);
      tell({ on: 'absent' });
    },
    text: (line) => {
      say('info', `says: ${line}`);
      if (current) tell({ on: 'output', run: current.run, stream: 'stdout', text: `${line}\n` });
    },
    end: () => {
      tell({ on: 'stop' });
      return over;
    },
  };
}
