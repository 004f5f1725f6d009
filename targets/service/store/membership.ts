import { sql } from 'kysely';
import type { StoredExecution } from '../jobs/storedExecution.ts';
import { rows } from './dialect.ts';
import { type ExecutionRow, executionColumns, fromRow } from './loadExecutions.ts';
import { type Connection, statement } from './statement.ts';

/** A job that goes on, and a group among its targets. */
export interface JobOnGroup {
  job_no: number;
  job_id: string;
  hidden: number;
  grp: string;
  root: string;
}

/** Continuous jobs that have started and not ended, for which one of `groups` is a target or below one. */
export async function loadContinuousJobs(
  on: Connection,
  groups: readonly string[],
  nowMillis: number,
): Promise<JobOnGroup[]> {
  const list = JSON.stringify(groups.map((group) => [group]));
  const found = await selectContinuousJobs(on, { groups: list, nowMillis });
  return [...new Map(found.map((job) => [job.job_no, job])).values()];
}

const selectContinuousJobs = statement<{ groups: string; nowMillis: number }, JobOnGroup>(
  (value, engine) => sql`
  select j.job_no, j.job_id, j.hidden, t.grp, t.root from ${rows(engine, value('groups'), { grp: 'text' })} as r
  join job_target t on t.grp = r.grp join job j on j.job_no = t.job_no
  where j.target_selection = 'CONTINUOUS' and j.status in ('IN_PROGRESS', 'SCHEDULED') and j.started = 1
    and (j.ends_at is null or j.ends_at > ${value('nowMillis')})
  order by j.job_no, t.grp`,
);

/** Snapshot jobs whose roll-out has this member of a group still ahead of it. */
export const loadSnapshotJobsAhead = statement<{ grp: string; thingNo: number }, JobOnGroup>(
  (value) => sql`
  select j.job_no, j.job_id, j.hidden, t.grp, t.root from job_target t join job j on j.job_no = t.job_no
  join member m on m.grp = t.grp
  where t.grp = ${value('grp')} and m.thing_no = ${value('thingNo')} and m.seq > t.cursor and m.seq <= t.max_seq
    and j.target_selection = 'SNAPSHOT' and j.status in ('IN_PROGRESS', 'SCHEDULED') and j.started = 1
  order by j.job_no`,
);

/** Says that a job knows a group, and has been through it as far as its members go now. */
export const addTarget = statement<{ jobNo: number; grp: string; root: string }, never>(
  (value) => sql`
  insert into job_target (job_no, grp, root, cursor, max_seq)
  select cast(${value('jobNo')} as bigint), cast(${value('grp')} as text), cast(${value('root')} as text),
    coalesce(max(seq), 0), coalesce(max(seq), 0) from member where grp = ${value('grp')}
  on conflict (job_no, grp) do nothing`,
);

/** Puts a thing at the end of the group that holds the things which a job names one by one. */
export async function addOwnMember(
  { db }: Connection,
  jobNo: number,
  grp: string,
  thingNo: number,
  nowMillis: number,
): Promise<void> {
  const highest = db.selectFrom('job_target').select('max_seq').where('job_no', '=', jobNo).where('grp', '=', grp);
  const seq = ((await highest.executeTakeFirst())?.max_seq ?? 0) + 1;
  const added = await db
    .insertInto('member')
    .values({ grp, seq, thing_no: thingNo, added_at: nowMillis })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (added.numInsertedOrUpdatedRows === 0n) return;
  await db
    .insertInto('job_target')
    .values({ job_no: jobNo, grp, root: grp, cursor: 0, max_seq: seq })
    .onConflict((conflict) => conflict.columns(['job_no', 'grp']).doUpdateSet({ max_seq: seq }))
    .execute();
}

/** How many groups among a job's targets a thing is in, without counting one of them. */
export const countOtherTargets = statement<{ jobNo: number; thingNo: number; grp: string }, { n: number }>(
  (value) => sql`
  select count(*) as n from member m join job_target t on t.grp = m.grp and t.job_no = ${value('jobNo')}
  where m.thing_no = ${value('thingNo')} and m.grp <> ${value('grp')}`,
);

/** The latest execution of each of these things in a job, where that thing had left the job's targets. */
export async function loadLeft(on: Connection, jobNo: number, things: readonly number[]): Promise<StoredExecution[]> {
  if (things.length === 0) return [];
  return (await selectLeft(on, { jobNo, things: listOf(things) })).map(fromRow);
}

