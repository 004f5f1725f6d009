/** Chance from a seed: a whole number from 0 to `below` - 1. The same seed, the same draws. */
export type Dice = (below: number) => number;

export function diceOf(seed: number): Dice {
  let state = (seed ^ 0x6d2b79f5) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state % below;
  };
}

export function oneOf<T>(dice: Dice, list: readonly T[]): T {
  return list[dice(list.length)] as T;
}
