import type { Status } from '../../../runtime/jobs/execution.ts';
import { loadDueJobs, loadJobsWithDeltas, nextDueMillis } from '../store/jobs.ts';
import { loadDue } from '../store/loadExecutions.ts';
import { nextLeftNotificationMillis, takeLeftNotifications } from '../store/notifications.ts';
import { inTransaction } from '../store/open.ts';
import type { Connection } from '../store/statement.ts';
import type { Clock } from './clock.ts';
import { moved } from './decide.ts';
import { changeAll, type ToNotify, tickJob, toNotify } from './jobTick.ts';
import {
  CHANGE_CHUNK_MAX,
  FOLD_AFTER_MILLIS,
  LOOK_EVERY_MILLIS,
  NOTIFY_BUSY_MILLIS,
  SWEEP_MAX,
  TAKEN_AGAIN_MILLIS,
  TICK_ROUNDS_MAX,
} from './limits.ts';
import { createRetention } from './retention.ts';
import type { Change } from './storedExecution.ts';

export interface TicksOptions {
  store: Connection;
  clock: Clock;
  send: (things: ToNotify) => void;
  /** How long ended jobs and executions are kept. */
  retentionMillis: number;
  /** Other processes do the same on this store. */
  isShared: boolean;
  /** Told of the status that an execution came into. */
  onStatus: (status: Status) => void;
  /** Lets requests in between two transactions. */
  breathe: () => Promise<void>;
}

/**
 * What happens by itself: timers, roll-outs, cancellations, counters, notifications left behind. All of it are rows with a
 * time, so that it survives a restart, happens once, and any worker can do it.
 */
export function createTicks({ store, clock, send, retentionMillis, isShared, onStatus, breathe }: TicksOptions) {
  const retention = createRetention(store, clock, retentionMillis);
  /** When counters have to be folded; after a start at once, because the last process may have left deltas. */
  let foldAt: number | undefined = 0;
  /** When to look for notifications left behind. */
  let sweepAt: number | undefined = 0;
  /** When to look at what others may have left: each process knows only of what it has done itself. */
  let lookAt = isShared ? 0 : undefined;

  /** Does what is due. @returns when it has to be called next, milliseconds since the Unix epoch; undefined: not before something happens */
  async function tick(): Promise<number | undefined> {
    look();
    const finished = (await timeOut()) && (await tickJobs()) && (await fold()) && (await forget());
    await sweep();
    if (!finished) return clock.now();
    const next = earliest([await nextDueMillis(store), foldAt, sweepAt, lookAt, await retention.due()]);
    // What is due still is being done by another process.
    return isShared && next !== undefined && next <= clock.now() ? clock.now() + TAKEN_AGAIN_MILLIS : next;
  }

  function look(): void {
    if (lookAt === undefined || lookAt > clock.now()) return;
    lookAt = clock.now() + LOOK_EVERY_MILLIS;
    foldAt = sweepAt = clock.now();
  }

  /** Times executions out. @returns false when there are more than one tick does */
  async function timeOut(): Promise<boolean> {
    for (let round = 0; round < TICK_ROUNDS_MAX; round++) {
      const { due, changes } = await inTransaction(store, async (tx) => {
        const nowMillis = clock.now();
        const due = await loadDue(tx, nowMillis, CHANGE_CHUNK_MAX);
        const timedOut = await changeAll(
          tx,
          due,
          (execution) => moved(execution, { by: 'service', to: 'TIMED_OUT', nowMillis }),
          nowMillis,
        );
        return { due, changes: timedOut };
      });
      changed(changes);
      send(toNotify(changes));
      if (due.length < CHANGE_CHUNK_MAX) return true;
      await breathe();
    }
    return false;
  }

  async function tickJobs(): Promise<boolean> {
    for (let round = 0; round < TICK_ROUNDS_MAX; round++) {
      const jobs = await loadDueJobs(store, clock.now(), TICK_ROUNDS_MAX);
      if (jobs.length === 0) return true;
      let mine = 0;
      for (const jobNo of jobs) mine += Number(await tickOne(jobNo));
      if (mine === 0) return true;
    }
    return false;
  }

  async function fold(): Promise<boolean> {
    if (foldAt === undefined || foldAt > clock.now()) return true;
    foldAt = undefined;
    const jobs = await loadJobsWithDeltas(store, TICK_ROUNDS_MAX);
    let mine = 0;
    for (const jobNo of jobs) mine += Number(await tickOne(jobNo));
    if (mine < jobs.length) foldSoon();
    if (jobs.length < TICK_ROUNDS_MAX || mine === 0) return true;
    foldAt = clock.now();
    return false;
  }

  async function forget(): Promise<boolean> {
    const { changes, finished } = await retention.forget();
    if (changes.length > 0) foldSoon();
    return finished;
  }

  /** @returns false when another worker has the job */
  async function tickOne(jobNo: number): Promise<boolean> {
    const things = await inTransaction(store, (tx) => tickJob(tx, jobNo, clock));
    send(things ?? []);
    await breathe();
    return things !== undefined;
  }

  async function sweep(): Promise<void> {
    if (sweepAt === undefined || sweepAt > clock.now()) return;
    const nowMillis = clock.now();
    send(await takeLeftNotifications(store, nowMillis, nowMillis + NOTIFY_BUSY_MILLIS, SWEEP_MAX));
    // Rows taken now are among these: should sending them fail, they are found again.
    sweepAt = await nextLeftNotificationMillis(store);
  }

  /** Counters were changed. @returns when a tick is needed because of it */
  function foldSoon(): number {
    return (foldAt = earliest([foldAt, clock.now() + FOLD_AFTER_MILLIS]) as number);
  }

  /** Takes note of changes that were committed. @returns when a tick is needed because of them */
  function changed(changes: readonly Change[]): number | undefined {
    const moved = changes.filter(({ before, after }) => before.status !== after?.status);
    for (const { after } of moved) if (after !== undefined) onStatus(after.status);
    return moved.length === 0 ? undefined : foldSoon();
  }

  /** Takes note of notifications that could not be sent. @returns when they are tried again */
  function unsent(): number {
    return (sweepAt = earliest([sweepAt, clock.now() + NOTIFY_BUSY_MILLIS]) as number);
  }

  return { tick, changed, foldSoon, unsent };
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const given = times.filter((time) => time !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}
