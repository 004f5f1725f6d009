import type { ErrorResponse } from '../../../runtime/jobs/answers.ts';
import type { Refusal } from '../../../runtime/jobs/errorCodes.ts';
import { decodeObject, encodeObject } from '../../../runtime/jobs/json.ts';
import { CLIENT_TOKEN_CHARS_MAX } from '../../../runtime/jobs/limits.ts';
import { NEXT_JOB } from '../../../runtime/jobs/names.ts';
import { decodeRequest, type JobsRequest } from '../../../runtime/jobs/requests.ts';
import { answerTopic, parseRequestTopic } from '../../../runtime/jobs/topics.ts';
import { writeChanges } from '../store/executions.ts';
import { loadQueuesByName, loadTargets, type QueueKey, type TargetKey } from '../store/loadExecutions.ts';
import { inTransaction } from '../store/open.ts';
import type { Connection } from '../store/statement.ts';
import type { Clock } from './clock.ts';
import { type Decision, decide, type Loaded, type Rules, rejected } from './decide.ts';
import type { Delivery } from './delivery.ts';
import {
  BATCH_REQUESTS_MAX,
  CAS_RETRIES_MAX,
  NOTIFY_BUSY_MILLIS,
  SCHEDULED_PENDING_LIST_MAX,
  WAITING_REQUESTS_MAX,
} from './limits.ts';
import type { Change } from './storedExecution.ts';
import type { Underway } from './underway.ts';

export interface RequestsOptions {
  store: Connection;
  clock: Clock;
  underway: Underway;
  rules: Rules;
  delivery: Delivery;
  /** Called after the commit, and after the answers were given, with what was changed. */
  committed: (changes: readonly Change[]) => void;
  log: (event: string, error: unknown) => void;
  /** Resolves when the owner's event loop has been round, and requests that were ready to be read are here. */
  breathe: () => Promise<void>;
}

export interface Message {
  topic: string;
  payload: Uint8Array;
}

interface Waiting {
  thingName: string;
  request: JobsRequest;
  answer: (decision: Decision) => void;
}

/**
 * Takes requests of devices and answers them, in batches (scale.md §3.3): whatever came while the last batch was in the store,
 * at most one request a thing, is read, decided and written together. An idle service answers at once, a busy one
 * shares a transaction, and its sync to disk, between up to 64. SQLite answers within the turn of the event loop, so before each
 * batch the loop goes round: else every message would be a batch of its own.
 */
export function createRequests(options: RequestsOptions) {
  const { store, clock, underway, rules } = options;
  /** Requests by thing, in the order in which things are next. */
  const waiting = new Map<string, Waiting[]>();
  let count = 0;
  let running = false;

  /** The answer to a message, or undefined where the service keeps silent (data-plane §3). */
  function request(topic: string, payload: Uint8Array): Promise<Message | undefined> {
    const parsed = parseRequestTopic(topic);
    if (parsed === undefined) return Promise.resolve(undefined);
    if (parsed === 'InvalidTopic') {
      const message = `There is no operation behind ${topic}`;
      return Promise.resolve(refuse(topic, payload, { code: 'InvalidTopic', message }));
    }
    const decoded = decodeRequest(parsed.operation, parsed.jobId, payload);
    if ('refusal' in decoded) {
      return Promise.resolve(toMessage(topic, rejected(decoded.refusal, decoded.clientToken, clock.now())));
    }
    return ask(parsed.thingName, decoded).then((decision) => toMessage(topic, decision));
  }

  /** Refuses a message whatever it asks; its clientToken is echoed where it can be read (data-plane §9). */
  function refuse(
    topic: string,
    payload: Uint8Array,
    { executionState, ...refusal }: Refusal & Pick<ErrorResponse, 'executionState'>,
  ): Message {
    const { body } = rejected(refusal, tokenIn(payload), clock.now()).answer;
    return {
      topic: answerTopic(topic, 'rejected'),
      payload: encodeObject({ ...body, ...(executionState && { executionState }) }),
    };
  }

  /** The decision about a request that is checked already. */
  function ask(thingName: string, request: JobsRequest): Promise<Decision> {
    if (count >= WAITING_REQUESTS_MAX) {
      const refusal: Refusal = { code: 'RequestThrottled', message: 'Too many requests are waiting: ask again later' };
      return Promise.resolve(rejected(refusal, request.clientToken, clock.now()));
    }
    return new Promise((answer) => {
      count++;
      const one = { thingName, request, answer };
      const ofThing = waiting.get(thingName);
      if (ofThing === undefined) waiting.set(thingName, [one]);
      else ofThing.push(one);
      if (!running) void underway.run(drain);
    });
  }

  async function drain(): Promise<void> {
    running = true;
    while (waiting.size > 0) {
      await options.breathe();
      const batch = takeBatch();
      const changes = await runBatch(batch);
      count -= batch.length;
      if (changes.length > 0) options.committed(changes);
    }
    running = false;
  }

  /** The first request of each thing, things in turn. */
  function takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    for (const [thingName, ofThing] of waiting) {
      if (batch.length === BATCH_REQUESTS_MAX) break;
      batch.push(ofThing.shift() as Waiting);
      waiting.delete(thingName);
      if (ofThing.length > 0) later.push([thingName, ofThing]);
    }
    for (const [thingName, ofThing] of later.splice(0)) waiting.set(thingName, ofThing);
    return batch;
  }
  const later: [string, Waiting[]][] = [];

  async function runBatch(batch: Waiting[]): Promise<Change[]> {
    const changes: Change[] = [];
    let left = batch;
    try {
      for (let tries = 0; left.length > 0 && tries <= CAS_RETRIES_MAX; tries++) {
        const round = await runRound(left);
        changes.push(...round.written);
        left = round.overtaken;
      }
      failAll(left, 'Other writers were faster each time: ask again');
    } catch (error) {
      options.log('a batch of requests failed', error);
      failAll(left, 'The service failed: ask again');
    }
    return changes;
  }

  async function runRound(round: readonly Waiting[]): Promise<{ written: Change[]; overtaken: Waiting[] }> {
    // Where something may be written it is read in the same transaction: on SQLite, which has one writer, nothing comes between.
    const { decisions, written } = round.some(mayChange)
      ? await inTransaction(store, (tx) => decideAndWrite(tx, round))
      : await decideAndWrite(store, round);
    const overtaken: Waiting[] = [];
    for (const [i, one] of round.entries()) {
      const decision = decisions[i] as Decision;
      if (decision.change === undefined || written.has(decision.change)) deliver(one, decision);
      else overtaken.push(one);
    }
    return { written: [...written], overtaken };
  }

  /** Gives an answer; one with URLs to be signed when they are, and the next batch does not wait for it. */
  function deliver({ thingName, request, answer }: Waiting, decision: Decision): void {
    const { toSign } = decision;
    if (toSign === undefined || decision.answer.kind === 'rejected') return answer(decision);
    const { body } = decision.answer;
    const sign = async () => {
      try {
        const given = body.execution ?? body;
        given.jobDocument = await options.delivery.fill(given.jobDocument ?? {}, toSign, thingName);
        answer(decision);
      } catch (error) {
        options.log(`the URLs in the document of ${toSign.jobId} could not be signed`, error);
        const message = 'The URLs in the document could not be signed: ask again';
        answer(rejected({ code: 'InternalError', message }, request.clientToken, clock.now()));
      }
    };
    void underway.run(sign);
  }

  async function decideAndWrite(on: Connection, round: readonly Waiting[]) {
    const loaded = await load(on, round);
    const nowMillis = clock.now();
    const decisions = round.map((one, i) => decide(one.request, loaded[i] as Loaded, nowMillis, rules));
    const changes = decisions.flatMap(({ change }) => (change === undefined ? [] : [change]));
    const written = await writeChanges(on, changes, nowMillis, nowMillis + NOTIFY_BUSY_MILLIS);
    return { decisions, written: new Set(written) };
  }

  function failAll(left: readonly Waiting[], message: string): void {
    for (const { request, answer } of left)
      answer(rejected({ code: 'InternalError', message }, request.clientToken, clock.now()));
  }

  return { request, refuse, ask, waiting: () => count };
}

