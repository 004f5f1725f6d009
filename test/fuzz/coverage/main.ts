/** `npm run fuzz:coverage`: see --help. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Corpus, readCorpus, writeCorpus } from './corpus.ts';
import { bundleTarget, type Instrumented } from './instrument.ts';
import { errorOf } from './loop.ts';
import type { Target } from './target.ts';
import { TARGET_NAMES, TARGETS, type TargetName } from './targets.ts';
import type { WorkerData, WorkerMessage } from './worker.ts';

const HELP = `Fuzzes what reads bytes from strangers, guided by the branches of the code that an input reaches.

  npm run fuzz:coverage -- [--target NAME] [--seconds N] [--seed N] [--gaps]
  npm run fuzz:coverage -- --target NAME --replay FILE

  --target NAME  ${TARGET_NAMES.join(', ')}; all of them unless given
  --seconds N    how long each one runs (60); 0: only makes its corpus small
  --seed N       the first draw of chance; another one each time unless given
  --gaps         lists the branches that nothing has reached
  --replay FILE  runs one input, on the code as it stands in the tree

Inputs that reach something new are kept in test/fuzz/corpus, as few as reach all of it. One that breaks a promise is made short and saved
in dist/fuzz. Ctrl-C ends the target that runs and keeps what it has found.
Exit code 0: no promise was broken; 1: one was; 2: wrong arguments; 130: ended by Ctrl-C.
`;

/** How long one input may run before it counts as one without end. */
const HANGS_MILLIS = 10_000;
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const saved = path.join(root, 'dist/fuzz');

const { values } = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (values.target !== undefined && !(values.target in TARGETS))
  refuse(`--target ${values.target}: expected one of ${TARGET_NAMES.join(', ')}`);
if (values.replay !== undefined) process.exit(await replayFile(values.replay));

const seconds = readCount('seconds', values.seconds);
const seed = readCount('seed', values.seed ?? `${Date.now() % 1_000_000}`);
const folder = mkdtempSync(path.join(tmpdir(), 'errand-fuzz-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const stop = new Int32Array(new SharedArrayBuffer(4));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => Atomics.store(stop, 0, 1));

let found = 0;
for (const name of values.target === undefined ? TARGET_NAMES : [values.target as TargetName]) {
  if (Atomics.load(stop, 0) === 0) found += await fuzz(name);
}
process.exit(Atomics.load(stop, 0) !== 0 ? 130 : found > 0 ? 1 : 0);

/** @returns how many promises were broken */
async function fuzz(name: TargetName): Promise<number> {
  const made = await bundleTarget(name, folder);
  const before = readCorpus(name);
  console.log(`${name}: ${made.branches.length} branches, ${before.inputs.length} inputs, --seed ${seed}`);
  const { finds, end } = await runWorker(name, made, before);
  for (const { input, message } of finds) save(name, input, message);
  if (end === undefined) return finds.length;
  const { executions, reached, inputs } = end;
  console.log(
    `${name}: ${executions} executions in ${end.seconds.toFixed(0)} s (${(executions / end.seconds).toFixed(0)}/s), ${reached} of ${made.branches.length} branches by ${inputs.length} inputs, ${finds.length} finds`,
  );
  if (finds.length === 0) writeCorpus(name, { reached, branches: made.branches.length, inputs });
  if (values.gaps) await tellGaps(made, inputs);
  return finds.length;
}

async function runWorker(name: TargetName, made: Instrumented, before: Corpus) {
  const current = new SharedArrayBuffer(4 + (1 << 20));
  const workerData: WorkerData = {
    branches: made.branches.length,
    words: made.words,
    seed,
    seconds,
    corpus: before.inputs,
    current,
    stop: stop.buffer as SharedArrayBuffer,
  };
  const worker = new Worker(made.bundle, { workerData });
  const finds: { input: Uint8Array; message: string }[] = [];
  let end: (WorkerMessage & { tells: 'end' }) | undefined;
  let heardAt = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - heardAt < HANGS_MILLIS) return;
    const size = new Uint32Array(current, 0, 1)[0]!;
    finds.push({
      input: new Uint8Array(current, 4, size).slice(),
      message: `it has not ended after ${HANGS_MILLIS} ms`,
    });
    void worker.terminate();
  }, 500);
  worker.on('message', (message: WorkerMessage) => {
    heardAt = performance.now();
    if (message.tells === 'tidying') clearInterval(watch);
    if (message.tells === 'find') finds.push(message);
    if (message.tells === 'end') end = message;
    if (message.tells === 'progress' && process.stdout.isTTY) process.stdout.write(`\r${progressOf(name, message)}  `);
  });
  await new Promise<void>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
  clearInterval(watch);
  if (process.stdout.isTTY) process.stdout.write('\n');
  return { finds, end };
}

function progressOf(name: string, { executions, reached, inputs, seconds }: WorkerMessage & { tells: 'progress' }) {
  return `${name}: ${seconds.toFixed(0)} s, ${executions} executions (${(executions / seconds).toFixed(0)}/s), ${reached} branches, ${inputs} inputs`;
}

function save(name: TargetName, input: Uint8Array, message: string): void {
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 8);
  const file = path.join(saved, `${name}-${hash}`);
  mkdirSync(saved, { recursive: true });
  writeFileSync(file, input);
  console.log(`\n${message}\n  npm run fuzz:coverage -- --target ${name} --replay ${path.relative(root, file)}\n`);
}

async function tellGaps({ bundle, branches }: Instrumented, inputs: readonly Uint8Array[]): Promise<void> {
  const { replay, target } = (await import(bundle)) as typeof import('./loop.ts') & { target: Target };
  const { taken } = await replay(target, inputs, branches.length);
  const reached = new Set(taken.flatMap((places) => [...places]));
  for (const [i, branch] of branches.entries()) if (!reached.has(i)) console.log(`  never: ${branch}`);
  target.close?.();
}

async function replayFile(file: string): Promise<number> {
  const { target: name } = values;
  if (name === undefined) refuse('--replay needs --target');
  const input = readInput(file);
  const { target } = (await import(`./targets/${TARGETS[name as TargetName].file}`)) as { target: Target };
  const error = await errorOf(target, input);
  target.close?.();
  console.log(error === undefined ? `${name}: ${input.length} bytes, no promise is broken` : error.stack);
  return error === undefined ? 0 : 1;
}

function readInput(file: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(file));
  } catch (error) {
    return refuse(`--replay ${file}: ${(error as Error).message}`);
  }
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', default: false },
        target: { type: 'string' },
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string' },
        gaps: { type: 'boolean', default: false },
        replay: { type: 'string' },
      },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function readCount(name: string, text: string): number {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 0
    ? value
    : refuse(`--${name} ${text}: expected a whole number from 0`);
}

function refuse(reason: string): never {
  process.stderr.write(`npm run fuzz:coverage: ${reason}\n`);
  process.exit(2);
}
