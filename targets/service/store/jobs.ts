import { type Selectable, sql } from 'kysely';
import { keepRows, lockDue, lockRows, rows } from './dialect.ts';
import type { JobTable } from './schema.ts';
import { type Connection, statement } from './statement.ts';

export type JobRow = Selectable<JobTable>;

/** How many executions of a job are in each status, by its rank. */
export type Counts = Map<number, number>;

/** Jobs that a tick has to look at: their time has come. */
export async function loadDueJobs(on: Connection, nowMillis: number, limit: number): Promise<number[]> {
  return (await selectDueJobs(on, { nowMillis, limit })).map((row) => row.job_no);
}

/** Jobs whose counters lag behind. */
export async function loadJobsWithDeltas(on: Connection, limit: number): Promise<number[]> {
  return (await selectJobsWithDeltas(on, { limit })).map((row) => row.job_no);
}

/** A job, taken for the rest of the transaction; undefined: there is none, or another worker has it. */
export async function takeJob(tx: Connection, jobNo: number): Promise<JobRow | undefined> {
  return (await selectJob(tx, { jobNo }))[0];
}

/** A job that an operator changes: a tick of it, or another change, is waited for; undefined: there is none. */
export async function lockJob(tx: Connection, jobId: string): Promise<JobRow | undefined> {
  return (await selectJobNamed(tx, { jobId }))[0];
}

/** Writes what a tick changes of a job. */
export async function writeJob(tx: Connection, job: JobRow): Promise<void> {
  await updateJob(tx, job);
}

/** Removes a job that has no executions any more, with all that was kept for it; `grp` holds the things it named. */
export async function removeJob({ db }: Connection, jobNo: number, grp: string): Promise<void> {
  const jobId = db.selectFrom('job').select('job_id').where('job_no', '=', jobNo);
  await db.deleteFrom('tag').where('kind', '=', 'job').where('name', '=', jobId).execute();
  for (const table of ['job_target', 'job_delta', 'job_count', 'job'] as const)
    await db.deleteFrom(table).where('job_no', '=', jobNo).execute();
  await db.deleteFrom('member').where('grp', '=', grp).execute();
}

/** The counters as they were folded last. */
export async function loadCounts(on: Connection, jobNo: number): Promise<Counts> {
  return sumsOf(await selectCounts(on, { jobNo }));
}

/** The counters as they are now: what was folded and what was not yet. */
export async function loadPresentCounts(on: Connection, jobNo: number): Promise<Counts> {
  return sumsOf(await selectPresentCounts(on, { jobNo }));
}

/** Takes a job's deltas out of the log and gives their sums. */
export async function takeDeltas(tx: Connection, jobNo: number): Promise<Counts> {
  return sumsOf(await deleteDeltas(tx, { jobNo }));
}

/** Adds to the folded counters. */
export async function addCounts(tx: Connection, jobNo: number, counts: Counts): Promise<void> {
  const list = [...counts].filter(([, n]) => n !== 0);
  if (list.length > 0) await upsertCounts(tx, { jobNo, counts: JSON.stringify(list) });
}

/** Where the roll-out of a job stands in one group; only groups that are not done. */
export interface OpenTarget {
  grp: string;
  cursor: number;
  max_seq: number;
}

export const loadOpenTargets = statement<{ jobNo: number }, OpenTarget>(
  (value) => sql`
  select grp, cursor, max_seq from job_target where job_no = ${value('jobNo')} and cursor < max_seq order by grp`,
);

/** Members of a group behind the cursor, in order. */
export const loadMembers = statement<
  { grp: string; cursor: number; maxSeq: number; limit: number },
  { seq: number; thing_no: number }
>(
  (value) => sql`
  select seq, thing_no from member where grp = ${value('grp')} and seq > ${value('cursor')} and seq <= ${value('maxSeq')}
  order by seq limit ${value('limit')}`,
);

export const moveCursor = statement<{ jobNo: number; grp: string; cursor: number }, never>(
  (value) => sql`
  update job_target set cursor = ${value('cursor')} where job_no = ${value('jobNo')} and grp = ${value('grp')}`,
);

/** Says that a job has been through all its targets. */
export const closeTargets = statement<{ jobNo: number }, never>(
  (value) => sql`update job_target set cursor = max_seq where job_no = ${value('jobNo')}`,
);

/**
 * Creates the first execution of a job for things that have none, and gives those things. One that is being deleted at this
 * moment gets none.
 */
