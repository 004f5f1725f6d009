/** What a figure may be, by its own size and beside its peer in the same run. */
export interface Budget {
  most?: number;
  least?: number;
  /** Ours by the first peer's: at most, or with `least` at least. */
  ratio?: number;
}

const KB = 1024;
const MB = 1024 * KB;

/**
 * The budgets of the product, the only place that has their numbers: the bench prints them beside what it measured, test/whole/budgets.test.ts
 * holds the countable ones. A time or a memory size has a ratio too, since another machine or Node moves ours and the prototype alike.
 */
export const BUDGETS = {
  agentBytes: { most: 40 * KB },
  agentGzipBytes: { most: 14 * KB },
  idlePrivateBytes: { most: 9.4 * MB, ratio: 9.4 / 7.2 },
  idleResidentBytes: { most: 47 * MB, ratio: 47 / 43.8 },
  /** A minute. */
  idleCpuMillis: { most: 18, ratio: 18 / 15 },
  instructionsToConnack: { most: 360e6, ratio: 360 / 240 },
  recordBytesPerJob: { most: 64 * KB },
  syncsPerJob: { most: 8 },
  wireBytesPerJob: { most: 4 * KB },
  noopJobMicros: { most: 385, ratio: 385 / 284 },
  noopJobsPerSecond: { least: 1_275, ratio: 1_275 / 1_700 },
  encodeNanos: { ratio: 0.5 },
  decodeNanos: { ratio: 0.15 },
  framingBytes: { ratio: 0.25 },
  serviceStartMillis: { most: 300 },
  serviceResidentBytes: { most: 90 * MB },
  changesPerSecond: { least: 4_200, ratio: 3 },
  jobToAllMillis: { ratio: 3 },
  /** Of a line of 115,200 baud. */
  firmwareBytesPerSecond: { least: 0.86 * 11_520, ratio: 0.86 },
  /** 64 bytes there and back, beside the raw port. */
  serialExchangeMicros: { ratio: 0.7 },
  cancelMillis: { most: 1_000 },
} as const satisfies Record<string, Budget>;
