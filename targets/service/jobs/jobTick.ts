import { STATUSES } from '../../../runtime/jobs/execution.ts';
import { writeChanges } from '../store/executions.ts';
import {
  addCounts,
  type Counts,
  type JobRow,
  loadCounts,
  loadMembers,
  loadOpenTargets,
  moveCursor,
  type OpenTarget,
  removeJob,
  takeDeltas,
  takeJob,
  writeJob,
} from '../store/jobs.ts';
import { loadOfJob, loadQueues } from '../store/loadExecutions.ts';
import type { Connection } from '../store/statement.ts';
import type { Clock } from './clock.ts';
import { ownGroup } from './control/targets.ts';
import { moved } from './decide.ts';
import { tellOfJob } from './events.ts';
import type { JobConfig } from './jobConfig.ts';
import { CHANGE_CHUNK_MAX, NOTIFY_BUSY_MILLIS, ROLLOUT_CHUNK_MAX } from './limits.ts';
import { queueForMembers } from './membership.ts';
import { countOf, mustAbort, nextSlotMillis, ratePerMinute, refill } from './rollout.ts';
import { keepSchedule, reveal, show } from './scheduleTick.ts';
import { type Change, changeOf, type StoredExecution } from './storedExecution.ts';

/** The things whose notification was written, to be sent after the commit. */
export type ToNotify = number[];

/**
 * One tick of one job, for use inside a transaction: any worker may do it, the row is its own for so long (scale.md §3.4).
 * Folds the counters, creates, cancels or deletes the next executions, and ends the job when nothing is left to wait for.
 *
 * @returns undefined when the job is gone, or another worker has it at this moment
 */
export async function tickJob(tx: Connection, jobNo: number, clock: Clock): Promise<ToNotify | undefined> {
  const job = await takeJob(tx, jobNo);
  if (job === undefined) return undefined;
  if (job.status === 'DELETION_IN_PROGRESS') return deleteSome(tx, job, clock);
  let folded = await takeDeltas(tx, jobNo);
  let counts = plus(await loadCounts(tx, jobNo), folded);
  const before = { ...job };
  let things: ToNotify = [];
  if (job.status === 'IN_PROGRESS' || job.status === 'SCHEDULED') {
    const config: JobConfig = JSON.parse(job.config);
    if (mustAbort(config.abortConfig, counts)) abort(job, clock);
    else await keepSchedule(tx, job, config.schedulingConfig, clock.now());
    if (isCanceled(job)) await tellOfJob(tx, job, 'cancellation_in_progress', clock.now());
  }
  const revealed = await reveal(tx, job, before, clock.now());
  const isLive = job.status === 'IN_PROGRESS' || job.status === 'SCHEDULED';
  if (job.status === 'IN_PROGRESS' && isDue(job, clock)) {
    things = await rollOut(tx, job, JSON.parse(job.config), counts, clock);
    const created = await takeDeltas(tx, jobNo);
    folded = plus(folded, created);
    counts = plus(counts, created);
  }
  if (isLive && countOf(counts, 'QUEUED') + countOf(counts, 'IN_PROGRESS') === 0) {
    if (await mayEnd(tx, job, clock)) {
      complete(job, clock);
      await tellOfJob(tx, job, 'completed', clock.now(), counts);
    }
  }
  if (job.status === 'CANCELED' && (isDue(job, clock) || countOf(counts, 'QUEUED') > 0)) {
    // Where there are several writers a retry may have been queued while the last of the others were cancelled.
    const wasDue = isDue(job, clock);
    things = await cancelSome(tx, job, clock);
    if (wasDue && job.next_tick === null) await tellOfJob(tx, job, 'canceled', clock.now());
    folded = plus(folded, await takeDeltas(tx, jobNo));
  }
  if (job.status === 'COMPLETED') job.next_tick = null;
  await addCounts(tx, jobNo, folded);
  if (JSON.stringify(job) !== JSON.stringify(before)) await writeJob(tx, job);
  return [...things, ...revealed];
}

/**
 * Changes executions by one rule each: what they shall be, undefined where they are deleted, a word where they are left alone.
 * Those that were overtaken by a device are left for the next tick.
 */
export async function changeAll(
  tx: Connection,
  executions: readonly StoredExecution[],
  change: (execution: StoredExecution) => StoredExecution | undefined | string,
  nowMillis: number,
): Promise<Change[]> {
  const keys = executions.map(({ thingNo }) => ({ thing: thingNo, depth: 2, withDocument: false }));
  const queues = await loadQueues(tx, keys);
  const changes = executions.flatMap((before, i) => {
    const after = change(before);
    return typeof after === 'string' ? [] : [changeOf(queues[i] ?? [], before, after)];
  });
  return writeChanges(tx, changes, nowMillis, nowMillis + NOTIFY_BUSY_MILLIS);
}

/** The things that changes have something to tell to. */
export function toNotify(changes: readonly Change[]): ToNotify {
  return changes.filter(({ notify, notifyNext }) => notify || notifyNext).map(({ before }) => before.thingNo);
}

/** A snapshot ends when all of it has; a continuous job waits for those who come later, until its endTime (state-machine §5). */
async function mayEnd(tx: Connection, job: JobRow, clock: Clock): Promise<boolean> {
  const hasEnded = job.ends_at !== null && job.ends_at <= clock.now();
  if (job.started === 0 || job.next_tick !== null || (job.target_selection === 'CONTINUOUS' && !hasEnded)) return false;
  return job.status === 'IN_PROGRESS' || (await loadOpenTargets(tx, { jobNo: job.job_no })).length === 0;
}

