import type { Mistake } from './bundle.mjs';
export const MISTAKES: Mistake[];
export function seedsUntilCaught(
  mistake: Mistake,
  seeds: number,
  firstSeed?: number,
): Promise<{ worlds: number; why: string | undefined } | undefined>;
/** Fails where a mistake no longer fits the code. */
export function checkThatAllFit(): Promise<void>;
/** mistakes.mjs says what they do. */
export function playScenarios(text: string, mistake?: Mistake): Promise<{ code: number; stdout: string }>;
