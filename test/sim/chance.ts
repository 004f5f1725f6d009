import { randomUnit } from '../../runtime/random.ts';

/** Chance from one seed: the same calls in the same order give the same world. */
export interface Chance {
  /** In [0, 1). */
  unit(): number;
  /** True with this probability. */
  is(probability: number): boolean;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** 32 bits, to seed something else with. */
  seed(): number;
  pick<T>(from: readonly T[]): T;
}

export function createChance(seed: number): Chance {
  let state = seed | 0;
  const unit = () => {
    const [value, next] = randomUnit(state);
    state = next;
    return value;
  };
  const between = (low: number, high: number) => low + Math.floor(unit() * (high - low + 1));
  return {
    unit,
    between,
    is: (probability) => unit() < probability,
    seed: () => Math.floor(unit() * 0x1_0000_0000) | 0,
    pick: (from) => from[between(0, from.length - 1)]!,
  };
}
