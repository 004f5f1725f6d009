/** The loop over one target: changes inputs, keeps those that go where none went, and makes small what breaks a promise. */
import { type Dice, diceOf, oneOf } from './dice.ts';
import { type Material, mutate, wordsInBytes } from './mutate.ts';
import { COMPARED_MAX, type Find, type Target } from './target.ts';

declare global {
  /** How often each branch was taken since it was last cleared; the code that instrument.ts made counts here. */
  var fuzzCounts: Uint32Array;
}

export interface LoopOptions {
  /** How many counters there are. */
  branches: number;
  /** Of the watched code. */
  words: readonly (string | number)[];
  seed: number;
  /** Told of each input before it runs. */
  trying?(input: Uint8Array): void;
}

export interface Progress {
  executions: number;
  /** Branches that were taken at least once. */
  reached: number;
  inputs: number;
}

/** How long an input may take: longer ones are finds, for a stranger could send many of them. */
const SLOW_MILLIS = 500;
const SLOW = `it takes more than ${SLOW_MILLIS} ms`;
/** Times that a find is tried with less of it. */
const SHORTENINGS_MAX = 3_000;
/** Different finds after which there is no sense in going on. */
const FINDS_MAX = 12;

/** The corpus of one target as it grows. */
export function createLoop(target: Target, options: LoopOptions) {
  const { branches } = options;
  const dice = diceOf(options.seed);
  const counts = fuzzCounts.subarray(0, branches);
  /** By branch, a bit for each order of magnitude in which it was taken. */
  const seen = new Uint8Array(branches);
  const inputs: Uint8Array[] = [];
  const finds = new Map<string, Find>();
  const values = [...options.words, ...target.words.filter((word): word is string => typeof word === 'string')];
  const material: Material = {
    inputs: target.inputs,
    bytesMax: target.bytesMax,
    words: wordsInBytes([...options.words, ...target.words]),
    values,
  };
  let executions = 0;
  let reached = 0;

  /** @returns whether the input went where none went before */
  async function tryOne(input: Uint8Array): Promise<boolean> {
    counts.fill(0);
    options.trying?.(input);
    executions++;
    const started = performance.now();
    try {
      const running = target.run(input);
      if (running !== undefined) await running;
    } catch (error) {
      note({ input, error: error as Error });
    }
    if (performance.now() - started > SLOW_MILLIS && (await isSlow(target, input)))
      note({ input, error: new Error(SLOW) });
    let isNew = false;
    for (let i = 0; i < branches; i++) {
      const count = counts[i]!;
      if (count === 0) continue;
      const bit = magnitudeOf(count);
      if ((seen[i]! & bit) !== 0) continue;
      if (seen[i] === 0) reached++;
      seen[i]! |= bit;
      isNew = true;
    }
    return isNew;
  }

  function note(find: Find): void {
    const kind = kindOf(find.error);
    if (!finds.has(kind)) finds.set(kind, find);
  }

  async function compare(): Promise<void> {
    const find = await target.compare?.();
    if (find !== undefined) note(find);
  }

  return {
    finds,
    progress: (): Progress => ({ executions, reached, inputs: inputs.length }),
    inputs,
    /** Takes inputs that there are already. */
    async begin(given: readonly Uint8Array[]): Promise<void> {
      for (const [i, input] of given.entries()) {
        if (await tryOne(input)) inputs.push(input);
        if (i % COMPARED_MAX === 0) await compare();
      }
      if (inputs.length === 0) inputs.push(new Uint8Array(0));
      await compare();
    },
    /** As many new ones as are compared at once. @returns false when there is no sense in going on */
    async go(): Promise<boolean> {
      for (let i = 0; i < COMPARED_MAX; i++) {
        const input = mutate(dice, chosen(dice, inputs), oneOf(dice, inputs), material);
        if (await tryOne(input)) inputs.push(input.slice());
      }
      await compare();
      return finds.size < FINDS_MAX;
    },
  };
}

