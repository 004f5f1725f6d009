/** The middle one; of an even number the mean of the two middle ones, of none NaN. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Measures every case once a round, each round beginning with another case, so that load that comes and goes meets all alike.
 *
 * @returns for each case and each figure that its measurement gave: the median over the rounds
 */
export async function interleaved<Case extends string, Name extends string>(
  rounds: number,
  cases: Record<Case, () => Promise<Record<Name, number>>>,
  progress: (line: string) => void,
): Promise<Record<Case, Record<Name, number>>> {
  const names = Object.keys(cases) as Case[];
  const taken = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Case, Record<Name, number>[]>;
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`);
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length]!;
      taken[name].push(await cases[name]());
    }
  }
  return Object.fromEntries(names.map((name) => [name, medians(taken[name])])) as Record<Case, Record<Name, number>>;
}

function medians<Name extends string>(measured: readonly Record<Name, number>[]): Record<Name, number> {
  const names = Object.keys(measured[0] ?? {}) as Name[];
  return Object.fromEntries(names.map((name) => [name, median(measured.map((one) => one[name]))])) as Record<
    Name,
    number
  >;
}
