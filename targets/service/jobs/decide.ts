import type { Accepted, ErrorResponse } from '../../../runtime/jobs/answers.ts';
import type { Refusal } from '../../../runtime/jobs/errorCodes.ts';
import { isTerminal, type Move, setStatus } from '../../../runtime/jobs/execution.ts';
import { NEXT_JOB } from '../../../runtime/jobs/names.ts';
import type {
  DescribeRequest,
  GetPendingRequest,
  JobsRequest,
  StartNextRequest,
  UpdateRequest,
} from '../../../runtime/jobs/requests.ts';
import { type Change, changeOf, type StoredExecution } from './storedExecution.ts';
import { executionView, secondsOf, shownOf, stateView, summaryView } from './views.ts';

/** What has to be read before a request is decided. */
export interface Loaded {
  thingName: string;
  /** False: no such thing. */
  thingExists: boolean;
  /** The execution that the request names by jobId and executionNumber, if there is one. */
  target: StoredExecution | undefined;
  /** The head of the thing's queue, in order: as many as `queueDepth` said. */
  queue: readonly StoredExecution[];
}

/** An answer and what is to be written before it is given. */
export interface Decision {
  answer: { kind: 'accepted'; body: Accepted } | { kind: 'rejected'; body: ErrorResponse };
  change?: Change;
  /** The execution whose document is in the answer with URLs that are still to be signed. */
  toSign?: StoredExecution;
}

export interface Rules {
  /** Our switch for the disputed move IN_PROGRESS to REJECTED (state-machine §2.2). */
  allowRejectFromInProgress: boolean;
}

/** Decides one request of a device. Pure: what it is given, it leaves as it is. */
export function decide(request: JobsRequest, loaded: Loaded, nowMillis: number, rules: Rules): Decision {
  switch (request.operation) {
    case 'GetPendingJobExecutions':
      return getPending(request, loaded, nowMillis);
    case 'StartNextPendingJobExecution':
      return startNext(request, loaded, nowMillis);
    case 'DescribeJobExecution':
      return describe(request, loaded, nowMillis);
    case 'UpdateJobExecution':
      return update(request, loaded, nowMillis, rules);
  }
}

/** A refusal as it is sent; the token is echoed where one came, `state` only where data-plane §9 has it. */
export function rejected(
  refusal: Refusal,
  clientToken: string | undefined,
  nowMillis: number,
  state?: StoredExecution,
): Decision {
  const body: ErrorResponse = {
    code: refusal.code,
    message: refusal.message,
    ...(clientToken === undefined ? {} : { clientToken }),
    timestamp: secondsOf(nowMillis),
    ...(state === undefined ? {} : { executionState: stateView(state) }),
  };
  return { answer: { kind: 'rejected', body } };
}

function accepted(members: Omit<Accepted, 'timestamp'>, request: JobsRequest, nowMillis: number): Decision {
  const { clientToken } = request;
  const body = { ...members, timestamp: secondsOf(nowMillis), ...(clientToken === undefined ? {} : { clientToken }) };
  return { answer: { kind: 'accepted', body } };
}

function getPending(request: GetPendingRequest, loaded: Loaded, nowMillis: number): Decision {
  if (!loaded.thingExists) return noThing(loaded, request, nowMillis);
  const shown = shownOf(loaded.queue);
  const inProgressJobs = shown.filter(({ status }) => status === 'IN_PROGRESS').map(summaryView);
  const queuedJobs = shown.filter(({ status }) => status === 'QUEUED').map(summaryView);
  return accepted({ inProgressJobs, queuedJobs }, request, nowMillis);
}

function startNext(request: StartNextRequest, loaded: Loaded, nowMillis: number): Decision {
  if (!loaded.thingExists) return noThing(loaded, request, nowMillis);
  const head = loaded.queue[0];
  if (head === undefined) return accepted({}, request, nowMillis);
  // A job that runs already is handed out again as it is (data-plane §6.2).
  if (head.status === 'IN_PROGRESS')
    return {
      ...accepted({ execution: executionView(head, nowMillis, loaded.thingName) }, request, nowMillis),
      ...signing(head),
    };
  const { statusDetails, stepTimeoutInMinutes } = request;
  const started = moved(head, { by: 'device', to: 'IN_PROGRESS', nowMillis, statusDetails }, stepTimeoutInMinutes);
  if (typeof started === 'string') throw new Error(`QUEUED to IN_PROGRESS by the device gave ${started}`);
  return {
    ...accepted({ execution: executionView(started, nowMillis, loaded.thingName) }, request, nowMillis),
    change: changeOf(loaded.queue, head, started),
    ...signing(started),
  };
}

function describe(request: DescribeRequest, loaded: Loaded, nowMillis: number): Decision {
  const isNext = request.jobId === NEXT_JOB;
  if (isNext && !loaded.thingExists) return noThing(loaded, request, nowMillis);
  const execution = isNext ? loaded.queue[0] : loaded.target;
  if (execution === undefined)
    return isNext ? accepted({}, request, nowMillis) : noExecution(loaded, request, nowMillis);
  if (isTerminal(execution.status)) {
    const message = 'Job Execution has reached terminal state. It is neither IN_PROGRESS nor QUEUED';
    return rejected({ code: 'TerminalStateReached', message }, request.clientToken, nowMillis);
  }
  return { ...accepted({ execution: executionView(execution, nowMillis) }, request, nowMillis), ...signing(execution) };
}

