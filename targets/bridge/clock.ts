import type { Millis } from '../../runtime/effects.ts';

/** The longest time that a Node timer keeps. */
const TIMER_MILLIS_MAX = 2_147_483_647;

/** Milliseconds that only run forward, from anywhere. */
export function clock(): Millis {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e3 + nanos / 1e6;
}

export interface Alarm {
  cancel(): void;
}

/**
 * Calls at this time or a little later, never before: Node counts from the begin of its round, and a state that is
 * woken early would not ask again.
 */
export function ring(at: Millis, tell: () => void): Alarm {
  let timer: NodeJS.Timeout;
  function arm(): void {
    const millis = Math.min(Math.max(Math.ceil(at - clock()), 0), TIMER_MILLIS_MAX);
    timer = setTimeout(() => (clock() >= at ? tell() : arm()), millis);
  }
  arm();
  return { cancel: () => clearTimeout(timer) };
}
