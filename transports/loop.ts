import type { Effect, Event, Millis } from '../runtime/effects.ts';
import { joined } from '../runtime/mqtt/bytes.ts';
import { WITH_GUARDS } from '../runtime/parts.ts';
import type { Connect, Transport } from './transport.ts';

/** What the loop carries effects out with. */
export interface Edges {
  connect: Connect;
  record: { persist(record: Uint8Array): void };
  programs: {
    run(effect: Extract<Effect, { do: 'run' }>): void;
    signal(effect: Extract<Effect, { do: 'signal' }>): void;
    /** Needed where something tells `stale`. */
    refreshed?(effect: Extract<Effect, { do: 'refreshed' }>): void;
  };
  log(effect: Extract<Effect, { do: 'log' }>): void;
}

export interface Loop {
  /** Takes an event to the core, behind those that wait. May be called at any time, also by an effect. */
  tell(event: Event): void;
  /** Resolves after `exit`, when the connections are closed; rejects with what the core or an edge threw: then nothing goes on. */
  readonly ended: Promise<void>;
}

/** The longest time that a Node timer keeps. */
const TIMER_MILLIS_MAX = 2_147_483_647;

/**
 * Event in, step, effects out, in order, one event at a time; and the one timer.
 *
 * Bytes that the core writes while events wait leave together in one write, before anything closes or opens.
 * A connection that a `close` or another `open` ended is not heard any more, not even its `closed`.
 */
export function startLoop<State>(
  state: State,
  step: (state: State, event: Event, now: Millis) => [State, Effect[]],
  edges: Edges,
): Loop {
  const waiting: Event[] = [];
  let stepping = false;
  let over = false;
  let transport: Transport | undefined;
  /** Connections that are not closed yet: the present one, and those that still say goodbye. */
  let wires = 0;
  let unwritten: Uint8Array[] = [];
  let timer: NodeJS.Timeout | undefined;
  let resolve: () => void;
  let reject: (error: unknown) => void;
  const ended = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });

  function carryOut(effect: Effect): void {
    if (WITH_GUARDS && effect.do === 'refreshed') return edges.programs.refreshed?.(effect);
    switch (effect.do) {
      case 'write':
        unwritten.push(effect.bytes);
        return;
      case 'wake':
        return wake(effect.at);
      case 'run':
        return edges.programs.run(effect);
      case 'signal':
        return edges.programs.signal(effect);
      case 'log':
        return edges.log(effect);
      case 'persist':
        return persist(effect.record);
      case 'open':
        close();
        return open();
      case 'close':
        return close();
      case 'exit':
        close();
        stop();
        endIfClosed();
    }
  }

  function persist(record: Uint8Array): void {
    try {
      edges.record.persist(record);
      waiting.push({ on: 'persisted' });
    } catch (error) {
      waiting.push({ on: 'unpersisted', reason: (error as Error).message });
    }
  }

  function open(): void {
    const mine = edges.connect();
    transport = mine;
    wires += 1;
    const ifCurrent = (event: Event) => {
      if (transport === mine) tell(event);
    };
    mine.onOpened(() => ifCurrent({ on: 'opened' }));
    mine.onBytes((bytes) => ifCurrent({ on: 'bytes', bytes }));
    mine.onClosed((reason) => {
      wires -= 1;
      endIfClosed();
      if (transport !== mine) return;
      transport = undefined;
      unwritten = [];
      tell({ on: 'closed', ...(reason && { reason }) });
    });
  }

  function tell(event: Event): void {
    if (over) return;
    waiting.push(event);
    if (stepping) return;
    stepping = true;
    try {
      // Grows while it is walked: by what effects cause.
      for (const one of waiting) {
        let effects: Effect[];
        [state, effects] = step(state, one, clock());
        for (const effect of effects) if (!over) carryOut(effect);
      }
      waiting.length = 0;
      flush();
    } catch (error) {
      stop();
      transport?.close();
      reject(error);
    } finally {
      stepping = false;
    }
  }

  function close(): void {
    flush();
    transport?.close();
    transport = undefined;
  }

  function flush(): void {
    if (unwritten.length === 0) return;
    transport?.write(joined(unwritten));
    unwritten = [];
  }

  function wake(at: Millis | undefined): void {
    clearTimeout(timer);
    if (at === undefined) return;
    // A timer may ring a millisecond early by the clock that the core sees, and cannot be set for more than 24 days.
    const ring = () => {
      if (clock() >= at) tell({ on: 'wake' });
      else wake(at);
    };
    timer = setTimeout(ring, Math.min(at - clock() + 1, TIMER_MILLIS_MAX));
  }

  /** No event is taken any more, also none of those that wait. */
  function stop(): void {
    over = true;
    clearTimeout(timer);
    waiting.length = 0;
  }

  function endIfClosed(): void {
    if (over && wires === 0) resolve();
  }

  return { tell, ended };
}

/** Milliseconds that only run forward. `performance` would be the same clock, with 200 KB of tools around it. */
export function clock(): Millis {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e3 + nanos / 1e6;
}