/** Half of the times one of the last: what is new leads on to what is newer. */
function chosen(dice: Dice, inputs: readonly Uint8Array[]): Uint8Array {
  const back = dice(2) === 0 ? dice(Math.min(inputs.length, 24)) : dice(inputs.length);
  return inputs[inputs.length - 1 - back]!;
}

/** 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, more. */
function magnitudeOf(count: number): number {
  if (count < 4) return 1 << (count - 1);
  return count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128;
}

/** Finds that begin alike are one: numbers and what was found are left out. */
export function kindOf(error: Error): string {
  return (error.message.split('\n')[0] ?? '')
    .replace(/: found .*/, '')
    .replace(/"[^"]*"|\d+/g, '#')
    .slice(0, 120);
}

/** Runs one input. @returns the error, where it breaks a promise */
export async function errorOf(target: Target, input: Uint8Array): Promise<Error | undefined> {
  try {
    await target.run(input);
  } catch (error) {
    await target.compare?.();
    return error as Error;
  }
  return (await target.compare?.())?.error;
}

/** Each time of three: once may be the machine's. */
async function isSlow(target: Target, input: Uint8Array): Promise<boolean> {
  for (let times = 0; times < 3; times++) {
    const started = performance.now();
    await errorOf(target, input);
    if (performance.now() - started <= SLOW_MILLIS) return false;
  }
  return true;
}

/** The same find with as little as does it: whole halves left out first, then single bytes, then bytes made plain. */
export async function shortened(target: Target, { input, error }: Find): Promise<Find> {
  const kind = kindOf(error);
  let best: Find = { input, error };
  let tries = 0;
  const fits = async (shorter: Uint8Array) => {
    if (tries++ > SHORTENINGS_MAX) return false;
    const again = error.message === SLOW ? (await isSlow(target, shorter)) && error : await errorOf(target, shorter);
    if (!again || kindOf(again) !== kind) return false;
    best = { input: shorter, error: again };
    return true;
  };
  for (let size = input.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at + size <= best.input.length; ) {
      const { input } = best;
      const shorter = Uint8Array.from([...input.subarray(0, at), ...input.subarray(at + size)]);
      if (!(await fits(shorter))) at += size;
    }
  for (let at = 0; at < best.input.length; at++) {
    if (best.input[at] === 0x30) continue;
    const plain = best.input.slice();
    plain[at] = 0x30;
    await fits(plain);
  }
  return best;
}

/** The branches that each of the inputs takes; and what they break. */
export async function replay(
  target: Target,
  inputs: readonly Uint8Array[],
  branches: number,
): Promise<{ taken: Set<number>[]; finds: Find[] }> {
  const counts = fuzzCounts.subarray(0, branches);
  const taken: Set<number>[] = [];
  const finds: Find[] = [];
  for (const input of inputs) {
    counts.fill(0);
    const error = await errorOf(target, input);
    if (error !== undefined) finds.push({ input, error });
    const places = new Set<number>();
    for (let i = 0; i < branches; i++) if (counts[i]! > 0) places.add(i);
    taken.push(places);
  }
  return { taken, finds };
}

/** The fewest inputs found that reach all that all of them reach, short ones first. */
export async function fewest(target: Target, inputs: readonly Uint8Array[], branches: number) {
  const { taken } = await replay(target, inputs, branches);
  const byLength = inputs
    .map((input, i) => ({ input, places: taken[i]! }))
    .sort((a, b) => a.input.length - b.input.length);
  const missing = new Set(taken.flatMap((places) => [...places]));
  const reached = missing.size;
  const kept: Uint8Array[] = [];
  // Who alone reaches something stays; of the others always the one that adds most for its length.
  while (missing.size > 0) {
    let best = byLength[0]!;
    let bestWorth = 0;
    for (const one of byLength) {
      let adds = 0;
      for (const place of one.places) if (missing.has(place)) adds++;
      const worth = adds / (one.input.length + 16);
      if (worth > bestWorth) [best, bestWorth] = [one, worth];
    }
    for (const place of best.places) missing.delete(place);
    kept.push(best.input);
  }
  kept.sort((a, b) => a.length - b.length || Buffer.compare(a, b));
  return { reached, inputs: kept };
}