function mayChange({ request }: Waiting): boolean {
  return request.operation === 'UpdateJobExecution' || request.operation === 'StartNextPendingJobExecution';
}

/** Reads what the rules need to decide each request. */
async function load(store: Connection, round: readonly Waiting[]): Promise<Loaded[]> {
  const targetKeys: TargetKey[] = [];
  const queueKeys: QueueKey[] = [];
  const places = round.map(({ thingName, request }) => {
    const target = targetKeyOf(thingName, request);
    const queue = queueKeyOf(thingName, request);
    return {
      target: target === undefined ? -1 : targetKeys.push(target) - 1,
      queue: queue === undefined ? -1 : queueKeys.push(queue) - 1,
    };
  });
  const targets = await loadTargets(store, targetKeys);
  const queues = await loadQueuesByName(store, queueKeys);
  return places.map(({ target, queue }, i) => ({
    thingName: (round[i] as Waiting).thingName,
    thingExists: queues[queue] !== undefined,
    target: targets[target],
    queue: queues[queue] ?? [],
  }));
}

function targetKeyOf(thingName: string, request: JobsRequest): TargetKey | undefined {
  if (!('jobId' in request) || request.jobId === NEXT_JOB) return undefined;
  const isUpdate = request.operation === 'UpdateJobExecution';
  const withDocument = request.includeJobDocument ?? !isUpdate;
  return { thingName, jobId: request.jobId, executionNumber: request.executionNumber, withDocument };
}

/** Two executions of a queue show whether a change reaches its head. */
function queueKeyOf(thing: string, request: JobsRequest): QueueKey | undefined {
  switch (request.operation) {
    case 'GetPendingJobExecutions':
      return { thing, depth: SCHEDULED_PENDING_LIST_MAX, withDocument: false };
    case 'StartNextPendingJobExecution':
      return { thing, depth: 2, withDocument: true };
    case 'DescribeJobExecution':
      if (request.jobId !== NEXT_JOB) return undefined;
      return { thing, depth: 1, withDocument: request.includeJobDocument ?? true };
    case 'UpdateJobExecution':
      return { thing, depth: 2, withDocument: false };
  }
}

function toMessage(topic: string, { answer }: Decision): Message {
  return { topic: answerTopic(topic, answer.kind), payload: encodeObject(answer.body) };
}

function tokenIn(payload: Uint8Array): string | undefined {
  const token = decodeObject(payload)?.clientToken;
  return typeof token === 'string' && token.length <= CLIENT_TOKEN_CHARS_MAX ? token : undefined;
}
