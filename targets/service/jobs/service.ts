import type { Status } from '../../../runtime/jobs/execution.ts';
import type { Store } from '../store/open.ts';
import { createClock } from './clock.ts';
import { associateTargetsWithJob } from './control/associateTargets.ts';
import { type CancelJobInput, cancelJob } from './control/cancelJob.ts';
import type { Control } from './control/context.ts';
import { type CreateJobInput, createJob } from './control/createJob.ts';
import { deleteJob } from './control/deleteJob.ts';
import * as executions from './control/executions.ts';
import { describeJob, getJobDocument, type ListJobsInput, listJobs } from './control/readJobs.ts';
import { updateJob } from './control/updateJob.ts';
import { createDelivery, type Signer } from './delivery.ts';
import { createEvents } from './events.ts';
import { EVENTS_RETRY_MILLIS, RETENTION_MILLIS } from './limits.ts';
import { createMembership } from './membership.ts';
import { createNotifications } from './notifications.ts';
import { createRequests, type Message } from './requests.ts';
import { type Change, deadlineOf } from './storedExecution.ts';
import { createTicks } from './tick.ts';
import { createUnderway } from './underway.ts';

export interface JobsServiceOptions {
  /** Stays its owner's, who closes it after the service. */
  store: Store;
  /** Milliseconds since the Unix epoch; nothing else here knows the time. */
  nowMillis: () => number;
  /** Both appear in ARNs. */
  region: string;
  account: string;
  /** Sends a notification, or an event, to whoever subscribed; resolves when it is on its way for good, throws where it could not be sent. */
  publish: (topic: string, payload: Uint8Array) => void | Promise<void>;
  /** Signs the URLs in documents; without one CreateJob refuses documents that need it. */
  signer?: Signer;
  /** Reads the text behind a documentSource; throws a sentence where it cannot. Without it CreateJob refuses documentSource. */
  readDocument?: (url: string) => Promise<string>;
  /** Other processes do the same on this store: what one leaves behind another takes up. False unless given. */
  isShared?: boolean;
  /**
   * Resolves when the owner's event loop has been round: SQLite answers at once, so that a long roll-out would otherwise be one
   * turn in which no request is read. Unless given nothing comes in between.
   */
  breathe?: () => Promise<void>;
  /** How long jobs and executions are kept after they ended, milliseconds; two years unless given. */
  retentionMillis?: number;
  /** Told of the status that an execution came into by a device, an operator or a timer. */
  onStatus?: (status: Status) => void;
  /** Takes note of what went wrong inside, one event a call. */
  log?: (event: string, error: unknown) => void;
  /** Our switch for the disputed move IN_PROGRESS to REJECTED (state-machine §2.2); off unless given. */
  allowRejectFromInProgress?: boolean;
}

export type JobsService = ReturnType<typeof createJobsService>;

/**
 * The Jobs service without its edges: requests of devices in, answers and notifications out, the operations of the control
 * plane as functions. Opens nothing, has no timer and no clock: its owner calls `tick` when it is due. The same calls
 * give the same answers.
 */
