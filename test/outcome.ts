/** What came of one test file. */
export interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
}

/** Begins the line behind what a file printed; its outcome follows as JSON. */
export const ENDED = '\u0000ended ';
