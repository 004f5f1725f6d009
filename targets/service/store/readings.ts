import { sql } from 'kysely';
import { STATUSES } from '../../../runtime/jobs/execution.ts';
import { type Connection, statement } from './statement.ts';

/** A queue that is longer is said to be this long: counting costs. */
const COUNTED_MAX = 100_000;

/** @throws what the store throws when it cannot be read */
export async function ping(store: Connection): Promise<void> {
  await selectOne(store, {});
}

/** How many executions, by the latest of each thing in each job, are in each status. */
export async function countExecutions(store: Connection): Promise<Map<string, number>> {
  const found = await selectCounts(store, {});
  const counts = new Map<string, number>(STATUSES.map((status) => [status, 0]));
  for (const { status, n } of found) counts.set(STATUSES[status]!, Number(n));
  return counts;
}

/** What waits in the store to be sent. */
export async function countWaiting(store: Connection): Promise<{ notifications: number; events: number }> {
  const [row] = await selectWaiting(store, {});
  return { notifications: Number(row?.notifications), events: Number(row?.events) };
}

const selectOne = statement<Record<never, never>, { one: number }>(() => sql`select 1 as one`);

const selectCounts = statement<Record<never, never>, { status: number; n: number }>(
  () => sql`
  select status, sum(n) as n from (select status, n from job_count union all select status, n from job_delta) as counted
  group by status`,
);

const selectWaiting = statement<Record<never, never>, { notifications: number; events: number }>(
  () => sql`
  select (select count(*) from (select 1 from notify_q limit ${sql.lit(COUNTED_MAX)}) as n) as notifications,
    (select count(*) from (select 1 from event_q limit ${sql.lit(COUNTED_MAX)}) as e) as events`,
);
