/**
 * Runs the test files it is told of, one after another, and tells what came of each: a process of run.ts.
 *
 * What a file prints goes to stdout, as what its tests say on stderr does; a line that begins with ENDED closes it.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ENDED, type Outcome } from './outcome.ts';

type Suite = () => Promise<[errors: string | true, passed: number, skipped: number, total: number]>;
const uvu = globalThis as unknown as { UVU_DEFER: number; UVU_INDEX: number; UVU_QUEUE: [string, ...Suite[]][] };
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

process.stderr.write = process.stdout.write.bind(process.stdout) as typeof process.stderr.write;
uvu.UVU_DEFER = 1;
await import('uvu');
uvu.UVU_QUEUE.length = 0;

process.on('message', async (file: string) => {
  const outcome = await run(file);
  process.stdout.write(`\n${ENDED}${JSON.stringify(outcome)}\n`);
});
// When run.ts ends, so does this, by process.exit: what a test started ends as well (child.ts).
process.on('disconnect', () => process.exit());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

async function run(file: string): Promise<Outcome> {
  const outcome = { passed: 0, failed: 0, skipped: 0, seconds: 0 };
  uvu.UVU_INDEX = uvu.UVU_QUEUE.push([file]) - 1;
  const started = performance.now();
  await import(pathToFileURL(path.join(here, file)).href);
  for (const suite of (uvu.UVU_QUEUE[uvu.UVU_INDEX] as [string, ...Suite[]]).slice(1) as Suite[]) {
    const [errors, passed, skipped, total] = await suite();
    outcome.passed += passed;
    outcome.failed += total - passed;
    outcome.skipped += skipped;
    if (typeof errors === 'string') process.stdout.write(`\n${errors}\n`);
    else if (passed < total)
      process.stdout.write(`\n  a hook of this file threw: ${total - passed} tests did not run\n`);
  }
  return { ...outcome, seconds: (performance.now() - started) / 1000 };
}
