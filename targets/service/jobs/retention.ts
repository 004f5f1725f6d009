import { inTransaction } from '../store/open.ts';
import { deleteEndedJobs, loadEnded, oldestJobMillis } from '../store/retention.ts';
import type { Connection } from '../store/statement.ts';
import type { Clock } from './clock.ts';
import { tellOfJob } from './events.ts';
import { changeAll } from './jobTick.ts';
import { CHANGE_CHUNK_MAX, RETENTION_EVERY_MILLIS, TICK_ROUNDS_MAX } from './limits.ts';
import type { Change } from './storedExecution.ts';

/**
 * Forgets what ended long ago (control-plane §4, retention of job data): whole jobs once they and all their executions have,
 * and executions of jobs that go on. Looked at once a day from when the oldest job is old enough.
 */
export function createRetention(store: Connection, clock: Clock, retentionMillis: number) {
  /** When it was looked at last, all of it. */
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** When there may be something to forget; undefined: there are no jobs. */
  async function due(): Promise<number | undefined> {
    const oldest = await oldestJobMillis(store);
    return oldest === undefined ? undefined : Math.max(oldest + retentionMillis + 1, lookedAt + RETENTION_EVERY_MILLIS);
  }

  /** Forgets what is due, at most as much as one tick may do. @returns what was deleted, and whether that was all */
  async function forget(): Promise<{ changes: Change[]; finished: boolean }> {
    const changes: Change[] = [];
    const dueMillis = await due();
    if (dueMillis === undefined || dueMillis > clock.now()) return { changes, finished: true };
    const nowMillis = clock.now();
    const beforeMillis = nowMillis - retentionMillis;
    // One at a time: an operator may have ten deleted at once.
    const deleted = await inTransaction(store, async (tx) => {
      const jobs = await deleteEndedJobs(tx, beforeMillis, nowMillis, 1);
      for (const job of jobs) await tellOfJob(tx, job, 'deletion_in_progress', nowMillis);
      return jobs;
    });
    if (deleted.length > 0) return { changes, finished: false };
    for (let round = 0; round < TICK_ROUNDS_MAX; round++) {
      const { ended, written } = await inTransaction(store, async (tx) => {
        const ended = await loadEnded(tx, beforeMillis, CHANGE_CHUNK_MAX);
        return { ended, written: await changeAll(tx, ended, () => undefined, nowMillis) };
      });
      changes.push(...written);
      if (ended.length < CHANGE_CHUNK_MAX) {
        lookedAt = nowMillis;
        return { changes, finished: true };
      }
    }
    return { changes, finished: false };
  }

  return { due, forget };
}
