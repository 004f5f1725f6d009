import type { Mistake } from '../bundle.mjs';
export function runSerial(
  of: { seed: number; count: number; story?: number },
  mistake?: Mistake,
): Promise<{ code: number | null; stdout: string }>;
