/** Loads the test files, fast rooms first, runs them one after another and counts. Started by main.mjs. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** The order of the rooms: what is pure first, what starts processes last. */
const ROOMS = ['runtime', 'transports', 'targets', 'sim', 'fuzz', 'torture', 'whole'];

/** Longer than any file takes on the slowest machine. */
const FILE_SECONDS_MAX = 400;

type Suite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;
const uvu = globalThis as unknown as { UVU_DEFER: number; UVU_INDEX: number; UVU_QUEUE: [string, ...Suite[]][] };

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const patterns = process.argv.slice(2);
const files = ROOMS.flatMap((room) =>
  readdirSync(path.join(here, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .sort()
    .map((file) => path.join(room, file)),
).filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));

uvu.UVU_DEFER = 1;
await import('uvu');
uvu.UVU_QUEUE.length = 0;
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of files) {
  uvu.UVU_INDEX = uvu.UVU_QUEUE.push([file]) - 1;
  await import(pathToFileURL(path.join(here, file)).href);
  const started = performance.now();
  process.stdout.write(`${file} `);
  for (const suite of (uvu.UVU_QUEUE[uvu.UVU_INDEX] as [string, ...Suite[]]).slice(1) as Suite[]) {
    const guard = setTimeout(tooLong, FILE_SECONDS_MAX * 1000, file);
    const [errors, ran, skips, total] = await suite();
    clearTimeout(guard);
    passed += ran;
    failed += total - ran;
    skipped += skips;
    if (typeof errors === 'string') process.stdout.write(`\n${errors}\n`);
    else if (ran < total) process.stdout.write(`\n  a hook of this file threw: ${total - ran} tests did not run\n`);
  }
  process.stdout.write(`  ${file} took ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ')}`);
  process.exit(2);
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed > 0 ? 1 : 0);

/** A test that waits for what never comes would hold up all behind it: the run ends there, as failed. */
function tooLong(file: string): void {
  console.log(`\n  ${file} did not end within ${FILE_SECONDS_MAX} s: what it waits for never came`);
  console.log(`${passed} passed, ${failed + 1} failed`);
  process.exit(1);
}
