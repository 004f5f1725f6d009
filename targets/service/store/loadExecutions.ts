import { type RawBuilder, sql } from 'kysely';
import { STATUSES, type Status } from '../../../runtime/jobs/execution.ts';
import { rank, type StoredExecution } from '../jobs/storedExecution.ts';
import { lockDue, rows } from './dialect.ts';
import type { Engine, JobTable } from './schema.ts';
import { type Connection, statement } from './statement.ts';

/** An execution that a request names. */
export interface TargetKey {
  thingName: string;
  jobId: string;
  /** undefined: the latest. */
  executionNumber: number | undefined;
  withDocument: boolean;
}

/** The head of a thing's queue: `depth` executions, the document with the first of them where asked. */
export interface QueueKey {
  thing: string | number;
  depth: number;
  withDocument: boolean;
}

/** Reads the executions that requests name: one answer for each key, in order; undefined where there is none. */
export async function loadTargets(
  on: Connection,
  keys: readonly TargetKey[],
): Promise<(StoredExecution | undefined)[]> {
  const found: (StoredExecution | undefined)[] = new Array(keys.length).fill(undefined);
  if (keys.length === 0) return found;
  const list = keys.map((key, i) => [
    i,
    key.thingName,
    key.jobId,
    key.executionNumber ?? null,
    key.withDocument ? 1 : 0,
  ]);
  for (const row of await selectTargets(on, { keys: JSON.stringify(list) })) found[row.i] = fromRow(row);
  return found;
}

/** Reads the heads of queues, things by name: one list for each key, in order; undefined where there is no such thing. */
export async function loadQueuesByName(
  on: Connection,
  keys: readonly QueueKey[],
): Promise<(StoredExecution[] | undefined)[]> {
  return queuesFrom(keys.length === 0 ? [] : await selectQueuesByName(on, queueValues(keys)), keys.length);
}

/** The same, things by number. */
export async function loadQueues(
  on: Connection,
  keys: readonly QueueKey[],
): Promise<(StoredExecution[] | undefined)[]> {
  return queuesFrom(keys.length === 0 ? [] : await selectQueues(on, queueValues(keys)), keys.length);
}

/** Reads executions whose deadline has passed, the oldest first. */
export async function loadDue(on: Connection, nowMillis: number, limit: number): Promise<StoredExecution[]> {
  return (await selectDue(on, { nowMillis, limit })).map(fromRow);
}

/** Reads executions of a job that are in one of `statuses`, which are next to each other in STATUSES. */
export async function loadOfJob(
  on: Connection,
  jobNo: number,
  statuses: readonly Status[],
  limit: number,
): Promise<StoredExecution[]> {
  const [low, high] = [Math.min(...statuses.map(rank)), Math.max(...statuses.map(rank))];
  return (await selectOfJob(on, { jobNo, low, high, limit })).map(fromRow);
}

export interface ExecutionRow {
  thing_no: number;
  job_no: number;
  job_id: string;
  no: number;
  status: number;
  details: string | null;
  ver: number;
  last_token: string | null;
  queued_at: number;
  started_at: number | null;
  updated_at: number;
  in_progress_deadline: number | null;
  step_deadline: number | null;
  force_canceled: number;
  in_progress_minutes: number | null;
  attempt: number;
  timed_out_retries: number;
  has_left: number;
  job_status: JobTable['status'];
  hidden: number;
  retry: string | null;
  scheduled: number;
  signs: number;
  /** Absent where a statement does not ask for it. */
  document?: string | null;
}

const NO_DETAILS = Object.freeze({});

export function fromRow(row: ExecutionRow): StoredExecution {
  const status = STATUSES[row.status];
  if (status === undefined) throw new Error(`the store has status ${row.status} in an execution of ${row.job_id}`);
  return {
    thingNo: row.thing_no,
    jobNo: row.job_no,
    jobId: row.job_id,
    executionNumber: row.no,
    status,
    versionNumber: row.ver,
    statusDetails: row.details === null ? NO_DETAILS : JSON.parse(row.details),
    queuedAtMillis: row.queued_at,
    ...(row.started_at === null ? {} : { startedAtMillis: row.started_at }),
    lastUpdatedAtMillis: row.updated_at,
    lastToken: row.last_token ?? undefined,
    inProgressDeadlineMillis: row.in_progress_deadline ?? undefined,
    stepDeadlineMillis: row.step_deadline ?? undefined,
    forceCanceled: row.force_canceled === 1,
    attempt: row.attempt,
    timedOutRetries: row.timed_out_retries,
    hasLeft: row.has_left === 1,
    jobStatus: row.job_status,
    hidden: row.hidden === 1,
    scheduled: row.scheduled === 1,
    signs: row.signs === 1,
    retryCriteria: row.retry ?? undefined,
    inProgressMinutes: row.in_progress_minutes ?? undefined,
    document: row.document ?? undefined,
  };
}

