import { type Execution, isPending, STATUSES, type Status } from '../../../runtime/jobs/execution.ts';
import type { JobRow } from '../store/jobs.ts';
import { retryOf } from './retry.ts';

/** One execution as the store has it. Times are milliseconds since the Unix epoch. */
export interface StoredExecution extends Execution {
  thingNo: number;
  jobNo: number;
  jobId: string;
  executionNumber: number;
  /** clientToken of the last update that was applied. */
  lastToken: string | undefined;
  inProgressDeadlineMillis: number | undefined;
  stepDeadlineMillis: number | undefined;
  forceCanceled: boolean;
  /** Retries that came before it, and how many of them followed a TIMED_OUT. */
  attempt: number;
  timedOutRetries: number;
  /** Its thing has left the targets of a continuous job. */
  hasLeft: boolean;
  jobStatus: JobRow['status'];
  /** Its job is outside of its maintenance windows: it is in no queue, and can still be updated (control-plane §7). */
  hidden: boolean;
  /** Its job has a schedulingConfig. */
  scheduled: boolean;
  /** The document of its job has URLs that are signed when it is delivered. */
  signs: boolean;
  /** Text of the criteria by which its job tries again; undefined: it does not. */
  retryCriteria: string | undefined;
  /** How long executions of its job may be IN_PROGRESS, minutes; undefined: for ever. */
  inProgressMinutes: number | undefined;
  /** Text of the job document; only where it was asked for. */
  document: string | undefined;
}

/** When the execution times out: the earlier of its two deadlines (state-machine §3); undefined: no timer runs. */
export function deadlineOf(execution: StoredExecution): number | undefined {
  const { inProgressDeadlineMillis, stepDeadlineMillis } = execution;
  if (inProgressDeadlineMillis === undefined || stepDeadlineMillis === undefined)
    return inProgressDeadlineMillis ?? stepDeadlineMillis;
  return Math.min(inProgressDeadlineMillis, stepDeadlineMillis);
}

/** One write: the execution as it was read, and as it shall be; undefined: it is deleted. */
export interface Change {
  before: StoredExecution;
  after: StoredExecution | undefined;
  /** The execution that tries again what has failed (state-machine §4). */
  retry: StoredExecution | undefined;
  /** The pending set of the thing changes: it gets a `notify`. */
  notify: boolean;
  /** Another execution comes to the head of its queue, or none: it gets a `notify-next`. */
  notifyNext: boolean;
}

/**
 * What a change does to its thing's queue (data-plane §7).
 *
 * @param queue  the thing's pending executions before the change, in order; the first two are enough
 */
export function changeOf(
  queue: readonly StoredExecution[],
  before: StoredExecution,
  after: StoredExecution | undefined,
): Change {
  const retry = after === undefined || after.status === before.status ? undefined : retryOf(after);
  const joining = [after, retry].filter((one) => one !== undefined && isInQueue(one)) as StoredExecution[];
  const others = queue.filter((execution) => !isSame(execution, before));
  const next = [...others, ...joining].sort(byQueueOrder)[0];
  const head = queue[0];
  const sameHead = head === undefined || next === undefined ? head === next : isSame(head, next);
  const stays = after !== undefined && isInQueue(after);
  const notify = isInQueue(before) !== stays || (retry !== undefined && isInQueue(retry));
  const unseen = endsUnseen(before, after);
  return { before, after, retry, notify: notify || unseen, notifyNext: !sameHead || unseen };
}

/**
 * True where what runs on a device is taken from it outside of a maintenance window: its queue stays as it is, yet only a
 * message makes it ask what has become of its job.
 */
function endsUnseen(before: StoredExecution, after: StoredExecution | undefined): boolean {
  if (!before.hidden || before.status !== 'IN_PROGRESS') return false;
  return after === undefined || after.status === 'CANCELED' || after.status === 'TIMED_OUT';
}

/** True for an execution that its thing is shown as pending. */
function isInQueue({ status, hidden }: StoredExecution): boolean {
  return isPending(status) && !hidden;
}

/** The order of a queue: all IN_PROGRESS first, then by when they were queued (data-plane §7); the store sorts the same way. */
function byQueueOrder(a: StoredExecution, b: StoredExecution): number {
  return (
    rank(b.status) - rank(a.status) ||
    a.queuedAtMillis - b.queuedAtMillis ||
    a.jobNo - b.jobNo ||
    a.executionNumber - b.executionNumber
  );
}

/** How a status is kept in the store: its place in STATUSES, so that pending ones are below 2 and IN_PROGRESS the higher of them. */
export function rank(status: Status): number {
  return STATUSES.indexOf(status);
}

function isSame(a: StoredExecution, b: StoredExecution): boolean {
  return a.jobNo === b.jobNo && a.executionNumber === b.executionNumber;
}
