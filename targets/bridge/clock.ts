import type { Millis } from '../../runtime/effects.ts';

/** The longest time that a Node timer keeps. */
const TIMER_MILLIS_MAX = 2_147_483_647;

/** Milliseconds that only run forward, from anywhere. */
export function clock(): Millis {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e3 + nanos / 1e6;
}

/** Calls at this time or a little later; a time further away than a timer keeps is called early, and asked for again. */
export function ring(at: Millis, tell: () => void): NodeJS.Timeout {
  return setTimeout(tell, Math.min(Math.max(Math.ceil(at - clock()), 0), TIMER_MILLIS_MAX));
}
