/** The owner's time, milliseconds since the Unix epoch. */
export interface Clock {
  now(): number;
  /** Now, or a millisecond more than the last time it was asked: what was queued later has a later time. */
  stamp(): number;
}

export function createClock(nowMillis: () => number): Clock {
  let last = 0;
  return { now: nowMillis, stamp: () => (last = Math.max(nowMillis(), last + 1)) };
}
