import { encodeObject, type JsonObject } from '../../../runtime/jobs/json.ts';
import { hasEvents, removeEvents, takeEvents, type WaitingEvent, writeJobEvent } from '../store/events.ts';
import type { Counts, JobRow } from '../store/jobs.ts';
import { inTransaction } from '../store/open.ts';
import type { Connection } from '../store/statement.ts';
import type { JobConfig } from './jobConfig.ts';
import { EVENTS_BATCH_MAX } from './limits.ts';
import { countOf } from './rollout.ts';
import type { Underway } from './underway.ts';

/** The last segment of a job's event topic (events §2); in capitals it is the `status` in the payload. */
export type JobEvent = 'completed' | 'cancellation_in_progress' | 'canceled' | 'deletion_in_progress' | 'deleted';

/**
 * Writes an event of a job in the transaction that changes it, where such events are turned on.
 *
 * @param job     as it is after the change
 * @param counts  of its executions; for `completed`
 */
export async function tellOfJob(
  tx: Connection,
  job: JobRow,
  operation: JobEvent,
  atMillis: number,
  counts?: Counts,
): Promise<void> {
  const { targets }: JobConfig = JSON.parse(job.config);
  const hasComment = operation !== 'completed' && operation !== 'canceled' && job.comment !== null;
  const body = {
    status: operation.toUpperCase(),
    targetSelection: job.target_selection,
    targets,
    ...(job.description !== null && { description: job.description }),
    ...(hasComment && { comment: job.comment }),
    ...(operation === 'completed' && { completedAt: job.completed_at }),
    createdAt: job.created_at,
    lastUpdatedAt: job.last_updated_at,
    ...(counts && { jobProcessDetails: countersOf(counts) }),
  };
  await writeJobEvent(tx, { operation, jobId: job.job_id, body: JSON.stringify(body), atMillis });
}

/** Those of the sample in the guide, and the timed-out ones, which the other five do not count. */
function countersOf(counts: Counts): Record<string, number> {
  return {
    numberOfCanceledThings: countOf(counts, 'CANCELED'),
    numberOfRejectedThings: countOf(counts, 'REJECTED'),
    numberOfFailedThings: countOf(counts, 'FAILED'),
    numberOfRemovedThings: countOf(counts, 'REMOVED'),
    numberOfSucceededThings: countOf(counts, 'SUCCEEDED'),
    numberOfTimedOutThings: countOf(counts, 'TIMED_OUT'),
  };
}

export interface EventsOptions {
  store: Connection;
  underway: Underway;
  /** Both appear in ARNs. */
  region: string;
  account: string;
  /** Resolves when the message is on its way for good. */
  publish: (topic: string, payload: Uint8Array) => void | Promise<void>;
  /** Called when some could not be sent: their rows are still in the store. */
  failed: () => void;
  log: (event: string, error: unknown) => void;
}

/**
 * Publishes what waits in event_q, the oldest first: at least once, as a row goes after its message. One that is published
 * again, after a crash in between, has the same eventId.
 */
export function createEvents(options: EventsOptions) {
  const { store, underway } = options;
  let running = false;
  let asked = false;

  /** Looks for events and publishes them; to be called after commits. */
  function send(): void {
    asked = true;
    if (!running) void underway.run(drain);
  }

  async function drain(): Promise<void> {
    running = true;
    // Notifications that were sent in this turn of the event loop are read first.
    await undefined;
    while (asked) {
      asked = false;
      try {
        const sent = (await hasEvents(store)) ? await inTransaction(store, sendSome) : [];
        if (sent.includes(false)) options.failed();
        else if (sent.length === EVENTS_BATCH_MAX) asked = true;
      } catch (error) {
        options.log('events could not be read', error);
        options.failed();
      }
    }
    running = false;
  }

  /** In one transaction, so that no other worker publishes them too. */
  async function sendSome(tx: Connection): Promise<boolean[]> {
    const waiting = await takeEvents(tx, { limit: EVENTS_BATCH_MAX });
    const sent = await Promise.all(waiting.map(publishOne));
    await removeEvents(
      tx,
      waiting.filter((_, i) => sent[i]),
    );
    return sent;
  }

  async function publishOne(event: WaitingEvent): Promise<boolean> {
    try {
      await options.publish(topicOf(event), encodeObject(payloadOf(event, options)));
      return true;
    } catch (error) {
      options.log(`an event of job ${event.job_id} could not be published`, error);
      return false;
    }
  }

  return { send };
}

function topicOf({ event_type, job_id, operation }: WaitingEvent): string {
  return `$aws/events/${event_type === 'JOB' ? 'job' : 'jobExecution'}/${job_id}/${operation}`;
}

/** `timestamp` is in seconds, all other times are in milliseconds (events §3). */
function payloadOf(event: WaitingEvent, { region, account }: EventsOptions): JsonObject {
  const { event_type, event_id, operation, job_id, thing_name, at, body } = event;
  return {
    eventType: event_type,
    eventId: uuidOf(event_id),
    timestamp: Math.floor(at / 1000),
    operation,
    jobId: job_id,
    ...(event_type === 'JOB_EXECUTION' && { thingArn: `arn:aws:iot:${region}:${account}:thing/${thing_name ?? ''}` }),
    ...JSON.parse(body),
  };
}

/** Random bits as a UUID of version 4 (RFC 9562 §5.4). */
function uuidOf(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex[16] as string, 16) & 3];
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}
