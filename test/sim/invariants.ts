import { isPending, isTerminal, mayMove, PARTIES } from '../../runtime/jobs/execution.ts';
import { Broken } from './broken.ts';
import type { JobSeen, Row } from './changeLog.ts';

/** What is written with all terminal statuses that an execution reaches by its device, or by a timer that its device started. */
const MOVED_BY_DEVICE: ReadonlySet<string> = new Set(['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT']);

/** An execution as people know it. */
export function nameOf(row: Row, job: JobSeen | undefined): string {
  return `${job?.jobId ?? `job ${row.jobNo}`}#${row.no} of thing ${row.thingNo}`;
}

/**
 * A new execution (state-machine §10: 2 the version begins at 1, 3 no startedAt, 4 the order of its times).
 *
 * @param latestNo  the highest number that its thing has in this job; 0: none. A number is free again once its execution is deleted (§7)
 */
export function checkNew(row: Row, before: Row | undefined, latestNo: number, job: JobSeen | undefined): void {
  const name = nameOf(row, job);
  if (row.no !== latestNo + 1)
    throw new Broken(`${name} is made, and the one before has number ${latestNo} (§4, §5.1)`);
  if (row.status !== 'QUEUED' || row.ver !== 1) throw new Broken(`${name} begins as ${row.status}, version ${row.ver}`);
  if (row.startedAt !== null || row.deadline !== null) throw new Broken(`${name} begins with a start or a timer`);
  if (row.updatedAt !== row.queuedAt) throw new Broken(`${name}: its times are out of order (invariant 4)`);
  if (before !== undefined && !isTerminal(before.status))
    throw new Broken(`${name} is made while number ${before.no} is ${before.status}`);
  if (row.attempt > 0) checkRetry(row, before, job, name);
}

/** A retry follows a failure of its own kind, and no more of them than the job allows (state-machine §4). */
function checkRetry(row: Row, before: Row | undefined, job: JobSeen | undefined, name: string): void {
  if (before?.status !== 'FAILED' && before?.status !== 'TIMED_OUT')
    throw new Broken(`${name} tries again what is ${before?.status ?? 'not there'}`);
  if (row.attempt !== before.attempt + 1) throw new Broken(`${name} is attempt ${row.attempt} after ${before.attempt}`);
  if (before.hasLeft === 1 || (job?.status !== 'IN_PROGRESS' && job?.status !== 'SCHEDULED'))
    throw new Broken(`${name} tries again, and its job is ${job?.status}, or its thing has left it`);
  if (!mayRetry(before, job)) throw new Broken(`${name}: a retry more than its job allows`);
}

/** Whether one more attempt is due after this end. Counts by itself, from the attempts before. */
export function mayRetry(ended: Row, job: JobSeen | undefined): boolean {
  if (ended.status !== 'FAILED' && ended.status !== 'TIMED_OUT') return false;
  const done = { ALL: ended.attempt, TIMED_OUT: ended.timedOutRetries, FAILED: ended.attempt - ended.timedOutRetries };
  return (job?.retry ?? []).some(
    ({ failureType, numberOfRetries }) =>
      (failureType === 'ALL' || failureType === ended.status) && done[failureType] < numberOfRetries,
  );
}

/** One change of one execution, by whoever (state-machine §10: 1, 2, 3, 4, 9, 10). */
export function checkChange(old: Row, row: Row, job: JobSeen | undefined, wall: number, thingGone: boolean): void {
  const name = nameOf(row, job);
  if (isOnlyLeft(old, row)) return; // its thing has left the job's targets: nobody is told a version
  if (isTerminal(old.status)) throw new Broken(`${name}: ${old.status} was left for ${row.status} (invariants 1, 10)`);
  if (row.ver !== old.ver + 1)
    throw new Broken(`${name}: ${old.status} to ${row.status} from version ${old.ver} to ${row.ver} (invariant 2)`);
  const allowed = PARTIES.some((by) => mayMove(old.status, by, row.status)) || (thingGone && row.status === 'REMOVED');
  if (!allowed) throw new Broken(`${name}: ${old.status} to ${row.status} is not in the table (invariant 1)`);
  if (row.queuedAt !== old.queuedAt || row.attempt !== old.attempt) throw new Broken(`${name} became another one`);
  checkStarted(old, row, name);
  checkTimers(old, row, job, name, wall);
}

function isOnlyLeft(old: Row, row: Row): boolean {
  return JSON.stringify({ ...old, hasLeft: 0 }) === JSON.stringify({ ...row, hasLeft: 0 });
}

function checkStarted(old: Row, row: Row, name: string): void {
  if (old.startedAt !== null && row.startedAt !== old.startedAt) throw new Broken(`${name}: its startedAt was changed`);
  if (MOVED_BY_DEVICE.has(row.status) && row.startedAt === null)
    throw new Broken(`${name}: ${row.status} without startedAt (invariant 3)`);
  if (!MOVED_BY_DEVICE.has(row.status) && row.startedAt !== old.startedAt)
    throw new Broken(`${name}: ${row.status} with a startedAt, and no device moved it (invariant 3)`);
  const started = row.startedAt ?? row.queuedAt;
  if (!(row.queuedAt <= started && started <= row.updatedAt && old.updatedAt <= row.updatedAt))
    throw new Broken(`${name}: its times are out of order (invariant 4)`);
}

/** The in-progress timer starts once and stays; the deadline is the earlier of the two; nothing ends before it (state-machine §3). */
function checkTimers(old: Row, row: Row, job: JobSeen | undefined, name: string, wall: number): void {
  const { inProgressDeadline, stepDeadline, deadline } = row;
  if (isTerminal(row.status)) {
    if (deadline !== null) throw new Broken(`${name}: ${row.status}, but its timer runs`);
    if (row.status === 'TIMED_OUT' && (old.deadline === null || old.deadline > wall))
      throw new Broken(`${name} timed out ${(old.deadline ?? Infinity) - wall} ms early`);
    return;
  }
  if (inProgressDeadline !== null && (deadline === null || deadline > inProgressDeadline))
    throw new Broken(`${name}: its deadline is later than the in-progress timer's (invariant 9)`);
  const due = Math.min(inProgressDeadline ?? Infinity, stepDeadline ?? Infinity);
  if ((deadline ?? Infinity) !== due) throw new Broken(`${name}: its deadline is not the earlier of its two`);
  if (isPending(old.status) && old.status === 'IN_PROGRESS' && inProgressDeadline !== old.inProgressDeadline)
    throw new Broken(`${name}: its in-progress timer was started again`);
  if (old.status === 'QUEUED' && job !== undefined) {
    const expected = job.inProgressMinutes === null ? null : row.updatedAt + job.inProgressMinutes * 60_000;
    if (inProgressDeadline !== expected) throw new Broken(`${name}: its in-progress timer was not started`);
  }
}