const selectLeft = statement<{ jobNo: number; things: string }, ExecutionRow>(
  (value, engine) => sql`
  select ${executionColumns} from ${rows(engine, value('things'), { thing_no: 'bigint' })} as r
  join exec e on e.thing_no = r.thing_no and e.job_no = ${value('jobNo')} and e.has_left = 1
    and e.no = (select max(latest.no) from exec latest where latest.thing_no = r.thing_no and latest.job_no = ${value('jobNo')})
  join job j on j.job_no = e.job_no`,
);

/** Marks the latest execution of things in a job: they have left its targets (1), or are among them (0). */
export async function markLeft(
  on: Connection,
  jobNo: number,
  things: readonly number[],
  hasLeft: boolean,
): Promise<void> {
  if (things.length > 0) await updateLeft(on, { jobNo, things: listOf(things), hasLeft: hasLeft ? 1 : 0 });
}

const updateLeft = statement<{ jobNo: number; things: string; hasLeft: number }, never>(
  (value, engine) => sql`
  update exec set has_left = ${value('hasLeft')}
  where job_no = ${value('jobNo')} and thing_no in (select thing_no from ${rows(engine, value('things'), { thing_no: 'bigint' })} as r)
    and no = (select max(latest.no) from exec latest where latest.thing_no = exec.thing_no and latest.job_no = exec.job_no)`,
);

/** Creates executions with a number of their own, for things that had one before: [thing, executionNumber]. */
export async function queueNumbered(
  on: Connection,
  jobNo: number,
  things: readonly (readonly [thingNo: number, executionNumber: number])[],
  atMillis: number,
): Promise<void> {
  if (things.length > 0) await insertNumbered(on, { jobNo, things: JSON.stringify(things), atMillis });
}

const insertNumbered = statement<{ jobNo: number; things: string; atMillis: number }, never>(
  (value, engine) => sql`
  insert into exec (thing_no, job_no, no, status, ver, queued_at, updated_at, attempt)
  select thing_no, cast(${value('jobNo')} as bigint), no, 0, 1, cast(${value('atMillis')} as bigint), cast(${value('atMillis')} as bigint), 0
  from ${rows(engine, value('things'), { thing_no: 'bigint', no: 'bigint' })} as r where true`,
);

/** What is pending for a thing, hidden or not; with `jobNo` of that job only. */
export async function loadPending(on: Connection, thingNo: number, jobNo?: number): Promise<StoredExecution[]> {
  const found = (await selectPending(on, { thingNo })).map(fromRow);
  return jobNo === undefined ? found : found.filter((execution) => execution.jobNo === jobNo);
}

const selectPending = statement<{ thingNo: number }, ExecutionRow>(
  (value) => sql`
  select ${executionColumns} from exec e join job j on j.job_no = e.job_no
  where e.thing_no = ${value('thingNo')} and e.status < 2 order by e.queued_at, e.job_no`,
);

/** Keeps the name of a thing that has executions and is about to go; takes it out of all groups and out of what is to be told. */
export async function forgetThing({ db }: Connection, thingNo: number): Promise<void> {
  await sql`
  insert into gone_thing (thing_no, thing_name) select thing_no, thing_name from thing
  where thing_no = ${thingNo} and exists (select 1 from exec where exec.thing_no = thing.thing_no)
  on conflict do nothing`.execute(db);
  await db.deleteFrom('member').where('thing_no', '=', thingNo).execute();
  await db.deleteFrom('notify_q').where('thing_no', '=', thingNo).execute();
}

/** Members of a group in order, behind `seq`. */
export const loadPage = statement<{ grp: string; seq: number; limit: number }, { seq: number; thing_no: number }>(
  (value) => sql`
  select seq, thing_no from member where grp = ${value('grp')} and seq > ${value('seq')} order by seq limit ${value('limit')}`,
);

/** A group and those above it, up to the root. */
export async function ancestorsOf({ db }: Connection, groupName: string, depthMax: number): Promise<string[]> {
  const names: string[] = [];
  let next: string | null | undefined = groupName;
  while (next !== null && next !== undefined && names.length < depthMax) {
    names.push(next);
    const found: { parent: string | null } | undefined = await db
      .selectFrom('thing_group')
      .select('parent')
      .where('group_name', '=', next)
      .executeTakeFirst();
    next = found?.parent;
  }
  return names;
}

const listOf = (things: readonly number[]) => JSON.stringify(things.map((thing) => [thing]));