export function createJobsService(options: JobsServiceOptions) {
  const { store, region, account, publish, log = () => {}, breathe = async () => {} } = options;
  const clock = createClock(options.nowMillis);
  const underway = createUnderway();
  let wake: (atMillis: number) => void = () => {};
  let nextTickMillis = Number.POSITIVE_INFINITY;
  let lastTick: Promise<unknown> = Promise.resolve();
  let closed = false;

  const due = (atMillis: number | undefined) => {
    if (atMillis === undefined || atMillis >= nextTickMillis || closed) return;
    nextTickMillis = atMillis;
    wake(atMillis);
  };
  const delivery = createDelivery(store, options.signer);
  const notifications = createNotifications({
    store,
    clock,
    underway,
    delivery,
    publish,
    log,
    breathe,
    failed: () => due(ticks.unsent()),
  });
  const events = createEvents({
    store,
    underway,
    region,
    account,
    publish,
    log,
    failed: () => due(clock.now() + EVENTS_RETRY_MILLIS),
  });
  const ticks = createTicks({
    store,
    clock,
    send: notifications.send,
    retentionMillis: options.retentionMillis ?? RETENTION_MILLIS,
    isShared: options.isShared ?? false,
    breathe,
    onStatus: options.onStatus ?? (() => {}),
  });

  function committed(changes: readonly Change[]): void {
    const told = changes.filter(({ notify, notifyNext }) => notify || notifyNext);
    notifications.send(told.map(({ before }) => before.thingNo));
    events.send();
    due(ticks.changed(changes));
    for (const { after } of changes) if (after !== undefined) due(deadlineOf(after));
  }

  const membership = createMembership(clock, (things) => {
    notifications.send(things);
    due(ticks.foldSoon());
  });

  const rules = { allowRejectFromInProgress: options.allowRejectFromInProgress ?? false };
  const requests = createRequests({ store, clock, underway, rules, delivery, committed, log, breathe });
  const context: Control = {
    store,
    clock,
    region,
    account,
    signer: options.signer,
    readDocument: options.readDocument,
    due,
    committed,
  };
  const operation =
    <Input, Output>(run: (control: Control, input: Input) => Promise<Output>) =>
    (input: Input): Promise<Output> =>
      underway.run(() => run(context, input));

  async function runTick(): Promise<void> {
    nextTickMillis = Number.POSITIVE_INFINITY;
    due(await ticks.tick());
    events.send();
  }

  return {
    /** A message that an authorised client published: its answer, or undefined where the service keeps silent. Never rejects. */
    request: (topic: string, payload: Uint8Array): Promise<Message | undefined> => requests.request(topic, payload),
    /** The same for a request that is checked already (HTTPS data plane). */
    ask: requests.ask,
    /** Requests that wait for their batch. */
    waiting: requests.waiting,
    /** The answer to a message that its owner refuses by itself, because there are too many. */
    refuse: requests.refuse,
    /**
     * Does what is due. To be called once at the start, after `onDue`, and then at the times that `onDue` tells.
     *
     * The next time is told by `onDue` alone. Were it returned too, an owner could put it in the place of an earlier one that
     * it was told while this promise was on its way.
     *
     * @throws  what the store threw: what was committed stays, the rest is tried by the next call, a little later
     */
    tick(): Promise<void> {
      const run = lastTick.then(() => underway.run(runTick));
      lastTick = run.catch(() => {});
      return run;
    },
    /** `tell` is called with the time at which `tick` has to be called next; the last told counts. */
    onDue(tell: (atMillis: number) => void): void {
      wake = tell;
    },
    /** What the registry tells: who joins and leaves groups, what is deleted. */
    membership,
    control: {
      createJob: operation<CreateJobInput, Awaited<ReturnType<typeof createJob>>>(createJob),
      describeJob: operation(describeJob),
      listJobs: operation<ListJobsInput, Awaited<ReturnType<typeof listJobs>>>(listJobs),
      getJobDocument: operation(getJobDocument),
      cancelJob: operation<CancelJobInput, Awaited<ReturnType<typeof cancelJob>>>(cancelJob),
      deleteJob: operation(deleteJob),
      updateJob: operation(updateJob),
      associateTargetsWithJob: operation(associateTargetsWithJob),
      cancelJobExecution: operation(executions.cancelJobExecution),
      deleteJobExecution: operation(executions.deleteJobExecution),
      describeJobExecution: operation(executions.describeJobExecution),
      listJobExecutionsForJob: operation(executions.listJobExecutionsForJob),
      listJobExecutionsForThing: operation(executions.listJobExecutionsForThing),
    },
    /** Resolves when no request, notification, operation or tick is under way. */
    settled: underway.settled,
    /** Resolves when what was under way is done; nothing wakes the owner any more. */
    async close(): Promise<void> {
      closed = true;
      await underway.settled();
    },
  };
}
