/**
 * Whose turn it is on a line that several devices share: the host speaks, and while it waits for an answer it says nothing
 * else. Who does not answer costs the others one silence.
 */
import type { Millis } from '../effects.ts';
import { BUS_ANSWER_MILLIS, BUS_QUEUE_MAX, BUS_SILENCE_MILLIS } from './limits.ts';

export type BusEvent =
  /** A frame for one device, or for all (DATA); `answered`: HELLO and REQUEST. */
  | { on: 'send'; addr: number; wire: Uint8Array; answered: boolean }
  /** Something arrives: whoever speaks has not ended. */
  | { on: 'bytes' }
  /** A whole frame of this device has arrived. */
  | { on: 'frame'; addr: number }
  | { on: 'closed' }
  | { on: 'wake' };

export type BusEffect = { do: 'write'; bytes: Uint8Array } | { do: 'wake'; at: Millis | undefined };

interface Turn {
  readonly addr: number;
  readonly wire: Uint8Array;
  readonly answered: boolean;
}

export interface Bus {
  readonly byteMillis: number;
  readonly answerMillis: Millis;
  readonly queue: readonly Turn[];
  /** Who was asked, and when the silence has lasted long enough. */
  readonly asked: { readonly addr: number; readonly until: Millis } | undefined;
  readonly lineFreeAt: Millis;
}

/** @param answerMillis  how long the slowest device may take to begin its answer */
export function createBus(baud: number, answerMillis: Millis = BUS_ANSWER_MILLIS): Bus {
  return { byteMillis: 10_000 / baud, answerMillis, queue: [], asked: undefined, lineFreeAt: 0 };
}

export function stepBus(bus: Bus, event: BusEvent, now: Millis): [Bus, BusEffect[]] {
  const until = bus.asked?.until;
  const [next, effects] = proceed(heard(bus, event, now), now);
  return next.asked?.until === until ? [next, effects] : [next, [...effects, { do: 'wake', at: next.asked?.until }]];
}

function heard(bus: Bus, event: BusEvent, now: Millis): Bus {
  const { asked } = bus;
  switch (event.on) {
    case 'send':
      return { ...bus, queue: queued(bus.queue, event) };
    case 'bytes':
      return asked ? { ...bus, asked: { ...asked, until: Math.max(asked.until, now + BUS_SILENCE_MILLIS) } } : bus;
    case 'frame':
      return asked?.addr === event.addr ? { ...bus, asked: undefined } : bus;
    case 'closed':
      return { ...bus, queue: [], asked: undefined };
    case 'wake':
      return asked && now >= asked.until ? { ...bus, asked: undefined } : bus;
  }
}

/** What is sent again takes the place of what still waits; what no longer fits is lost, and will be sent again too. */
function queued(queue: readonly Turn[], { addr, wire, answered }: Turn): readonly Turn[] {
  const turn: Turn = { addr, wire, answered };
  const same = answered ? queue.findIndex((other) => other.answered && other.addr === addr) : -1;
  if (same >= 0) return queue.map((other, i) => (i === same ? turn : other));
  return queue.length < BUS_QUEUE_MAX ? [...queue, turn] : queue;
}

/** Writes until somebody is to answer, in the order of asking: blocks for all must not overtake each other. */
function proceed(bus: Bus, now: Millis): [Bus, BusEffect[]] {
  let next = bus;
  const effects: BusEffect[] = [];
  while (next.asked === undefined && next.queue.length > 0) {
    const { addr, wire, answered } = next.queue[0]!;
    const lineFreeAt = Math.max(now, next.lineFreeAt) + wire.length * next.byteMillis;
    effects.push({ do: 'write', bytes: wire });
    next = {
      ...next,
      lineFreeAt,
      queue: next.queue.slice(1),
      asked: answered ? { addr, until: lineFreeAt + next.answerMillis } : undefined,
    };
  }
  return [next, effects];
}
