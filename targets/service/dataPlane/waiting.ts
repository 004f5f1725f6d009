import { HELD_PER_THING_MAX } from './limits.ts';

/** Why one that waits is woken: something changed for its thing, its time is over, its client is gone, the service ends. */
export type Woken = 'changed' | 'over' | 'gone' | 'ended';

/** One that waits for a thing. */
export interface Place {
  /** Resolves with what happened since the place was taken, or since it was last asked. */
  woken(): Promise<Woken>;
  /** To be called when the client is gone. */
  gone(): void;
  /** Gives the place back. */
  leave(): void;
}

export interface WaitingOptions {
  /** Places for all things together. */
  placesMax: number;
  /** Calls `run` once after so many milliseconds, unless the function it gives is called before. */
  after(millis: number, run: () => void): () => void;
}

/**
 * Who waits for news of which thing. Costs nothing while nothing happens: no row, no query, one timer each; all those that
 * wait as long as one another share Node's list of timers.
 */
export function createWaiting({ placesMax, after }: WaitingOptions) {
  const places = new Map<string, Set<(why: Woken) => void>>();
  let count = 0;
  let ended = false;

  /**
   * Takes a place; to be done before looking whether there is something, so that no change falls between.
   *
   * @returns undefined when the thing, or all together, have as many as they may
   */
  function take(thingName: string, millis: number): Place | undefined {
    const ofThing = places.get(thingName);
    if (count >= placesMax || (ofThing?.size ?? 0) >= HELD_PER_THING_MAX) return undefined;
    let news: Woken | undefined = ended ? 'ended' : undefined;
    let tell: ((why: Woken) => void) | undefined;
    const wake = (why: Woken) => {
      if (news === undefined || news === 'changed') news = why;
      tell?.(news);
    };
    if (ofThing === undefined) places.set(thingName, new Set([wake]));
    else ofThing.add(wake);
    count++;
    const cancel = after(millis, () => wake('over'));
    return {
      woken: () =>
        new Promise((resolve) => {
          tell = (why) => {
            if (why === 'changed') news = undefined;
            tell = undefined;
            resolve(why);
          };
          if (news !== undefined) tell(news);
        }),
      gone: () => wake('gone'),
      leave: () => {
        cancel();
        const all = places.get(thingName);
        if (all?.delete(wake) !== true) return;
        count--;
        if (all.size === 0) places.delete(thingName);
      },
    };
  }

  return {
    take,
    /** Something changed for this thing. */
    changed(thingName: string): void {
      for (const wake of places.get(thingName) ?? []) wake('changed');
    },
    /** Wakes all; nobody waits any more from now on. */
    end(): void {
      ended = true;
      for (const ofThing of places.values()) for (const wake of ofThing) wake('ended');
    },
    count: () => count,
  };
}
