import { join } from 'node:path';
import type { Effect, Event, Millis } from '../../runtime/effects.ts';
import { WITH_GUARDS } from '../../runtime/parts.ts';
import { checkClosed } from '../../transports/handlers.ts';
import { type Lock, lockFolder } from '../../transports/lock.ts';
import { type Loop, startLoop } from '../../transports/loop.ts';
import { killOrphans } from '../../transports/orphans.ts';
import { makeFolders, openRecord } from '../../transports/record.ts';
import type { Connect } from '../../transports/transport.ts';
import type { Log } from './log.ts';
import { runPrograms } from './parts.ts';
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
  const { data } = settings;
  const work = join(data, 'work');
  const { lock, record } = await takeFolder(data, (lock) => {
    makeFolder(work);
    return { lock, record: openRecord(join(data, 'record')) };
  });
  if (record.warning) log('warn', record.warning);
  // Before anything is reported or begun anew: no program runs beside its repetition, its clean-up, or the next job.
  if (WITH_GUARDS && record.record) await killOrphans(record.mark!());
  let loop: Loop;
  const tell = (event: Event) => loop.tell(event);
  const programs = runPrograms({ ...settings, work, tell, ...(WITH_GUARDS && { mark: record.mark }) });
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
    lock.release();
  });
}

/**
 * Makes the data folder, takes it for this process alone, and gives what `use` makes of it.
 *
 * @throws Failure; nobody has the folder then
 */
export async function takeFolder<Used>(data: string, use: (lock: Lock) => Used): Promise<Used> {
  let lock: Lock | undefined;
  try {
    makeFolder(data);
    lock = await lockFolder(data);
    if (lock === undefined) throw new Error('another agent uses it; give each one its own');
    return use(lock);
  } catch (error) {
    lock?.release();
    throw new Failure(`the data folder ${data} cannot be used: ${(error as Error).message}`);
  }
}

/** Makes a folder of our own; one that is there must be ours alone to change. */
export function makeFolder(folder: string): void {
  makeFolders(folder);
  checkClosed(folder, 'w');
}
