import type { JobExecution, JobExecutionState, JobExecutionSummary, Seconds } from '../../../runtime/jobs/answers.ts';
import { PENDING_LIST_MAX } from '../../../runtime/jobs/limits.ts';
import type { StatusDetails } from '../../../runtime/jobs/statusDetails.ts';
import { SCHEDULED_PENDING_LIST_MAX } from './limits.ts';
import { deadlineOf, type StoredExecution } from './storedExecution.ts';

/** A time as the data plane shows it: whole seconds (data-plane §4). */
export function secondsOf(millis: number): Seconds {
  return Math.floor(millis / 1000);
}

/** An execution as a device sees it, with its document where that was loaded (data-plane §5). */
export function executionView(execution: StoredExecution, nowMillis: number, thingName?: string): JobExecution {
  return {
    jobId: execution.jobId,
    ...(thingName === undefined ? {} : { thingName }),
    status: execution.status,
    ...detailsView(execution.statusDetails),
    queuedAt: secondsOf(execution.queuedAtMillis),
    ...startedView(execution),
    lastUpdatedAt: secondsOf(execution.lastUpdatedAtMillis),
    versionNumber: execution.versionNumber,
    executionNumber: execution.executionNumber,
    ...timerView(execution, nowMillis),
    ...(execution.document === undefined ? {} : { jobDocument: JSON.parse(execution.document) }),
  };
}

/**
 * What a pending list shows of a queue: 10 together, 15 where one of them is of a scheduled job (data-plane §6.1).
 *
 * @param queue  in order, SCHEDULED_PENDING_LIST_MAX of it where there are as many
 */
export function shownOf(queue: readonly StoredExecution[]): readonly StoredExecution[] {
  return queue.slice(0, queue.some(({ scheduled }) => scheduled) ? SCHEDULED_PENDING_LIST_MAX : PENDING_LIST_MAX);
}

/** One row of a pending list. */
export function summaryView(execution: StoredExecution): JobExecutionSummary {
  return {
    jobId: execution.jobId,
    queuedAt: secondsOf(execution.queuedAtMillis),
    ...startedView(execution),
    lastUpdatedAt: secondsOf(execution.lastUpdatedAtMillis),
    versionNumber: execution.versionNumber,
    executionNumber: execution.executionNumber,
  };
}

/** What an answer to an update shows of the execution. */
export function stateView(execution: StoredExecution): JobExecutionState {
  return {
    status: execution.status,
    versionNumber: execution.versionNumber,
    ...detailsView(execution.statusDetails),
  };
}

/** Whole seconds until the execution times out, 0 when it is due; nothing where no timer runs. */
export function timerView(
  execution: StoredExecution,
  nowMillis: number,
): { approximateSecondsBeforeTimedOut?: number } {
  const deadlineMillis = deadlineOf(execution);
  if (deadlineMillis === undefined) return {};
  return { approximateSecondsBeforeTimedOut: Math.max(0, Math.floor((deadlineMillis - nowMillis) / 1000)) };
}

function startedView({ startedAtMillis }: StoredExecution): { startedAt?: Seconds } {
  return startedAtMillis === undefined ? {} : { startedAt: secondsOf(startedAtMillis) };
}

function detailsView(statusDetails: StatusDetails): { statusDetails?: StatusDetails } {
  return Object.keys(statusDetails).length === 0 ? {} : { statusDetails };
}
