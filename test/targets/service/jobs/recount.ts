import * as assert from 'uvu/assert';
import type { Store } from '../../../../targets/service/store/open.ts';

/** Fails unless the counters of every job, folded and not, are what its executions add up to, each thing by its latest. */
export async function assertCountersAreTrue({ db }: Store): Promise<void> {
  const sums = new Map<string, number>();
  const add = (job_no: number, status: number, n: number) => {
    const key = `job ${job_no} status ${status}`;
    sums.set(key, (sums.get(key) ?? 0) + n);
  };
  const latest = new Map<string, { job_no: number; status: number }>();
  for (const row of await db.selectFrom('exec').select(['thing_no', 'job_no', 'status']).orderBy('no').execute())
    latest.set(`${row.thing_no} ${row.job_no}`, row);
  for (const { job_no, status } of latest.values()) add(job_no, status, -1);
  for (const table of ['job_count', 'job_delta'] as const)
    for (const { job_no, status, n } of await db.selectFrom(table).selectAll().execute()) add(job_no, status, n);
  assert.equal(
    [...sums].filter(([, n]) => n !== 0),
    [],
  );
}
