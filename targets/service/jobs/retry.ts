import type { RetryCriterion } from './jobConfig.ts';
import { RETRIES_MAX } from './limits.ts';
import type { StoredExecution } from './storedExecution.ts';

/**
 * The execution that tries again what has just ended, or undefined where none follows (state-machine §4): only FAILED and
 * TIMED_OUT are tried again, only while the job goes on and the thing is among its targets.
 */
export function retryOf(ended: StoredExecution): StoredExecution | undefined {
  const { status, retryCriteria, jobStatus } = ended;
  if (retryCriteria === undefined || (status !== 'FAILED' && status !== 'TIMED_OUT')) return undefined;
  if (ended.hasLeft || (jobStatus !== 'IN_PROGRESS' && jobStatus !== 'SCHEDULED')) return undefined;
  if (ended.attempt >= RETRIES_MAX || !hasRetryLeft(JSON.parse(retryCriteria), ended)) return undefined;
  const { startedAtMillis: _, ...kept } = ended;
  return {
    ...kept,
    status: 'QUEUED',
    executionNumber: ended.executionNumber + 1,
    versionNumber: 1,
    statusDetails: {},
    queuedAtMillis: ended.lastUpdatedAtMillis,
    attempt: ended.attempt + 1,
    timedOutRetries: ended.timedOutRetries + (status === 'TIMED_OUT' ? 1 : 0),
    // The update that ended the one before may come again without an executionNumber: it is known by this.
    lastToken: status === 'FAILED' ? ended.lastToken : undefined,
    forceCanceled: false,
    document: undefined,
  };
}

/** A criterion counts the retries that followed its own kind of failure; ALL counts both kinds together. */
function hasRetryLeft(criteria: readonly RetryCriterion[], ended: StoredExecution): boolean {
  const { attempt, timedOutRetries } = ended;
  const done = { ALL: attempt, TIMED_OUT: timedOutRetries, FAILED: attempt - timedOutRetries };
  return criteria.some(
    ({ failureType, numberOfRetries }) =>
      (failureType === 'ALL' || failureType === ended.status) && done[failureType] < numberOfRetries,
  );
}
