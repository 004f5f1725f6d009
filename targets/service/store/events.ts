import { sql } from 'kysely';
import { isTerminal } from '../../../runtime/jobs/execution.ts';
import type { Change } from '../jobs/storedExecution.ts';
import { lockDue, randomId, rows } from './dialect.ts';
import { type Connection, statement } from './statement.ts';

/** An event that waits to be published. */
export interface WaitingEvent {
  event_no: number;
  /** 32 hexadecimal digits, made when the row was written: an event that is published twice has it twice. */
  event_id: string;
  event_type: 'JOB' | 'JOB_EXECUTION';
  /** The last segment of its topic. */
  operation: string;
  job_id: string;
  /** null: it is about the job. */
  thing_name: string | null;
  at: number;
  /** JSON: the members of the payload from `status` on. */
  body: string;
}

/**
 * Writes the events of changed executions (events §2), in the transaction that changes them: what is committed is published
 * even if the process ends in between. Nothing while they are turned off.
 */
export async function writeExecutionEvents(
  tx: Connection,
  changes: readonly Change[],
  atMillis: number,
): Promise<void> {
  const events = changes.flatMap(eventOf);
  if (events.length === 0) return;
  // Asked first, so that where events are off a batch costs one look at an empty table.
  if ((await selectEnabled(tx, {})).length > 0)
    await insertExecutionEvents(tx, { events: JSON.stringify(events), atMillis });
}

/** Writes an event about a job; nothing while they are turned off. */
export async function writeJobEvent(
  tx: Connection,
  event: { operation: string; jobId: string; body: string; atMillis: number },
): Promise<void> {
  await insertJobEvent(tx, event);
}

/** Events that wait, the oldest first, taken for the rest of the transaction. */
export const takeEvents = statement<{ limit: number }, WaitingEvent>(
  (value, engine) => sql`select * from event_q order by event_no limit ${value('limit')} ${lockDue(engine, 'event_q')}`,
);

export async function hasEvents(on: Connection): Promise<boolean> {
  return (await selectAnyEvent(on, {})).length > 0;
}

const selectAnyEvent = statement<object, { event_no: number }>(() => sql`select event_no from event_q limit 1`);

/** Removes events that were published. */
export async function removeEvents(on: Connection, sent: readonly WaitingEvent[]): Promise<void> {
  if (sent.length > 0) await deleteEvents(on, { sent: JSON.stringify(sent.map(({ event_no }) => [event_no])) });
}

type ExecutionEvent = [jobId: string, thingNo: number, operation: string, body: string];

/** There are none for what is queued or IN_PROGRESS. */
function eventOf({ before, after }: Change): ExecutionEvent[] {
  if (after !== undefined && (after.status === before.status || !isTerminal(after.status))) return [];
  const { jobId, thingNo, statusDetails } = after ?? before;
  const status = after?.status ?? 'DELETED';
  const hasDetails = Object.keys(statusDetails).length > 0;
  return [[jobId, thingNo, status.toLowerCase(), JSON.stringify({ status, ...(hasDetails && { statusDetails }) })]];
}

const selectEnabled = statement<object, { enabled: number }>(
  () => sql`select enabled from event_configuration where event_type = 'JOB_EXECUTION' and enabled = 1`,
);

/** A deleted thing that had executions is found among those that are gone. */
const insertExecutionEvents = statement<{ events: string; atMillis: number }, never>(
  (value, engine) => sql`
  insert into event_q (event_id, event_type, operation, job_id, thing_name, at, body)
  select ${randomId(engine)}, 'JOB_EXECUTION', r.operation, r.job_id, coalesce(t.thing_name, g.thing_name),
    cast(${value('atMillis')} as bigint), r.body
  from ${rows(engine, value('events'), { job_id: 'text', thing_no: 'bigint', operation: 'text', body: 'text' })} as r
  left join thing t on t.thing_no = r.thing_no
  left join gone_thing g on g.thing_no = r.thing_no`,
);

const insertJobEvent = statement<{ operation: string; jobId: string; body: string; atMillis: number }, never>(
  (value, engine) => sql`
  insert into event_q (event_id, event_type, operation, job_id, thing_name, at, body)
  select ${randomId(engine)}, 'JOB', cast(${value('operation')} as text), cast(${value('jobId')} as text), null,
    cast(${value('atMillis')} as bigint), cast(${value('body')} as text)
  from event_configuration where event_type = 'JOB' and enabled = 1`,
);

const deleteEvents = statement<{ sent: string }, never>(
  (value, engine) => sql`
  delete from event_q where event_no in (select event_no from ${rows(engine, value('sent'), { event_no: 'bigint' })} as r)`,
);