function signing(execution: StoredExecution): { toSign?: StoredExecution } {
  return execution.signs && execution.document !== undefined ? { toSign: execution } : {};
}

function update(request: UpdateRequest, loaded: Loaded, nowMillis: number, rules: Rules): Decision {
  const { clientToken, status, statusDetails, expectedVersion } = request;
  const before = loaded.target;
  if (before === undefined) return noExecution(loaded, request, nowMillis);
  if (isRepeated(request, before) || isRepeatedBeforeRetry(request, before)) return updated(request, before, nowMillis);
  const move = { by: 'device', to: status, nowMillis, expectedVersion, statusDetails, ...rules } as const;
  const after = moved(before, move, request.stepTimeoutInMinutes);
  if (after === 'VersionMismatch') {
    const message = `Expected version ${expectedVersion} but found version ${before.versionNumber}`;
    return rejected({ code: after, message }, clientToken, nowMillis, before);
  }
  if (after === 'InvalidStateTransition') {
    const message = `A job execution that is ${before.status} cannot be set to ${status}`;
    return rejected({ code: after, message }, clientToken, nowMillis, before);
  }
  after.lastToken = clientToken;
  return { ...updated(request, after, nowMillis), change: changeOf(loaded.queue, before, after) };
}

/**
 * True for an update that was applied already and comes again, because its answer was lost: it is answered, not applied a
 * second time. A client that puts one token on all it sends is told from that by what it asks for.
 */
function isRepeated(
  request: UpdateRequest,
  { lastToken, status, versionNumber, statusDetails }: StoredExecution,
): boolean {
  if (request.clientToken === undefined || request.clientToken !== lastToken || request.status !== status) return false;
  if (request.expectedVersion !== undefined && request.expectedVersion !== versionNumber - 1) return false;
  return request.statusDetails === undefined || JSON.stringify(request.statusDetails) === JSON.stringify(statusDetails);
}

/** True for a report of failure that was applied already: a retry stands in its place since, and has not been touched. */
function isRepeatedBeforeRetry(request: UpdateRequest, retry: StoredExecution): boolean {
  if (request.clientToken === undefined || request.clientToken !== retry.lastToken) return false;
  return request.executionNumber === undefined && request.status === 'FAILED' && isUntouchedRetry(retry);
}

function isUntouchedRetry({ status, versionNumber, attempt }: StoredExecution): boolean {
  return status === 'QUEUED' && versionNumber === 1 && attempt > 0;
}

function updated(request: UpdateRequest, execution: StoredExecution, nowMillis: number): Decision {
  const members: Omit<Accepted, 'timestamp'> = {};
  if (request.includeJobExecutionState) members.executionState = stateView(execution);
  if (execution.document !== undefined) members.jobDocument = JSON.parse(execution.document);
  return { ...accepted(members, request, nowMillis), ...signing(execution) };
}

/** An execution after a move with its timers (state-machine §3), or why the move is refused. */
export function moved(
  before: StoredExecution,
  move: Move,
  stepTimeoutInMinutes?: number,
): StoredExecution | 'VersionMismatch' | 'InvalidStateTransition' {
  // A clock that was set back must not make an execution older than its last change.
  const nowMillis = Math.max(move.nowMillis, before.queuedAtMillis, before.lastUpdatedAtMillis);
  const after = setStatus(before, { ...move, nowMillis });
  if (typeof after === 'string') return after;
  if (isTerminal(after.status)) {
    after.inProgressDeadlineMillis = undefined;
    after.stepDeadlineMillis = undefined;
    return after;
  }
  if (before.status === 'QUEUED') after.inProgressDeadlineMillis = minutesFrom(nowMillis, before.inProgressMinutes);
  if (stepTimeoutInMinutes === -1) after.stepDeadlineMillis = undefined;
  else if (stepTimeoutInMinutes !== undefined) after.stepDeadlineMillis = minutesFrom(nowMillis, stepTimeoutInMinutes);
  return after;
}

function minutesFrom(nowMillis: number, minutes: number | undefined): number | undefined {
  return minutes === undefined ? undefined : nowMillis + minutes * 60_000;
}

function noThing({ thingName }: Loaded, { clientToken }: JobsRequest, nowMillis: number): Decision {
  return rejected({ code: 'ResourceNotFound', message: `There is no thing ${thingName}` }, clientToken, nowMillis);
}

function noExecution(loaded: Loaded, request: DescribeRequest | UpdateRequest, nowMillis: number): Decision {
  const { jobId, executionNumber, clientToken } = request;
  const which = executionNumber === undefined ? '' : `number ${executionNumber} `;
  const message = `There is no execution ${which}of job ${jobId} for thing ${loaded.thingName}`;
  return rejected({ code: 'ResourceNotFound', message }, clientToken, nowMillis);
}
