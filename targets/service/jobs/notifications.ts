import type { JobExecutionsChanged, NextJobExecutionChanged } from '../../../runtime/jobs/answers.ts';
import { encodeObject } from '../../../runtime/jobs/json.ts';
import { notificationTopic } from '../../../runtime/jobs/topics.ts';
import { loadNotifications, removeNotifications, type WaitingNotification } from '../store/notifications.ts';
import type { Connection } from '../store/statement.ts';
import type { Clock } from './clock.ts';
import type { Delivery } from './delivery.ts';
import { NOTIFY_BATCH_MAX, SCHEDULED_PENDING_LIST_MAX } from './limits.ts';
import type { StoredExecution } from './storedExecution.ts';
import type { Underway } from './underway.ts';
import { executionView, secondsOf, shownOf, summaryView } from './views.ts';

export interface NotificationsOptions {
  store: Connection;
  clock: Clock;
  underway: Underway;
  delivery: Delivery;
  /** Resolves when the message is on its way for good (embedded: handed to the gateway; a broker: PUBACK). */
  publish: (topic: string, payload: Uint8Array) => void | Promise<void>;
  /** Called when some could not be sent: their rows are still in the store. */
  failed: () => void;
  /** Lets requests in between two batches. */
  breathe: () => Promise<void>;
  log: (event: string, error: unknown) => void;
}

/**
 * Sends what waits in notify_q. The payload is read when it is sent, so ten changes make one message and the last
 * message always shows the present; a row goes once its message is published.
 */
export function createNotifications(options: NotificationsOptions) {
  const { store, clock, underway } = options;
  const things = new Set<number>();
  let running = false;

  /** Sends to these things now; to be called after the commit that wrote their rows. */
  function send(thingNos: Iterable<number>): void {
    for (const thingNo of thingNos) things.add(thingNo);
    if (!running && things.size > 0) void underway.run(drain);
  }

  async function drain(): Promise<void> {
    running = true;
    // Answers that were resolved in this turn of the event loop leave first (data-plane §2: accepted, notify, notify-next).
    await undefined;
    while (things.size > 0) {
      const batch = [...things].slice(0, NOTIFY_BATCH_MAX);
      for (const thingNo of batch) things.delete(thingNo);
      try {
        const waiting = await loadNotifications(store, batch, SCHEDULED_PENDING_LIST_MAX);
        const sent = await Promise.all(waiting.map(publishBoth));
        await removeNotifications(
          store,
          waiting.filter((_, i) => sent[i]),
        );
        if (sent.includes(false)) options.failed();
      } catch (error) {
        options.log('notifications could not be read', error);
        options.failed();
      }
      if (things.size > 0) await options.breathe();
    }
    running = false;
  }

  async function publishBoth(waiting: WaitingNotification): Promise<boolean> {
    const { thingName, list, next, queue } = waiting;
    try {
      const nowMillis = clock.now();
      if (list)
        await options.publish(notificationTopic(thingName, 'notify'), encodeObject(changedView(queue, nowMillis)));
      if (next) {
        const message = nextView(queue[0], nowMillis);
        await signed(message, waiting);
        await options.publish(notificationTopic(thingName, 'notify-next'), encodeObject(message));
      }
      return true;
    } catch (error) {
      options.log(`a notification for ${thingName} could not be published`, error);
      return false;
    }
  }

  async function signed(
    { execution }: NextJobExecutionChanged,
    { queue, thingName }: WaitingNotification,
  ): Promise<void> {
    if (execution?.jobDocument === undefined || queue[0]?.signs !== true) return;
    execution.jobDocument = await options.delivery.fill(execution.jobDocument, queue[0], thingName);
  }

  return { send };
}

/** JobExecutionsChanged: a status with no executions is left out (data-plane §7). */
function changedView(queue: readonly StoredExecution[], nowMillis: number): JobExecutionsChanged {
  const jobs: JobExecutionsChanged['jobs'] = {};
  for (const execution of shownOf(queue)) {
    const status = execution.status as keyof JobExecutionsChanged['jobs'];
    (jobs[status] ??= []).push(summaryView(execution));
  }
  return { timestamp: secondsOf(nowMillis), jobs };
}

/** NextJobExecutionChanged: no execution when the queue is empty. */
function nextView(head: StoredExecution | undefined, nowMillis: number): NextJobExecutionChanged {
  if (head === undefined) return { timestamp: secondsOf(nowMillis) };
  return { timestamp: secondsOf(nowMillis), execution: executionView(head, nowMillis) };
}