export const executionColumns: RawBuilder<unknown> = sql`
  e.thing_no, e.job_no, j.job_id, e.no, e.status, e.details, e.ver, e.last_token, e.queued_at, e.started_at, e.updated_at,
  e.in_progress_deadline, e.step_deadline, e.force_canceled, e.attempt, e.timed_out_retries, e.has_left,
  j.in_progress_minutes, j.status as job_status, j.hidden, j.retry,
  case when j.starts_at is not null or j.ends_at is not null or j.alarm is not null then 1 else 0 end as scheduled, j.signs`;

/**
 * Executions as a thing sees them in its queue. Not a join with the job: SQLite would read a whole table for a join on the
 * right side of a left join.
 */
export const inQueue = (execution: string): RawBuilder<unknown> => sql`
  ${sql.ref(`${execution}.status`)} < 2 and (select job.hidden from job where job.job_no = ${sql.ref(`${execution}.job_no`)}) = 0`;

const TARGET_COLUMNS = { i: 'bigint', thing: 'text', job: 'text', no: 'bigint', doc: 'bigint' } as const;

const selectTargets = statement<{ keys: string }, ExecutionRow & { i: number }>(
  (value, engine) => sql`
  select r.i, ${executionColumns}, case when r.doc = 1 then j.document end as document
  from ${rows(engine, value('keys'), TARGET_COLUMNS)} as r
  join thing t on t.thing_name = r.thing
  join job j on j.job_id = r.job
  join exec e on e.thing_no = t.thing_no and e.job_no = j.job_no and e.no = coalesce(r.no,
    (select max(latest.no) from exec latest where latest.thing_no = t.thing_no and latest.job_no = j.job_no))`,
);

type QueueRow = ExecutionRow & { i: number; place: number };

const queueValues = (keys: readonly QueueKey[]) => ({
  keys: JSON.stringify(keys.map((key, i) => [i, key.thing, key.depth, key.withDocument ? 1 : 0])),
});

/** A thing without pending executions gives one row without a job; an unknown thing gives none. */
const selectQueuesBy = (column: 'thing_name' | 'thing_no') =>
  statement<{ keys: string }, QueueRow>((value, engine) => {
    const type = column === 'thing_no' ? 'bigint' : 'text';
    const keys = rows(engine, value('keys'), { i: 'bigint', thing: type, depth: 'bigint', doc: 'bigint' });
    const order = sql`order by e.status desc, e.queued_at, e.job_no, e.no`;
    return sql`
  select ordered.*, case when doc = 1 and place = 1 then (select document from job where job.job_no = ordered.job_no) end as document from (
    select r.i, r.depth, r.doc, row_number() over (partition by r.i ${order}) as place, ${executionColumns}
    from ${keys} as r
    join thing t on ${sql.ref(`t.${column}`)} = r.thing
    left join exec e on e.thing_no = t.thing_no and ${inQueue('e')}
    left join job j on j.job_no = e.job_no
  ) as ordered where place <= depth order by i, place`;
  });
const selectQueuesByName = selectQueuesBy('thing_name');
const selectQueues = selectQueuesBy('thing_no');

function queuesFrom(found: readonly QueueRow[], keys: number): (StoredExecution[] | undefined)[] {
  const queues: (StoredExecution[] | undefined)[] = new Array(keys).fill(undefined);
  for (const row of found) {
    const queue = (queues[row.i] ??= []);
    if (row.job_no === null) continue;
    queue.push(fromRow(row));
  }
  return queues;
}

const selectDue = statement<{ nowMillis: number; limit: number }, ExecutionRow>(
  (value, engine: Engine) => sql`
  select ${executionColumns} from exec e join job j on j.job_no = e.job_no
  where e.deadline is not null and e.deadline <= ${value('nowMillis')}
  order by e.deadline, e.thing_no, e.job_no limit ${value('limit')} ${lockDue(engine, 'e')}`,
);

const selectOfJob = statement<{ jobNo: number; low: number; high: number; limit: number }, ExecutionRow>(
  (value) => sql`
  select ${executionColumns} from exec e join job j on j.job_no = e.job_no
  where e.job_no = ${value('jobNo')} and e.status >= ${value('low')} and e.status <= ${value('high')}
  order by e.status, e.thing_no, e.no limit ${value('limit')}`,
);
