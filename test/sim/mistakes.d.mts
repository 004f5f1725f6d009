import type { Mistake } from './bundle.mjs';
export const MISTAKES: Mistake[];
export function seedsUntilCaught(
  mistake: Mistake,
  seeds: number,
  firstSeed?: number,
): Promise<{ worlds: number; why: string | undefined } | undefined>;
/** Sentences about mistakes that no longer fit the code. */
export function misfits(): Promise<string[]>;
/** mistakes.mjs says what they do. */
export function playScenarios(text: string, mistake?: Mistake): Promise<{ code: number; stdout: string }>;
