import { sql } from 'kysely';
import type { StoredExecution } from '../jobs/storedExecution.ts';
import { lockDue, rows } from './dialect.ts';
import { ADDED_TO_WAITING } from './executions.ts';
import { type ExecutionRow, executionColumns, fromRow, inQueue } from './loadExecutions.ts';
import { type Connection, statement } from './statement.ts';

/** A thing to be told, with its queue as it is now. */
export interface WaitingNotification {
  thingNo: number;
  thingName: string;
  list: boolean;
  next: boolean;
  at: number;
  /** The head of the queue, in order; the first with its document when `next`. */
  queue: StoredExecution[];
}

/** Reads what these things are to be told, in one statement: what changes after it makes another notification. */
export async function loadNotifications(
  on: Connection,
  things: readonly number[],
  depth: number,
): Promise<WaitingNotification[]> {
  const found = new Map<number, WaitingNotification>();
  for (const row of await selectNotifications(on, { things: JSON.stringify(things.map((thing) => [thing])), depth })) {
    const one: WaitingNotification = found.get(row.thing) ?? {
      thingNo: row.thing,
      thingName: row.thing_name,
      list: row.list === 1,
      next: row.next === 1,
      at: row.at,
      queue: [],
    };
    found.set(row.thing, one);
    if (row.job_no !== null) one.queue.push(fromRow(row));
  }
  return [...found.values()];
}

/** Removes what was sent, unless something was added to it meanwhile. */
export async function removeNotifications(on: Connection, sent: readonly WaitingNotification[]): Promise<void> {
  if (sent.length > 0)
    await deleteNotifications(on, { sent: JSON.stringify(sent.map(({ thingNo, at }) => [thingNo, at])) });
}

/** Takes over notifications that were left behind: whoever wrote them has not sent them in time. Gives their things. */
export async function takeLeftNotifications(
  on: Connection,
  nowMillis: number,
  busyUntil: number,
  limit: number,
): Promise<number[]> {
  return (await updateLeft(on, { nowMillis, busyUntil, limit })).map((row) => row.thing_no);
}

/** When the next notification would count as left behind; undefined: none waits. */
export async function nextLeftNotificationMillis(on: Connection): Promise<number | undefined> {
  return (await selectNextLeft(on, {}))[0]?.at ?? undefined;
}

/**
 * Tells things that a new execution of a job stands in their queue: at its head too, where nothing else is pending, or what is was
 * queued by a clock that was set back since.
 */
export async function notifyQueued(
  tx: Connection,
  things: readonly number[],
  jobNo: number,
  nowMillis: number,
  busyUntil: number,
): Promise<void> {
  if (things.length > 0)
    await insertTold(tx, { things: JSON.stringify(things.map((thing) => [thing])), jobNo, at: nowMillis, busyUntil });
}

type NotificationRow = ExecutionRow & { thing: number; thing_name: string; list: number; next: number; at: number };

const selectNotifications = statement<{ things: string; depth: number }, NotificationRow>(
  (value, engine) => sql`
  select ordered.*, case when next = 1 and place = 1 then (select document from job where job.job_no = ordered.job_no) end as document from (
    select n.thing_no as thing, t.thing_name, n.list, n.next, n.at,
      row_number() over (partition by n.thing_no order by e.status desc, e.queued_at, e.job_no, e.no) as place,
      ${executionColumns}
    from ${rows(engine, value('things'), { thing_no: 'bigint' })} as r
    join notify_q n on n.thing_no = r.thing_no
    join thing t on t.thing_no = n.thing_no
    left join exec e on e.thing_no = n.thing_no and ${inQueue('e')}
    left join job j on j.job_no = e.job_no
  ) as ordered where place <= ${value('depth')} order by thing, place`,
);

const deleteNotifications = statement<{ sent: string }, never>(
  (value, engine) => sql`
  delete from notify_q where (thing_no, at) in
    (select thing_no, at from ${rows(engine, value('sent'), { thing_no: 'bigint', at: 'bigint' })} as r)`,
);

const updateLeft = statement<{ nowMillis: number; busyUntil: number; limit: number }, { thing_no: number }>(
  (value, engine) => sql`
  update notify_q set busy_until = ${value('busyUntil')} where thing_no in (
    select left_behind.thing_no from notify_q left_behind
    where left_behind.busy_until <= ${value('nowMillis')}
    order by left_behind.busy_until, left_behind.thing_no limit ${value('limit')} ${lockDue(engine, 'left_behind')})
  returning thing_no`,
);

const selectNextLeft = statement<object, { at: number | null }>(() => sql`select min(busy_until) as at from notify_q`);

/** How far a job's things have been told that its executions are to be seen again: status and thing of the last one. */
export type RevealPlace = [status: number, thingNo: number];

/** Tells the next things of a job that its pending executions are in their queues now; fewer than `limit`: that was all. */
export async function notifyRevealed(
  tx: Connection,
  jobNo: number,
  [status, thingNo]: RevealPlace,
  limit: number,
  nowMillis: number,
  busyUntil: number,
): Promise<{ things: number[]; last: RevealPlace | undefined }> {
  const found = await selectPendingOfJob(tx, { jobNo, status, thingNo, limit });
  const things = found.map((row) => row.thing_no);
  const list = JSON.stringify(things.map((thing) => [thing]));
  if (things.length > 0) await insertTold(tx, { things: list, jobNo, at: nowMillis, busyUntil });
  const last = found.at(-1);
  return { things, last: last && [last.status, last.thing_no] };
}

const selectPendingOfJob = statement<
  { jobNo: number; status: number; thingNo: number; limit: number },
  { status: number; thing_no: number }
>(
  (value) => sql`
  select status, thing_no from exec where job_no = ${value('jobNo')} and status < 2
    and (status, thing_no) > (${value('status')}, ${value('thingNo')}) order by status, thing_no limit ${value('limit')}`,
);

const insertTold = statement<{ things: string; jobNo: number; at: number; busyUntil: number }, never>(
  (value, engine) => sql`
  insert into notify_q (thing_no, list, next, at, busy_until)
  select r.thing_no, 1, case when (select h.job_no from exec h where h.thing_no = r.thing_no and ${inQueue('h')}
      order by h.status desc, h.queued_at, h.job_no, h.no limit 1) = ${value('jobNo')} then 1 else 0 end,
    cast(${value('at')} as bigint), cast(${value('busyUntil')} as bigint)
  from ${rows(engine, value('things'), { thing_no: 'bigint' })} as r where true
  ${ADDED_TO_WAITING}`,
);
