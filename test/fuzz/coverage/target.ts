import { isDeepStrictEqual } from 'node:util';

/** What is fuzzed by coverage: what reads bytes from strangers, and what all that it makes of them is held to. */
export interface Target {
  readonly name: string;
  /** One line for `--help`. */
  readonly about: string;
  /** How inputs are changed: any bytes, or text with JSON in it. */
  readonly inputs: 'bytes' | 'json';
  /** Longest input, bytes. */
  readonly bytesMax: number;
  /** What to begin with: one of each kind, so that nothing has to be guessed. */
  readonly seeds: readonly Uint8Array[];
  /** Pieces of the format that no comparison in the code has. */
  readonly words: readonly (string | Uint8Array)[];
  /**
   * Reads one input.
   *
   * @throws Error when a promise is broken, with a message that begins alike for one mistake
   */
  run(input: Uint8Array): void | Promise<void>;
  /**
   * Compares the last inputs with what takes longer: another process. At most COMPARED_MAX of them wait for it.
   *
   * @returns the first input that breaks a promise
   */
  compare?(): Promise<Find | undefined>;
  close?(): void;
}

/** An input that broke a promise. */
export interface Find {
  readonly input: Uint8Array;
  readonly error: Error;
}

/** Inputs that are compared at once: enough to pay for the way to another process and back. */
export const COMPARED_MAX = 256;

/** The input in portions whose sizes follow from itself, so that the same input is always cut alike. */
export function portionsOf(input: Uint8Array): Uint8Array[] {
  const portions: Uint8Array[] = [];
  let at = 0;
  let state = input.length + 1;
  while (at < input.length) {
    state = (Math.imul(state, 0x9e3779b1) + input[at]!) >>> 0;
    const size = 1 + (state >>> 28);
    portions.push(input.subarray(at, at + size));
    at += size;
  }
  return portions;
}

/** Text for a message or a comparison. */
export function shown(value: unknown): string {
  return JSON.stringify(value, (_, member) => {
    if (member instanceof Uint8Array) return `hex ${Buffer.from(member).toString('hex')}`;
    if (member?.type === 'Buffer') return `hex ${Buffer.from(member.data).toString('hex')}`;
    if (member instanceof Map) return [...member];
    return member;
  });
}

/** @throws Error when the two are not the same, with `what` before both */
export function same(what: string, found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected))
    throw new Error(`${what}: found ${shown(found)}, expected ${shown(expected)}`);
}

/** @throws Error `what` unless it holds */
export function holds(what: string, condition: boolean): asserts condition {
  if (!condition) throw new Error(what);
}