export async function queueExecutions(
  tx: Connection,
  jobNo: number,
  things: readonly number[],
  atMillis: number,
): Promise<number[]> {
  const list = JSON.stringify(things.map((thing) => [thing]));
  return (await insertExecutions(tx, { jobNo, things: list, atMillis })).map((row) => row.thing_no);
}

/** When a job or a timer is due next; undefined: none ever. */
export async function nextDueMillis(on: Connection): Promise<number | undefined> {
  return (await selectNextDue(on, {}))[0]?.at ?? undefined;
}

interface CountRow {
  status: number;
  n: number;
}

function sumsOf(list: readonly CountRow[]): Counts {
  const sums: Counts = new Map();
  for (const { status, n } of list) sums.set(status, (sums.get(status) ?? 0) + n);
  return sums;
}

const selectDueJobs = statement<{ nowMillis: number; limit: number }, { job_no: number }>(
  (value) => sql`
  select job_no from (
    select job_no, next_tick as at from job where next_tick is not null and next_tick <= ${value('nowMillis')}
    union all select job_no, alarm from job where alarm is not null and alarm <= ${value('nowMillis')}
  ) as due group by job_no order by min(at), job_no limit ${value('limit')}`,
);

const selectJobsWithDeltas = statement<{ limit: number }, { job_no: number }>(
  (value) => sql`select distinct job_no from job_delta order by job_no limit ${value('limit')}`,
);

const selectJob = statement<{ jobNo: number }, JobRow>(
  (value, engine) => sql`select * from job where job_no = ${value('jobNo')} ${lockDue(engine, 'job')}`,
);

const selectJobNamed = statement<{ jobId: string }, JobRow>(
  (value, engine) => sql`select * from job where job_id = ${value('jobId')} ${lockRows(engine, 'job')}`,
);

const updateJob = statement<JobRow, never>(
  (value) => sql`
  update job set status = ${value('status')}, next_tick = ${value('next_tick')}, tokens = ${value('tokens')},
    tokens_at = ${value('tokens_at')}, completed_at = ${value('completed_at')}, last_updated_at = ${value('last_updated_at')},
    comment = ${value('comment')}, reason_code = ${value('reason_code')}, force_canceled = ${value('force_canceled')},
    retry = ${value('retry')}, started = ${value('started')}, hidden = ${value('hidden')}, reveal = ${value('reveal')},
    alarm = ${value('alarm')}, ver = ver + 1
  where job_no = ${value('job_no')}`,
);

const selectCounts = statement<{ jobNo: number }, CountRow>(
  (value) => sql`select status, n from job_count where job_no = ${value('jobNo')}`,
);

const selectPresentCounts = statement<{ jobNo: number }, CountRow>(
  (value) => sql`
  select status, n from job_count where job_no = ${value('jobNo')}
  union all select status, n from job_delta where job_no = ${value('jobNo')}`,
);

const deleteDeltas = statement<{ jobNo: number }, CountRow>(
  (value) => sql`delete from job_delta where job_no = ${value('jobNo')} returning status, n`,
);

const upsertCounts = statement<{ jobNo: number; counts: string }, never>(
  (value, engine) => sql`
  insert into job_count (job_no, status, n)
  select cast(${value('jobNo')} as bigint), status, n from ${rows(engine, value('counts'), { status: 'bigint', n: 'bigint' })} as r where true
  on conflict (job_no, status) do update set n = job_count.n + excluded.n`,
);

const insertExecutions = statement<{ jobNo: number; things: string; atMillis: number }, { thing_no: number }>(
  (value, engine) => sql`
  insert into exec (thing_no, job_no, no, status, ver, queued_at, updated_at, attempt)
  select t.thing_no, cast(${value('jobNo')} as bigint), 1, 0, 1, cast(${value('atMillis')} as bigint), cast(${value('atMillis')} as bigint), 0
  from ${rows(engine, value('things'), { thing_no: 'bigint' })} as r join thing t on t.thing_no = r.thing_no
  where not exists (select 1 from exec e where e.thing_no = t.thing_no and e.job_no = ${value('jobNo')}) ${keepRows(engine, 't')}
  on conflict do nothing returning thing_no`,
);

const selectNextDue = statement<object, { at: number | null }>(
  () => sql`
  select min(at) as at from (
    select min(next_tick) as at from job where next_tick is not null
    union all select min(alarm) from job where alarm is not null
    union all select min(deadline) from exec where deadline is not null
  ) as due`,
);
