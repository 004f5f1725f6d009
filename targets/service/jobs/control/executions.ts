import { STATUSES, type Status } from '../../../../runtime/jobs/execution.ts';
import { parseStatusDetails, type StatusDetails } from '../../../../runtime/jobs/statusDetails.ts';
import { ModelledError } from '../../modelledError.ts';
import { writeChanges } from '../../store/executions.ts';
import { loadQueues, loadTargets } from '../../store/loadExecutions.ts';
import { inTransaction } from '../../store/open.ts';
import type { Connection } from '../../store/statement.ts';
import { moved } from '../decide.ts';
import { NOTIFY_BUSY_MILLIS, PAGE_MAX } from '../limits.ts';
import { changeOf, rank, type StoredExecution } from '../storedExecution.ts';
import { timerView } from '../views.ts';
import { arnOf, type Control, epochSeconds, invalidRequest, notFound, pageToken, placeIn } from './context.ts';
import { findJob, refuseNamespace } from './readJobs.ts';

/** An execution as the control plane shows it (control-plane §2.9); times in seconds since the Unix epoch. */
export interface ExecutionView {
  jobId: string;
  status: Status;
  forceCanceled?: boolean;
  /** `{}` when empty. */
  statusDetails: { detailsMap?: StatusDetails };
  thingArn: string;
  queuedAt: number;
  startedAt?: number;
  lastUpdatedAt: number;
  executionNumber: number;
  versionNumber: number;
  approximateSecondsBeforeTimedOut?: number;
}

export interface ExecutionKey {
  thingName: string;
  jobId: string;
  /** Absent: the latest. */
  executionNumber?: number;
}

/** One execution in any status, the latest where no number is given. */
export async function describeJobExecution(control: Control, key: ExecutionKey): Promise<{ execution: ExecutionView }> {
  const execution = await findExecution(control.store, key);
  const hasDetails = Object.keys(execution.statusDetails).length > 0;
  return {
    execution: {
      jobId: execution.jobId,
      status: execution.status,
      ...(execution.forceCanceled ? { forceCanceled: true } : {}),
      statusDetails: hasDetails ? { detailsMap: execution.statusDetails } : {},
      thingArn: arnOf(control, 'thing', key.thingName),
      queuedAt: epochSeconds(execution.queuedAtMillis),
      ...(execution.startedAtMillis === undefined ? {} : { startedAt: epochSeconds(execution.startedAtMillis) }),
      lastUpdatedAt: epochSeconds(execution.lastUpdatedAtMillis),
      executionNumber: execution.executionNumber,
      versionNumber: execution.versionNumber,
      ...timerView(execution, control.clock.now()),
    },
  };
}

export interface CancelJobExecutionInput {
  thingName: string;
  jobId: string;
  force?: boolean;
  expectedVersion?: number;
  /** A flat map (control-plane §2.11). */
  statusDetails?: unknown;
}

/**
 * Cancels the latest execution of a job on a thing; one that is IN_PROGRESS only with force.
 *
 * @throws ModelledError ResourceNotFoundException, InvalidStateTransitionException, VersionConflictException
 */
export async function cancelJobExecution(control: Control, input: CancelJobExecutionInput): Promise<void> {
  const { jobId, force = false, expectedVersion } = input;
  const { details: statusDetails, fault } = parseStatusDetails(input.statusDetails);
  if (fault !== undefined) throw invalidRequest(fault);
  await changeExecution(control, input, (execution, nowMillis) => {
    const by = force ? 'operatorWithForce' : 'operator';
    const after = moved(execution, { by, to: 'CANCELED', nowMillis, expectedVersion, statusDetails });
    if (after === 'VersionMismatch') {
      const message = `Expected version ${expectedVersion} but found version ${execution.versionNumber}`;
      throw new ModelledError('VersionConflictException', 409, message);
    }
    if (after === 'InvalidStateTransition')
      throw invalidTransition(
        `The execution of ${jobId} is ${execution.status} and cannot be cancelled`,
        execution,
        force,
      );
    after.forceCanceled = force;
    return after;
  });
}

export interface DeleteJobExecutionInput {
  thingName: string;
  jobId: string;
  executionNumber: number;
  force?: boolean;
  namespaceId?: string;
}

/** Deletes an execution; one that is IN_PROGRESS only with force (control-plane §2.12). */
export async function deleteJobExecution(control: Control, input: DeleteJobExecutionInput): Promise<void> {
  const { jobId, force = false } = input;
  refuseNamespace(input);
  await changeExecution(control, input, (execution) => {
    if (execution.status === 'IN_PROGRESS' && !force)
      throw invalidTransition(`The execution of ${jobId} is IN_PROGRESS and cannot be deleted`, execution, force);
    return undefined;
  });
}

/** Reads, decides and writes one execution in one transaction. */
async function changeExecution(
  control: Control,
  key: ExecutionKey,
  decide: (execution: StoredExecution, nowMillis: number) => StoredExecution | undefined,
): Promise<void> {
  const nowMillis = control.clock.now();
  const changes = await inTransaction(control.store, async (tx) => {
    const before = await findExecution(tx, key);
    const [queue = []] = await loadQueues(tx, [{ thing: before.thingNo, depth: 2, withDocument: false }]);
    const change = changeOf(queue, before, decide(before, nowMillis));
    const written = await writeChanges(tx, [change], nowMillis, nowMillis + NOTIFY_BUSY_MILLIS);
    if (written.length === 0)
      throw new ModelledError('ServiceUnavailableException', 503, 'The execution is being changed: try again');
    return written;
  });
  control.committed(changes);
}

