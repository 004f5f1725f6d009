import { mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Effect, Event, Millis } from '../../runtime/effects.ts';
import { type Lock, lockFolder } from '../../transports/lock.ts';
import { type Loop, startLoop } from '../../transports/loop.ts';
import { createPrograms } from '../../transports/programs.ts';
import { openRecord, syncFolder } from '../../transports/record.ts';
import type { Connect } from '../../transports/transport.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';

/** The pure core: runtime/device/device.ts, or a test's. */
export interface Core<State> {
  state: State;
  step: (state: State, event: Event, now: Millis) => [State, Effect[]];
}

/** The agent cannot start; the message is one sentence. */
export class Failure extends Error {}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs one agent until it was told to stop (SIGTERM, SIGINT; a second one does not wait) and the core has ended.
 *
 * The data folder holds `record` (the two slots), `work` (where programs start) and the socket that keeps a second agent out.
 *
 * @throws Failure when the data folder cannot be used; whatever the core threw
 */
export async function runAgent<State>(
  core: Core<State>,
  settings: Pick<Settings, 'data' | 'handlers' | 'thingName'>,
  connect: Connect,
  log: Log,
): Promise<void> {
  const { data, handlers, thingName } = settings;
  const work = join(data, 'work');
  attempt(`the data folder ${data} cannot be used`, () => {
    makeFolder(data);
    makeFolder(work);
  });
  const lock = await lockData(data);
  try {
    const record = attempt('the record cannot be used', () => openRecord(join(data, 'record')));
    if (record.warning) log('warn', record.warning);
    let loop: Loop;
    const tell = (event: Event) => loop.tell(event);
    const programs = createPrograms({ thingName, handlers, work, tell });
    loop = startLoop(core.state, core.step, {
      connect,
      record,
      programs,
      log: ({ level, message, jobId }) => log(level, message, jobId),
    });
    const stop = () => tell({ on: 'stop' });
    for (const signal of STOP_SIGNALS) process.on(signal, stop);
    tell({ on: 'boot', record: record.record, seed: Math.floor(Math.random() * 2 ** 32) });
    await loop.ended.finally(() => {
      for (const signal of STOP_SIGNALS) process.off(signal, stop);
      programs.end();
      record.close();
    });
  } finally {
    lock.release();
  }
}

/** Makes a folder of our own, and its name durable in the one above; one that is there must be ours alone to change. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let made = folder; first !== undefined && made.startsWith(first); made = dirname(made))
    syncFolder(dirname(made));
  const { mode } = statSync(folder);
  if ((mode & 0o022) !== 0) throw new Error(`others may write to ${folder}; run: chmod go-w ${folder}`);
}

async function lockData(data: string): Promise<Lock> {
  const lock = await lockFolder(data).catch((error: Error) => {
    throw new Failure(`the data folder ${data} cannot be locked: ${error.message}`);
  });
  if (lock === undefined) throw new Failure(`another agent uses the data folder ${data}: give each one its own`);
  return lock;
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Failure(`${what}: ${(error as Error).message}`);
  }
}
