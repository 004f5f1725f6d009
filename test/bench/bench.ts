import type { Site } from './site.ts';

/** What a measurement is given. */
export interface Bench {
  /** The running service, started for the first one that asks. */
  site(): Promise<Site>;
  /** How many rounds: as usual, or with --quick. */
  rounds(usual: number, quick: number): number;
  progress(line: string): void;
}
