/** The thread that fuzzes, so that an input which never ends is seen from outside: the bundle of a target, begun as a worker. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { createLoop, fewest, shortened } from './loop.ts';
import type { Target } from './target.ts';

export interface WorkerData {
  branches: number;
  words: (string | number)[];
  seed: number;
  seconds: number;
  corpus: Uint8Array[];
  /** Where the input that runs is to be seen: its length in 4 bytes, then itself. */
  current: SharedArrayBuffer;
  /** Not 0: to end. */
  stop: SharedArrayBuffer;
}

export type WorkerMessage =
  | { tells: 'progress'; executions: number; reached: number; inputs: number; seconds: number }
  /** No new input from here on: what was found is made short, and the corpus small. */
  | { tells: 'tidying' }
  | { tells: 'find'; input: Uint8Array; message: string }
  | { tells: 'end'; executions: number; seconds: number; reached: number; inputs: Uint8Array[] };

export async function work(target: Target): Promise<void> {
  if (isMainThread || parentPort === null) return;
  const { branches, words, seed, seconds, corpus, current, stop } = workerData as WorkerData;
  const tell = (message: WorkerMessage) => parentPort?.postMessage(message);
  const [length, bytes, stopped] = [new Uint32Array(current, 0, 1), new Uint8Array(current, 4), new Int32Array(stop)];
  const trying = (input: Uint8Array) => {
    length[0] = input.length;
    bytes.set(input);
  };
  // Most inputs are refused, and what takes the time of a refusal is its stack.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const loop = createLoop(target, { branches, words, seed, trying });
  const started = performance.now();
  const passed = () => (performance.now() - started) / 1_000;
  await loop.begin([...corpus, ...target.seeds]);
  let told = started;
  let goesOn = loop.finds.size === 0 || seconds > 0;
  while (goesOn && passed() < seconds && Atomics.load(stopped, 0) === 0) {
    goesOn = await loop.go();
    if (performance.now() - told < 1_000) continue;
    told = performance.now();
    tell({ tells: 'progress', ...loop.progress(), seconds: passed() });
  }
  const { executions } = loop.progress();
  const ranSeconds = passed();
  tell({ tells: 'tidying' });
  Error.stackTraceLimit = stackTraceLimit;
  for (const find of loop.finds.values()) {
    const { input, error } = await shortened(target, find);
    tell({ tells: 'find', input, message: error.stack ?? error.message });
  }
  const { reached, inputs } = await fewest(target, loop.inputs, branches);
  target.close?.();
  tell({ tells: 'end', executions, seconds: ranSeconds, reached, inputs });
}
