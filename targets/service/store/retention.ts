import { sql } from 'kysely';
import type { StoredExecution } from '../jobs/storedExecution.ts';
import type { JobRow } from './jobs.ts';
import { type ExecutionRow, executionColumns, fromRow } from './loadExecutions.ts';
import { type Connection, statement } from './statement.ts';

/** When the oldest job was made; undefined: there is none. */
export async function oldestJobMillis(on: Connection): Promise<number | undefined> {
  return (await selectOldestJob(on, {}))[0]?.created_at;
}

/** Marks jobs that ended before a time, and have nothing pending, to be deleted. Gives them. */
export async function deleteEndedJobs(
  on: Connection,
  beforeMillis: number,
  nowMillis: number,
  limit: number,
): Promise<JobRow[]> {
  return updateEnded(on, { beforeMillis, nowMillis, limit });
}

/** Executions of any job that ended before a time. */
export async function loadEnded(on: Connection, beforeMillis: number, limit: number): Promise<StoredExecution[]> {
  return (await selectEnded(on, { beforeMillis, limit })).map(fromRow);
}

const selectOldestJob = statement<object, { created_at: number }>(
  () => sql`select created_at from job where status <> 'DELETION_IN_PROGRESS' order by job_no limit 1`,
);

const updateEnded = statement<{ beforeMillis: number; nowMillis: number; limit: number }, JobRow>(
  (value) => sql`
  update job set status = 'DELETION_IN_PROGRESS', next_tick = ${value('nowMillis')}, alarm = null, ver = ver + 1
  where job_no in (
    select j.job_no from job j where j.created_at < ${value('beforeMillis')} and j.status in ('COMPLETED', 'CANCELED')
      and coalesce(j.completed_at, j.last_updated_at) < ${value('beforeMillis')}
      and not exists (select 1 from exec e where e.job_no = j.job_no and (e.status < 2 or e.updated_at >= ${value('beforeMillis')}))
    order by j.job_no limit ${value('limit')})
  returning *`,
);

/** A cross join, which SQLite does from left to right: it would read all executions to find those of old jobs. */
const selectEnded = statement<{ beforeMillis: number; limit: number }, ExecutionRow>(
  (value) => sql`
  select ${executionColumns} from job j cross join exec e
  where e.job_no = j.job_no and j.created_at < ${value('beforeMillis')} and j.status <> 'DELETION_IN_PROGRESS'
    and e.status >= 2 and e.updated_at < ${value('beforeMillis')}
  order by j.job_no, e.status, e.thing_no, e.no limit ${value('limit')}`,
);