function invalidTransition(message: string, { status }: StoredExecution, force: boolean): ModelledError {
  const hint = status === 'IN_PROGRESS' && !force ? ' without force' : '';
  return new ModelledError('InvalidStateTransitionException', 409, message + hint);
}

async function findExecution(on: Connection, key: ExecutionKey): Promise<StoredExecution> {
  const { thingName, jobId, executionNumber } = key;
  const [execution] = await loadTargets(on, [{ thingName, jobId, executionNumber, withDocument: false }]);
  if (execution !== undefined) return execution;
  const which = executionNumber === undefined ? '' : `number ${executionNumber} `;
  throw notFound(`There is no execution ${which}of job ${jobId} for thing ${thingName}`);
}

/** One line of a list of executions (control-plane §2.10). */
export interface JobExecutionSummaryView {
  status: Status;
  queuedAt: number;
  startedAt?: number;
  lastUpdatedAt: number;
  executionNumber: number;
  /** Retries that came before: 0 for the first. */
  retryAttempt: number;
}

export interface ListForJobInput {
  jobId: string;
  status?: Status;
  maxResults?: number;
  nextToken?: string;
}

/** Executions of a job, ordered by thing and number as the store has them. */
export async function listJobExecutionsForJob(control: Control, input: ListForJobInput) {
  const { status, nextToken, maxResults = PAGE_MAX } = input;
  const { job_no: jobNo } = await findJob(control, input.jobId);
  let query = control.store.db
    .selectFrom('exec')
    .leftJoin('thing', 'thing.thing_no', 'exec.thing_no')
    .leftJoin('gone_thing', 'gone_thing.thing_no', 'exec.thing_no')
    .select([...SUMMARY_COLUMNS, 'exec.thing_no', 'thing.thing_name', 'gone_thing.thing_name as gone_name'])
    .where('job_no', '=', jobNo)
    // By status first, because the index of a job's executions is in that order.
    .orderBy('exec.status')
    .orderBy('exec.thing_no')
    .orderBy('exec.no')
    .limit(maxResults + 1);
  if (status !== undefined) query = query.where('exec.status', '=', rank(status));
  if (nextToken !== undefined) {
    const [rankPlace, thingPlace, noPlace] = placeIn(nextToken, 3) as [number, number, number];
    query = query.where((eb) =>
      eb(eb.refTuple('exec.status', 'exec.thing_no', 'exec.no'), '>', eb.tuple(rankPlace, thingPlace, noPlace)),
    );
  }
  const found = await query.execute();
  const last = found[maxResults - 1];
  return {
    executionSummaries: found.slice(0, maxResults).map((row) => ({
      thingArn: arnOf(control, 'thing', row.thing_name ?? row.gone_name ?? ''),
      jobExecutionSummary: summaryOf(row),
    })),
    ...(found.length > maxResults && last !== undefined
      ? { nextToken: pageToken([last.status, last.thing_no, last.no]) }
      : {}),
  };
}

export interface ListForThingInput {
  thingName: string;
  status?: Status;
  jobId?: string;
  /** Jobs have none here, so nothing is found in one. */
  namespaceId?: string;
  maxResults?: number;
  nextToken?: string;
}

/** Executions of a thing, the youngest job first. @throws ModelledError ResourceNotFoundException when there is no such thing or job */
export async function listJobExecutionsForThing(control: Control, input: ListForThingInput) {
  const { thingName, status, jobId, nextToken, maxResults = PAGE_MAX } = input;
  const { db } = control.store;
  const thing = await db.selectFrom('thing').select('thing_no').where('thing_name', '=', thingName).executeTakeFirst();
  if (thing === undefined) throw notFound(`There is no thing ${thingName}`);
  if (input.namespaceId !== undefined) return { executionSummaries: [] };
  let query = db
    .selectFrom('exec')
    .innerJoin('job', 'job.job_no', 'exec.job_no')
    .select([...SUMMARY_COLUMNS, 'exec.job_no', 'job.job_id'])
    .where('exec.thing_no', '=', thing.thing_no)
    .orderBy('exec.job_no', 'desc')
    .orderBy('exec.no', 'desc')
    .limit(maxResults + 1);
  if (status !== undefined) query = query.where('exec.status', '=', rank(status));
  if (jobId !== undefined) query = query.where('exec.job_no', '=', (await findJob(control, jobId)).job_no);
  if (nextToken !== undefined) {
    const [jobPlace, noPlace] = placeIn(nextToken, 2) as [number, number];
    query = query.where((eb) => eb(eb.refTuple('exec.job_no', 'exec.no'), '<', eb.tuple(jobPlace, noPlace)));
  }
  const found = await query.execute();
  const last = found[maxResults - 1];
  return {
    executionSummaries: found
      .slice(0, maxResults)
      .map((row) => ({ jobId: row.job_id, jobExecutionSummary: summaryOf(row) })),
    ...(found.length > maxResults && last !== undefined ? { nextToken: pageToken([last.job_no, last.no]) } : {}),
  };
}

const SUMMARY_COLUMNS = [
  'exec.status',
  'exec.no',
  'exec.queued_at',
  'exec.started_at',
  'exec.updated_at',
  'exec.attempt',
] as const;

interface SummaryRow {
  status: number;
  no: number;
  queued_at: number;
  started_at: number | null;
  updated_at: number;
  attempt: number;
}

function summaryOf(row: SummaryRow): JobExecutionSummaryView {
  return {
    status: STATUSES[row.status] as Status,
    queuedAt: epochSeconds(row.queued_at),
    ...(row.started_at === null ? {} : { startedAt: epochSeconds(row.started_at) }),
    lastUpdatedAt: epochSeconds(row.updated_at),
    executionNumber: row.no,
    retryAttempt: row.attempt,
  };
}
