/**
 * Runs the test files, fast rooms first, on two processes, and counts. Started by main.mjs.
 *
 * What a file prints is shown whole when the file has ended, so that the two do not mix.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ENDED, type Outcome } from './outcome.ts';

/** The order of the rooms: what is pure first, what starts processes last. */
const ROOMS = ['runtime', 'transports', 'targets', 'sim', 'fuzz', 'torture', 'whole'];

/** Files at once: tests mostly wait for the processes they started, but worlds and builds compute. */
const PROCESSES = Math.min(2, os.availableParallelism());

/** Longer than any file takes on the slowest machine. */
const FILE_SECONDS_MAX = 400;

/** From being told to end until a process that does not listen is killed. */
const END_MILLIS = 5_000;

/** What a process said last may still be in its pipes when it has ended; what it started may hold them open for good. */
const LAST_WORDS_MILLIS = 200;

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const patterns = process.argv.slice(2);
const files = ROOMS.flatMap((room) =>
  readdirSync(path.join(here, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .sort()
    .map((file) => path.join(room, file)),
).filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ')}`);
  process.exit(2);
}

const count = files.length;
const sum: Outcome = { passed: 0, failed: 0, skipped: 0, seconds: 0 };
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
const started = performance.now();
await Promise.all(Array.from({ length: Math.min(PROCESSES, count) }, work));
const skips = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
console.log(`${count} files in ${((performance.now() - started) / 1000).toFixed(0)} s`);
console.log(`${sum.passed} passed, ${sum.failed} failed${skips}`);
process.exit(sum.failed > 0 ? 1 : 0);

/** Takes the next file until none is left; a process that died is replaced. */
async function work(): Promise<void> {
  let suite: ChildProcess | undefined;
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    if (!suite?.connected) suite = startSuite();
    const { text, outcome, fault } = await runFile(suite, file);
    for (const what of ['passed', 'failed', 'skipped'] as const) sum[what] += outcome[what];
    const end = fault ?? `took ${outcome.seconds.toFixed(1)} s`;
    process.stdout.write(`${file} ${text.trimEnd()}\n  ${file} ${end}\n`);
  }
  if (suite?.connected) suite.disconnect();
}

function startSuite(): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', path.join(here, 'suite.ts')], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

/** @returns what it printed and what came of it, or how its process ended before that: then as one failed test */
function runFile(suite: ChildProcess, file: string): Promise<{ text: string; outcome: Outcome; fault?: string }> {
  return new Promise((resolve) => {
    let text = '';
    let fault: string | undefined;
    const take = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const at = text.indexOf(ENDED);
      if (at < 0 || !text.endsWith('\n')) return;
      done(text.slice(0, at), JSON.parse(text.slice(at + ENDED.length)) as Outcome);
    };
    const lost = (code: number | null, signal: string | null): void => {
      fault ??= `ended its process (${signal ?? code})`;
      setTimeout(() => done(text, { passed: 0, failed: 1, skipped: 0, seconds: 0 }), LAST_WORDS_MILLIS);
    };
    // A test that waits for what never comes would hold up all behind it.
    const guard = setTimeout(() => {
      fault = `did not end within ${FILE_SECONDS_MAX} s: what it waits for never came`;
      suite.disconnect();
      setTimeout(() => suite.kill('SIGKILL'), END_MILLIS);
    }, FILE_SECONDS_MAX * 1000);
    const done = (printed: string, outcome: Outcome): void => {
      clearTimeout(guard);
      suite.stdout!.off('data', take);
      suite.stderr!.off('data', take);
      suite.off('exit', lost);
      resolve({ text: Buffer.from(printed, 'latin1').toString(), outcome, ...(fault !== undefined && { fault }) });
    };
    suite.stdout!.on('data', take);
    suite.stderr!.on('data', take);
    suite.once('exit', lost);
    suite.send(file);
  });
}
