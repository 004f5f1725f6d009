import { type RawBuilder, sql } from 'kysely';
import { type Change, deadlineOf, rank, type StoredExecution } from '../jobs/storedExecution.ts';
import { lockRows, rows } from './dialect.ts';
import { writeExecutionEvents } from './events.ts';
import { type Connection, statement } from './statement.ts';

/**
 * Writes changes, each only if its execution still has the versionNumber it was read with; with them the counters' deltas,
 * the notifications and the events they cause. For use inside a transaction.
 *
 * @returns the changes that were written; the others were overtaken by another writer
 */
export async function writeChanges(
  tx: Connection,
  changes: readonly Change[],
  nowMillis: number,
  busyUntilMillis: number,
): Promise<Change[]> {
  if (changes.length === 0) return [];
  // Everybody takes rows in this order, so that writers of the same rows wait for one another but never in a circle.
  const inOrder = [...changes].sort(byKey);
  const updates = inOrder.filter(({ after }) => after !== undefined);
  const deletions = inOrder.filter(({ after }) => after === undefined);
  const done = new Set<string>();
  const note = ({ thing_no, job_no, no }: Key) => done.add(`${thing_no} ${job_no} ${no}`);
  if (updates.length > 0)
    for (const row of await updateRows(tx, { changes: JSON.stringify(updates.map(toRow)) })) note(row);
  const counted = await deleteCounted(tx, deletions, note);
  const written = changes.filter(({ before }) =>
    done.has(`${before.thingNo} ${before.jobNo} ${before.executionNumber}`),
  );
  const retries = written.flatMap(({ retry }) => (retry === undefined ? [] : [toRetryRow(retry)]));
  if (retries.length > 0) await insertRetries(tx, { retries: JSON.stringify(retries) });
  await writeDeltas(tx, [...deltasOf(written), ...counted]);
  await writeNotifications(tx, written, nowMillis, busyUntilMillis);
  await writeExecutionEvents(tx, written, nowMillis);
  return written;
}

function byKey({ before: a }: Change, { before: b }: Change): number {
  return a.thingNo - b.thingNo || a.jobNo - b.jobNo || a.executionNumber - b.executionNumber;
}

/** Deletes, and gives what that does to the counters, which count a thing by its latest execution. */
async function deleteCounted(tx: Connection, deletions: readonly Change[], note: (key: Key) => void): Promise<Delta[]> {
  if (deletions.length === 0) return [];
  const keys = deletions.map(({ before: { thingNo, jobNo, executionNumber, versionNumber } }) => [
    thingNo,
    jobNo,
    executionNumber,
    versionNumber,
  ]);
  const pairs = new Map(keys.map(([thingNo, jobNo]) => [`${thingNo} ${jobNo}`, [thingNo, jobNo]]));
  const things = JSON.stringify([...pairs.values()]);
  const before = await selectLatest(tx, { things });
  for (const row of await deleteRows(tx, { keys: JSON.stringify(keys) })) note(row);
  const after = await selectLatest(tx, { things });
  return [...before.map((row) => deltaOf(row, -1)), ...after.map((row) => deltaOf(row, 1))];
}

type Delta = [jobNo: number, status: number, n: number];

const deltaOf = ({ job_no, status }: { job_no: number; status: number }, n: number): Delta => [job_no, status, n];

/** Appends to the counters: how many executions came into a status, or left it (below 0). */
export async function writeDeltas(tx: Connection, deltas: readonly Delta[]): Promise<void> {
  if (deltas.length > 0) await insertDeltas(tx, { deltas: JSON.stringify(deltas) });
}

function deltasOf(changes: readonly Change[]): Delta[] {
  const sums = new Map<string, Delta>();
  const add = (execution: StoredExecution, n: number) => {
    const key = `${execution.jobNo} ${execution.status}`;
    const sum = sums.get(key) ?? [execution.jobNo, rank(execution.status), 0];
    sums.set(key, [sum[0], sum[1], sum[2] + n]);
  };
  for (const { before, after, retry } of changes) {
    if (after === undefined || before.status === after.status) continue;
    add(before, -1);
    add(retry ?? after, 1);
  }
  return [...sums.values()].filter(([, , n]) => n !== 0);
}

async function writeNotifications(
  tx: Connection,
  changes: readonly Change[],
  at: number,
  busyUntil: number,
): Promise<void> {
  const flags = new Map<number, [thingNo: number, list: number, next: number]>();
  for (const { before, notify, notifyNext } of changes) {
    if (!notify && !notifyNext) continue;
    const [, list, next] = flags.get(before.thingNo) ?? [0, 0, 0];
    flags.set(before.thingNo, [before.thingNo, list | Number(notify), next | Number(notifyNext)]);
  }
  if (flags.size > 0)
    await upsertNotifications(tx, {
      things: JSON.stringify([...flags.values()].sort(([a], [b]) => a - b)),
      at,
      busyUntil,
    });
}

