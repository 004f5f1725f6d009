import type { Mistake } from '../bundle.mjs';

/** The program of these worlds; with a mistake in it, or none. */
export function bundleBridges(mistake?: Mistake): Promise<string>;
/** Runs `count` of these worlds from `seed` on, until one breaks a promise. */
export function runBridges(
  worlds: { seed: number; count: number; story?: number },
  mistake?: Mistake,
): Promise<{ code: number | null; stdout: string }>;