/** What is asked of a row that was changed in between, which the compiler does not see. */
function isCanceled(job: JobRow): boolean {
  return job.status === 'CANCELED';
}

function isDue(job: JobRow, clock: Clock): boolean {
  return job.next_tick !== null && job.next_tick <= clock.now();
}

async function rollOut(
  tx: Connection,
  job: JobRow,
  config: JobConfig,
  counts: Counts,
  clock: Clock,
): Promise<ToNotify> {
  const perMinute = ratePerMinute(config.jobExecutionsRolloutConfig, counts);
  const bucket = refill({ tokens: job.tokens, tokensAtMillis: job.tokens_at }, perMinute, clock.now());
  const created: ToNotify = [];
  let open = await loadOpenTargets(tx, { jobNo: job.job_no });
  // What one tick may create, and how many members it may look at for that: a thing that has its execution costs no token.
  let mayCreate = Math.min(Math.floor(bucket.tokens + 1e-9), ROLLOUT_CHUNK_MAX);
  let mayLookAt = ROLLOUT_CHUNK_MAX;
  const atMillis = clock.stamp();
  while (open[0] !== undefined && mayCreate > 0 && mayLookAt > 0) {
    const { things, looked, done } = await rollOutInto(tx, job, open[0], Math.min(mayCreate, mayLookAt), atMillis);
    created.push(...things);
    mayCreate -= things.length;
    mayLookAt -= Math.max(1, looked);
    if (done) open = open.slice(1);
  }
  bucket.tokens = Math.max(0, bucket.tokens - created.length);
  job.tokens = bucket.tokens;
  job.tokens_at = bucket.tokensAtMillis;
  if (open.length === 0) job.next_tick = null;
  else job.next_tick = bucket.tokens >= 1 ? clock.now() : nextSlotMillis(bucket, perMinute);
  return created;
}

async function rollOutInto(tx: Connection, job: JobRow, target: OpenTarget, limit: number, atMillis: number) {
  const { grp, cursor, max_seq: maxSeq } = target;
  const members = await loadMembers(tx, { grp, cursor, maxSeq, limit });
  const list = members.map((member) => member.thing_no);
  const things = await queueForMembers(tx, job, list, atMillis);
  const last = members.at(-1)?.seq ?? maxSeq;
  target.cursor = members.length < limit ? maxSeq : last;
  await moveCursor(tx, { jobNo: job.job_no, grp, cursor: target.cursor });
  return { things, looked: members.length, done: target.cursor >= maxSeq };
}

async function cancelSome(tx: Connection, job: JobRow, clock: Clock): Promise<ToNotify> {
  const force = job.force_canceled === 1;
  const statuses = force ? (['QUEUED', 'IN_PROGRESS'] as const) : (['QUEUED'] as const);
  const executions = await loadOfJob(tx, job.job_no, statuses, CHANGE_CHUNK_MAX);
  const nowMillis = clock.now();
  const changes = await changeAll(tx, executions, (execution) => canceled(execution, force, nowMillis), nowMillis);
  const isLast = executions.length < CHANGE_CHUNK_MAX && changes.length === executions.length;
  job.next_tick = isLast ? null : nowMillis;
  // What still runs outside of a window is seen again, as there will be no window any more.
  if (isLast && job.hidden === 1) show(job, 'IN_PROGRESS', nowMillis);
  return toNotify(changes);
}

/** Its row stays due until the last execution is gone, and goes with it. */
async function deleteSome(tx: Connection, job: JobRow, clock: Clock): Promise<ToNotify> {
  const executions = await loadOfJob(tx, job.job_no, STATUSES, CHANGE_CHUNK_MAX);
  const changes = await changeAll(tx, executions, () => undefined, clock.now());
  const isLast = executions.length < CHANGE_CHUNK_MAX && changes.length === executions.length;
  if (isLast) {
    await removeJob(tx, job.job_no, ownGroup(job.job_id));
    await tellOfJob(tx, job, 'deleted', clock.now());
  }
  return toNotify(changes);
}

/** An execution cancelled by an operator, or why it cannot be. */
function canceled(
  execution: StoredExecution,
  force: boolean,
  nowMillis: number,
): StoredExecution | 'VersionMismatch' | 'InvalidStateTransition' {
  const after = moved(execution, { by: force ? 'operatorWithForce' : 'operator', to: 'CANCELED', nowMillis });
  if (typeof after !== 'string') after.forceCanceled = force;
  return after;
}

function abort(job: JobRow, clock: Clock): void {
  job.status = 'CANCELED';
  job.reason_code = 'JOB_ABORTED';
  job.comment = 'The job was cancelled because a criterion of its abortConfig was met';
  job.last_updated_at = clock.now();
  job.next_tick = clock.now();
  job.alarm = null;
}

function complete(job: JobRow, clock: Clock): void {
  job.status = 'COMPLETED';
  job.completed_at = job.last_updated_at = clock.now();
  job.alarm = job.reveal = null;
  job.hidden = 0;
}

function plus(a: Counts, b: Counts): Counts {
  const sum: Counts = new Map(a);
  for (const [status, n] of b) sum.set(status, (sum.get(status) ?? 0) + n);
  return sum;
}
