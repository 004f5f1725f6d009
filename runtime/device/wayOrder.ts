/** Several ways to the service, the best first: which is taken next, and when a better one is looked for. */
import type { Millis } from '../effects.ts';
import { STABLE_MILLIS } from '../limits.ts';
import { draw } from '../random.ts';

/** The first look for a better way comes half to one and a half of this after a lesser one was taken; each pause is twice the one before. */
export const BETTER_MILLIS_MIN = 5 * 60_000;
export const BETTER_MILLIS_MAX = 60 * 60_000;

export interface WayOrder {
  /** How many ways there are. */
  count: number;
  /** The one in use, or to be tried next. */
  at: number;
  /** Looks for a better way since the best one was stable. */
  looks: number;
  chance: number;
}

export function createWayOrder(count: number, seed: number): WayOrder {
  return { count, at: 0, looks: 0, chance: seed };
}

/**
 * The connection over the present way ended, or did not come about.
 *
 * @param livedMillis  since the first byte that came from the other end; 0: none came
 */
export function afterEnd(order: WayOrder, livedMillis: Millis): WayOrder {
  const { at, count } = order;
  if (livedMillis < STABLE_MILLIS) return { ...order, at: (at + 1) % count };
  // It was good while it lasted: all are tried again, from the best.
  return { ...order, at: 0, looks: at === 0 ? 0 : order.looks };
}

/** @returns after how long a better way than the present one is looked for; undefined: there is none */
export function lookForBetter(order: WayOrder): [WayOrder, Millis | undefined] {
  if (order.at === 0) return [order, undefined];
  const next = { ...order, looks: order.looks + 1 };
  return [next, Math.min(BETTER_MILLIS_MAX, BETTER_MILLIS_MIN * 2 ** order.looks) * (0.5 + draw(next))];
}

/** A better way can be reached: it is the next. */
export function better(order: WayOrder, at: number): WayOrder {
  return { ...order, at };
}
