/** A kind of hostile input: what is sent where, and what each answer is held to. */
export interface Kind {
  readonly name: string;
  /** Of all cases, how many are of this kind. */
  readonly share: number;
  /**
   * Sends so many cases and throws at the first that is not answered as it has to be, with the input and the seed.
   *
   * @param seed  the same seed, the same cases
   */
  run(cases: number, seed: number): Promise<Tally>;
}

/** How often each answer was given: `200`, `404 ResourceNotFoundException`, `rejected InvalidJson`. */
export type Tally = Map<string, number>;

export function count(tally: Tally, answer: string): void {
  tally.set(answer, (tally.get(answer) ?? 0) + 1);
}
