import type { Effect, Event, Millis } from '../../runtime/effects.ts';
import { decodeObject, encodeObject, type JsonObject } from '../../runtime/jobs/json.ts';
import { type Client, type ClientEvent, createClient, stepClient, subscribeTo } from '../../runtime/mqtt/client.ts';
import { startLoop } from '../../transports/loop.ts';
import type { Connect } from '../../transports/transport.ts';

/** How long a connection, and an answer, are waited for. */
const ANSWER_MILLIS_MAX = 20_000;
const KEEP_ALIVE_SECONDS = 60;

/** The service answered, and said no. */
export class Refused extends Error {
  constructor(
    readonly errorCode: string,
    message: string,
  ) {
    super(message);
  }
}

/** A connection of its own for a few requests: of a doctor, or for a certificate. */
export interface Exchange {
  /**
   * @throws Refused; Error of one sentence when no answer came
   */
  ask(topic: string, payload: object): Promise<JsonObject>;
  /** Resolves when the connection is gone. */
  close(): Promise<void>;
}

interface Options {
  connect: Connect;
  clientId: string;
  /** What is subscribed to before anything is asked. */
  listens: readonly string[];
  signal?: AbortSignal | undefined;
}

/**
 * Connects and subscribes, once.
 *
 * @throws Error of one sentence: no connection, or a filter was refused
 */
export async function openExchange({ connect, clientId, listens, signal }: Options): Promise<Exchange> {
  let settle: { topic: string; resolve: (answer: JsonObject) => void; reject: (error: Error) => void } | undefined;
  /** What the policy has to allow for what is going on. */
  let hint = '';
  const client = createClient(
    { clientId, keepAliveSeconds: KEEP_ALIVE_SECONDS, retryMaxMillis: 1, subscribes: [subscribeTo(1, listens)] },
    1,
  );

  function step(before: Client, event: Event | ClientEvent, now: Millis): [Client, Effect[]] {
    const given = event.on === 'boot' ? { on: 'start' } : event;
    const [after, effects] = stepClient(before, given as ClientEvent, now);
    if (given.on === 'opened') hint = `iot:Connect for the client ${clientId}`;
    const out: Effect[] = [];
    for (const effect of effects) {
      if (effect.do === 'online') settle?.resolve({});
      else if (effect.do === 'message') take(effect.topic, effect.payload);
      else if (effect.do === 'offline') {
        fail(effect.reason);
        out.push({ do: 'exit' });
      } else out.push(effect);
    }
    return [after, out];
  }

  /** What cannot be told from a policy that does not allow it: the service closes the connection, or is silent. */
  function fail(reason: string): void {
    settle?.reject(new Error(hint ? `${reason}; if the policy is the reason: allow ${hint}` : reason));
  }

  function take(topic: string, payload: Uint8Array): void {
    const members = decodeObject(payload) ?? {};
    if (topic === `${settle?.topic}/accepted`) settle!.resolve(members);
    if (topic !== `${settle?.topic}/rejected`) return;
    const { errorCode = 'rejected', errorMessage = JSON.stringify(members) } = members;
    settle!.reject(new Refused(`${errorCode}`, `${errorCode}: ${errorMessage}`));
  }

  const nothing = () => {};
  const edges = { connect, record: { persist: nothing }, programs: { run: nothing, signal: nothing }, log: nothing };
  const loop = startLoop(client, step, edges);
  const tell = (event: ClientEvent) => loop.tell(event as never);

  /** What `topic` is answered, or, without one, that the connection stands. */
  function wait(what: string, topic: string, begin: () => void): Promise<JsonObject> {
    let timer: NodeJS.Timeout;
    return new Promise<JsonObject>((resolve, reject) => {
      settle = { topic, resolve, reject };
      timer = setTimeout(fail, ANSWER_MILLIS_MAX, `no ${what} within ${ANSWER_MILLIS_MAX / 1000} s`);
      signal?.addEventListener('abort', () => reject(new Error('the step is being ended')));
      loop.ended.then(() => fail('the connection was closed'), reject);
      begin();
    }).finally(() => {
      clearTimeout(timer);
      settle = undefined;
    });
  }

  const close = async () => {
    tell({ on: 'stop' });
    await loop.ended;
  };
  try {
    signal?.throwIfAborted();
    await wait('connection', '', () => loop.tell({ on: 'boot', record: undefined, seed: 1 }));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ask: (topic, payload) => {
      hint = `iot:Publish on ${topic}, and iot:Subscribe and iot:Receive on ${listens.join(', ')}`;
      return wait(`answer on ${topic}`, topic, () =>
        tell({ on: 'publish', topic, payload: encodeObject(payload), qos: 1, key: topic }),
      );
    },
    close,
  };
}
