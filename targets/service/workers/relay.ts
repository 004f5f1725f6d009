import type { Millis } from '../../../runtime/effects.ts';
import type { Principal } from '../gateway/events.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/open.ts';
import { addWorker, hearWorkers, keepWorker, lastTold, removeWorker, tellWorkers } from '../store/workers.ts';
import {
  GONE_AFTER_MILLIS,
  HEAR_EVERY_MILLIS,
  HEARD_MAX,
  SEEN_EVERY_MILLIS,
  TOLD_TOGETHER_MAX,
  UNSEEN_MILLIS,
} from './limits.ts';

/** What one worker has to tell the others. */
export type Message =
  /** A notification or an event: whoever has subscribed with them is to get it. */
  | { tell: 'publish'; topic: string; payload: string }
  /** A certificate, or what it is attached to, has changed: who came with it goes. */
  | { tell: 'revoke'; certificateId: string }
  /** A client has connected, at this time of the store's clock: to any other worker it is connected no more. */
  | { tell: 'welcome'; clientId: string; principal: Principal; at: Millis };

export interface Relay {
  /** Resolves when the other workers will get it; at once where there are none. Throws what the store threw. */
  send(message: Message): Promise<void>;
  /** Hears no more, and says that this worker is gone. */
  close(): Promise<void>;
}

export interface RelayOptions {
  store: Store;
  hear(message: Message): void;
  /** Told once that the others cannot be heard, and once that they are again. */
  log: Log;
}

/**
 * Makes several processes on one store one service: each tells the others what its own clients are told, through a table that
 * all look at ten times a second. A poll, as not every database that speaks PostgreSQL's language has LISTEN (scale.md §2.1).
 *
 * What a worker misses while it cannot reach the store are hints: notifications show what is pending at their time, and
 * whoever connects asks.
 */
export async function openRelay({ store, hear, log }: RelayOptions): Promise<Relay> {
  let after = await lastTold(store);
  const worker = await addWorker(store, store.nowMillis());
  /** Numbers above `after` that were heard already, and when. */
  const heard = new Map<number, number>();
  let seenAt = store.nowMillis();
  /** How often in a row the others could not be heard. */
  let failures = 0;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  async function listen(): Promise<void> {
    try {
      const nowMillis = store.nowMillis();
      let told = HEARD_MAX;
      while (told === HEARD_MAX && !closed) told = await hearMore(nowMillis);
      forget(nowMillis);
      if (nowMillis >= seenAt + SEEN_EVERY_MILLIS) {
        await keepWorker(store, worker, nowMillis, nowMillis - GONE_AFTER_MILLIS);
        seenAt = nowMillis;
      }
      if (failures > 0) log('info', `other workers are heard again after ${failures} times that they were not`);
      failures = 0;
    } catch (error) {
      if (failures === 0) log('error', 'other workers cannot be heard, which is tried again', { error: String(error) });
      failures++;
    }
  }

  async function hearMore(nowMillis: number): Promise<number> {
    const found = await hearWorkers(store, worker, after, [...heard.keys()], HEARD_MAX);
    for (const { relay_no: no, body } of found) {
      heard.set(no, nowMillis);
      for (const message of JSON.parse(body) as Message[]) hear(message);
    }
    return found.length;
  }

  /** A lower number than those heard so long ago cannot come any more. */
  function forget(nowMillis: number): void {
    for (const [no, at] of heard) if (at < nowMillis - UNSEEN_MILLIS) after = Math.max(after, no);
    for (const no of heard.keys()) if (no <= after) heard.delete(no);
  }

  let listening: Promise<void> = Promise.resolve();
  const plan = () => {
    timer = setTimeout(() => {
      listening = listen().finally(() => closed || plan());
    }, HEAR_EVERY_MILLIS).unref();
  };
  plan();

  const sending = batched(TOLD_TOGETHER_MAX, (messages: Message[]) =>
    tellWorkers(store, { worker, at: store.nowMillis(), body: JSON.stringify(messages) }),
  );

  return {
    send: sending,
    async close() {
      closed = true;
      clearTimeout(timer);
      await listening;
      // Where the store is gone the others find out by themselves.
      await removeWorker(store, worker).catch(() => {});
    },
  };
}

/** Gives `work` what came while it was at the batch before. */
function batched<T>(max: number, work: (batch: T[]) => Promise<unknown>): (one: T) => Promise<void> {
  const waiting: { one: T; done: () => void; failed: (error: unknown) => void }[] = [];
  let running = false;
  const drain = async () => {
    running = true;
    await undefined; // what comes in the same turn of the event loop goes together
    while (waiting.length > 0) {
      const batch = waiting.splice(0, max);
      try {
        await work(batch.map(({ one }) => one));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    running = false;
  };
  return (one) =>
    new Promise((done, failed) => {
      waiting.push({ one, done, failed });
      if (!running) void drain();
    });
}