/** In the order of CHANGE_COLUMNS; the version is the one that was read. */
function toRow({ before, after = before }: Change): (number | string | null)[] {
  return [
    after.thingNo,
    after.jobNo,
    after.executionNumber,
    before.versionNumber,
    rank(after.status),
    Object.keys(after.statusDetails).length === 0 ? null : JSON.stringify(after.statusDetails),
    after.lastToken ?? null,
    after.startedAtMillis ?? null,
    after.lastUpdatedAtMillis,
    after.inProgressDeadlineMillis ?? null,
    after.stepDeadlineMillis ?? null,
    deadlineOf(after) ?? null,
    after.forceCanceled ? 1 : 0,
    before.hasLeft ? 1 : 0,
  ];
}

/** In the order of RETRY_COLUMNS. */
function toRetryRow(retry: StoredExecution): (number | string | null)[] {
  const { thingNo, jobNo, executionNumber, lastToken, queuedAtMillis, attempt, timedOutRetries } = retry;
  return [thingNo, jobNo, executionNumber, lastToken ?? null, queuedAtMillis, attempt, timedOutRetries];
}

interface Key {
  thing_no: number;
  job_no: number;
  no: number;
}

const CHANGE_COLUMNS = {
  thing_no: 'bigint',
  job_no: 'bigint',
  no: 'bigint',
  ver: 'bigint',
  status: 'bigint',
  details: 'text',
  last_token: 'text',
  started_at: 'bigint',
  updated_at: 'bigint',
  in_progress_deadline: 'bigint',
  step_deadline: 'bigint',
  deadline: 'bigint',
  force_canceled: 'bigint',
  has_left: 'bigint',
} as const;

const RETRY_COLUMNS = {
  thing_no: 'bigint',
  job_no: 'bigint',
  no: 'bigint',
  last_token: 'text',
  queued_at: 'bigint',
  attempt: 'bigint',
  timed_out_retries: 'bigint',
} as const;

const updateRows = statement<{ changes: string }, Key>(
  (value, engine) => sql`
  update exec set status = r.status, details = r.details, ver = r.ver + 1, last_token = r.last_token, started_at = r.started_at,
    updated_at = r.updated_at, in_progress_deadline = r.in_progress_deadline, step_deadline = r.step_deadline,
    deadline = r.deadline, force_canceled = r.force_canceled
  from ${rows(engine, value('changes'), CHANGE_COLUMNS)} as r
  where exec.thing_no = r.thing_no and exec.job_no = r.job_no and exec.no = r.no and exec.ver = r.ver and exec.has_left = r.has_left
  returning exec.thing_no, exec.job_no, exec.no`,
);

const deleteRows = statement<{ keys: string }, Key>(
  (value, engine) => sql`
  delete from exec where (thing_no, job_no, no, ver) in (select thing_no, job_no, no, ver from
    ${rows(engine, value('keys'), { thing_no: 'bigint', job_no: 'bigint', no: 'bigint', ver: 'bigint' })} as r)
  returning thing_no, job_no, no`,
);

const insertRetries = statement<{ retries: string }, never>(
  (value, engine) => sql`
  insert into exec (thing_no, job_no, no, status, ver, last_token, queued_at, updated_at, attempt, timed_out_retries)
  select thing_no, job_no, no, 0, 1, last_token, queued_at, queued_at, attempt, timed_out_retries
  from ${rows(engine, value('retries'), RETRY_COLUMNS)} as r where true`,
);

/** The status of the latest execution of each thing in a job. */
const selectLatest = statement<{ things: string }, { job_no: number; status: number }>(
  (value, engine) => sql`
  select e.job_no, e.status from ${rows(engine, value('things'), { thing_no: 'bigint', job_no: 'bigint' })} as r
  join exec e on e.thing_no = r.thing_no and e.job_no = r.job_no and e.no =
    (select max(latest.no) from exec latest where latest.thing_no = r.thing_no and latest.job_no = r.job_no)
  ${lockRows(engine, 'e')}`,
);

const insertDeltas = statement<{ deltas: string }, never>(
  (value, engine) => sql`
  insert into job_delta (job_no, status, n) select job_no, status, n from
    ${rows(engine, value('deltas'), { job_no: 'bigint', status: 'bigint', n: 'bigint' })} as r`,
);

const upsertNotifications = statement<{ things: string; at: number; busyUntil: number }, never>(
  (value, engine) => sql`
  insert into notify_q (thing_no, list, next, at, busy_until)
  select thing_no, list, next, cast(${value('at')} as bigint), cast(${value('busyUntil')} as bigint) from
    ${rows(engine, value('things'), { thing_no: 'bigint', list: 'bigint', next: 'bigint' })} as r where true
  ${ADDED_TO_WAITING}`,
);

/** One row a thing: what is added to it while it waits to be sent makes it another (`at` grows), so that it is sent again. */
export const ADDED_TO_WAITING: RawBuilder<unknown> = sql`
  on conflict (thing_no) do update set list = notify_q.list | excluded.list, next = notify_q.next | excluded.next,
    at = case when excluded.at > notify_q.at then excluded.at else notify_q.at + 1 end, busy_until = excluded.busy_until`;
