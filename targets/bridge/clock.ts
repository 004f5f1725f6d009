import type { Millis } from '../../runtime/effects.ts';

/** Milliseconds that only run forward, from anywhere. */
export function clock(): Millis {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e3 + nanos / 1e6;
}
