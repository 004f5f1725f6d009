/** When to send again: from the round trips that were measured (RFC 6298 §2, with the bounds of a serial line). */
import type { Millis } from '../effects.ts';
import { RESEND_MILLIS_INITIAL, RESEND_MILLIS_MAX, RESEND_MILLIS_MIN } from './limits.ts';

export interface ResendTimer {
  readonly smoothedMillis: number | undefined;
  readonly varianceMillis: number;
  /** How long to wait now, after what was measured and after how many resends in vain. */
  readonly waitMillis: number;
}

export const RESEND_TIMER: ResendTimer = {
  smoothedMillis: undefined,
  varianceMillis: 0,
  waitMillis: RESEND_MILLIS_INITIAL,
};

/** @param roundTrip  of a frame that was sent once: of a resent one nobody knows which was answered (Karn, §3) */
export function measured(timer: ResendTimer, roundTrip: Millis): ResendTimer {
  const { smoothedMillis: before, varianceMillis } = timer;
  const smoothedMillis = before === undefined ? roundTrip : 0.875 * before + 0.125 * roundTrip;
  const variance = before === undefined ? roundTrip / 2 : 0.75 * varianceMillis + 0.25 * Math.abs(before - roundTrip);
  return { smoothedMillis, varianceMillis: variance, waitMillis: bounded(smoothedMillis + Math.max(1, 4 * variance)) };
}

/** Twice as long until the next one is measured (§5.5). */
export function backedOff(timer: ResendTimer): ResendTimer {
  return { ...timer, waitMillis: bounded(timer.waitMillis * 2) };
}

function bounded(millis: number): number {
  return Math.min(Math.max(millis, RESEND_MILLIS_MIN), RESEND_MILLIS_MAX);
}
