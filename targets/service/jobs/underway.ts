/** Counts what is under way, so that its owner can wait until nothing is. */
export interface Underway {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves once nothing is under way. */
  settled(): Promise<void>;
}

export function createUnderway(): Underway {
  let count = 0;
  let waiting: (() => void)[] = [];
  const end = () => {
    if (--count > 0) return;
    const told = waiting;
    waiting = [];
    for (const tell of told) tell();
  };
  return {
    run(work) {
      count++;
      return work().finally(end);
    },
    settled: async () => {
      while (count > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}
