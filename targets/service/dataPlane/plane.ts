import type { Accepted } from '../../../runtime/jobs/answers.ts';
import type { JsonObject, JsonValue } from '../../../runtime/jobs/json.ts';
import { NEXT_JOB } from '../../../runtime/jobs/names.ts';
import { type JobsRequest, readRequest } from '../../../runtime/jobs/requests.ts';
import { thingOfTopic } from '../../../runtime/jobs/topics.ts';
import { gatherInput } from '../http/input.ts';
import type { Arrived, HttpAnswer } from '../http/listener.ts';
import { type Route, routerOf } from '../http/route.ts';
import type { JobsService } from '../jobs/service.ts';
import { ModelledError } from '../modelledError.ts';
import { faultsMessage, validate } from '../operations/validate.ts';
import { DATA_OPERATIONS, type DataOperation } from './operations.ts';
import { waitSecondsOf } from './prefer.ts';
import { dataRefusal, refusalOf } from './refusals.ts';
import { createWaiting, type WaitingOptions } from './waiting.ts';

/** Who asks. */
export interface Caller {
  /**
   * Asked before each time that the Jobs service is asked for this caller, so also when one that waited is woken.
   *
   * @throws ModelledError where it may not, or no longer, act for this thing
   */
  authorise(thingName: string, operation: string): Promise<void>;
}

/** The holder of an access key: may act for any thing. */
export const OPERATOR: Caller = { authorise: async () => {} };

export interface DataPlaneOptions {
  ask: JobsService['ask'];
  /** Requests that may be held open at the same time. */
  heldMax: number;
  /** Told of every failure that a client sees only as a 503. */
  onFailure(failure: { requestId: string; operation: string | undefined; error: unknown }): void;
  /** Node's timers unless given. */
  after?: WaitingOptions['after'];
}

export type DataPlane = ReturnType<typeof createDataPlane>;
type Decision = Awaited<ReturnType<JobsService['ask']>>;

/**
 * The four operations of a device over HTTPS (data plane §8), for whichever listener knows who asks. Requests with
 * `Prefer: wait=N` that find nothing are held open: until the service has a notification for their thing, or for N seconds.
 */
export function createDataPlane({ ask, heldMax, onFailure, after = afterByNode }: DataPlaneOptions) {
  const route = routerOf<DataOperation>(DATA_OPERATIONS);
  const waiting = createWaiting({ placesMax: heldMax, after });

  /** @throws ModelledError */
  async function answer(arrived: Arrived, caller: Caller): Promise<HttpAnswer | undefined> {
    const { id: requestId, method, target, headers } = arrived;
    const found = route(method, target.segments);
    if (found === undefined)
      throw dataRefusal('ResourceNotFoundException', `The data plane has no operation at this path with ${method}`);
    const { name } = found.operation;
    arrived.operation = name;
    const { thingName, request } = readDataRequest(found, arrived);
    const askNow = async () => {
      await caller.authorise(thingName, name);
      return ask(thingName, request);
    };
    const seconds = mayWait(found.operation, request) ? waitSecondsOf(headers.prefer) : undefined;
    try {
      const decision = seconds === undefined ? await askNow() : await hold(thingName, seconds, arrived, askNow);
      if (decision === undefined) return undefined;
      if (decision.answer.kind === 'rejected') throw refusalOf(decision.answer.body);
      const body = inHttp(decision.answer.body, thingName);
      return seconds === undefined ? { body } : { body, headers: { 'preference-applied': `wait=${seconds}` } };
    } catch (error) {
      if (error instanceof ModelledError) throw error;
      onFailure({ requestId, operation: name, error });
      throw unavailable();
    }
  }

  /** @returns what there is to say, or at the end that there is nothing; undefined: the client is gone */
  async function hold(
    thingName: string,
    seconds: number,
    { onGone }: Arrived,
    askNow: () => Promise<Decision>,
  ): Promise<Decision | undefined> {
    const place = waiting.take(thingName, seconds * 1000);
    if (place === undefined) return askOnce(askNow);
    onGone(place.gone);
    try {
      let decision = await askNow();
      while (saysNothing(decision)) {
        const why = await place.woken();
        if (why === 'gone') return undefined;
        decision = await askNow();
        if (why !== 'changed') break;
      }
      return decision;
    } finally {
      place.leave();
    }
  }

  return {
    answer,
    /** To be told of every notification of the service, by its topic: wakes who waits for that thing. */
    notified(topic: string): void {
      if (waiting.count() === 0) return;
      const thingName = thingOfTopic(topic);
      if (thingName !== undefined) waiting.changed(thingName);
    },
    /** Requests that are held open. */
    held: waiting.count,
    /** Answers all that are held open; none is from now on. */
    end: waiting.end,
  };
}

/** No place to wait in: an answer is given if there is one. */
async function askOnce(askNow: () => Promise<Decision>): Promise<Decision> {
  const decision = await askNow();
  if (!saysNothing(decision)) return decision;
  const message =
    'Too many requests are held open for this thing or for all together: ask without Prefer: wait, or later';
  throw dataRefusal('ThrottlingException', message);
}

/** What a client sees of an error that the model does not have; the data plane has no 500. */
export function unavailable(): ModelledError {
  return dataRefusal(
    'ServiceUnavailableException',
    'The service failed; its log has the reason under the id in x-amzn-RequestId',
  );
}

function readDataRequest(
  found: Route<DataOperation>,
  { target, headers, body }: Arrived,
): { thingName: string; request: JobsRequest } {
  const { name, input } = found.operation;
  const given = gatherInput(found, target.query, headers, body);
  const inPath = Object.fromEntries(Object.entries(input).filter(([, member]) => member.in === 'path'));
  const { value, faults } = validate(inPath, given);
  if (faults.count > 0) throw dataRefusal('InvalidRequestException', faultsMessage(faults));
  const { thingName, jobId } = value as { thingName: string; jobId?: string };
  const request = readRequest(name, jobId, given as JsonObject);
  if ('refusal' in request) throw refusalOf(request.refusal);
  return { thingName, request };
}

function mayWait({ waits }: DataOperation, request: JobsRequest): boolean {
  return waits === 'always' || (waits === 'for $next' && 'jobId' in request && request.jobId === NEXT_JOB);
}

function saysNothing({ answer: { kind, body } }: Decision): boolean {
  if (kind === 'rejected') return false;
  const { execution, inProgressJobs = [], queuedJobs = [] } = body;
  return execution === undefined && inProgressJobs.length === 0 && queuedJobs.length === 0;
}

/** An accepted answer as HTTPS has it: no timestamp and no token, the document as text, the thing always named (data plane §8.2). */
function inHttp({ timestamp: _, clientToken: __, execution, ...others }: Accepted, thingName: string): object {
  return {
    ...(execution === undefined ? {} : { execution: { thingName, ...withDocumentText(execution) } }),
    ...withDocumentText(others),
  };
}

function withDocumentText({ jobDocument, ...members }: { jobDocument?: JsonValue }): object {
  return jobDocument === undefined ? members : { ...members, jobDocument: JSON.stringify(jobDocument) };
}

function afterByNode(millis: number, run: () => void): () => void {
  const timer = setTimeout(run, millis);
  return () => clearTimeout(timer);
}
