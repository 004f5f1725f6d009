import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';
import { bundleSim } from './bundle.mjs';
import { MISTAKES, seedsUntilCaught } from './mistakes.mjs';

/** Two processes, one a core. */
const WORKERS = 2;
/** Fresh seeds: as many as fit, of each process at least so many. */
const FRESH_SECONDS = 40;
const FRESH_SEEDS_MIN = 50;
/** Seeds of one process are its own. */
const SEEDS_APART = 1_000_000;
/**
 * Mistakes that are run here too, one of each part; all of them: npm run sim:mistakes. Some more are noticed by a named scenario
 * (scenarios/scenarios.test.ts).
 */
const QUICK = [
  'take any answer for the one asked for (no clientToken check)',
  'do not count the version up',
  'let a device leave a terminal status',
  'never repeat a request that got no answer',
  'begin at the first step after every boot',
  'report without the expected version',
  'read a record without looking at its checksum',
  'never send PINGREQ',
  'forget a message of the service when it was sent, not when it was acknowledged',
  'try again once more than the job allows',
  'ignore the rate of a roll-out',
  'write what was refused',
  'fail a job whose device has restarted as it was to',
];

const bundle = await bundleSim(path.join(path.dirname(fileURLToPath(import.meta.url)), '../../dist/sim/main.mjs'));
const run = (...args: string[]) => runChild(process.execPath, [bundle, ...args]);

test('the same seed gives the same trace, another seed another', async () => {
  const [first, again, other] = await Promise.all([run('--seed', '7'), run('--seed', '7'), run('--seed', '8')]);
  assert.match(first.stdout, /^seed 7: trace [0-9a-f]+$/m);
  assert.is(again.stdout, first.stdout);
  assert.is.not(other.stdout.split('\n')[0]!.split('trace')[1], first.stdout.split('\n')[0]!.split('trace')[1]);
});

test(`fresh worlds of ${FRESH_SECONDS} seconds keep every promise and come to rest`, async () => {
  const first = Math.floor(Math.random() * 4_000_000_000);
  const long = ['--count', `${FRESH_SEEDS_MIN}`, '--seconds', `${FRESH_SECONDS}`];
  const runs = await Promise.all(
    Array.from({ length: WORKERS }, (_, i) => run('--seed', `${first + i * SEEDS_APART}`, ...long)),
  );
  const totals: Record<string, number> = {};
  for (const { code, stdout, stderr } of runs) {
    assert.is(code, 0, `${stdout}${stderr}`);
    for (const [what, n] of Object.entries(JSON.parse(stdout) as Record<string, number>))
      totals[what] = (totals[what] ?? 0) + n;
  }
  console.log(`\n  from seeds ${first} and ${first + SEEDS_APART} on: ${JSON.stringify(totals)}`);
  // A world in which nothing happens keeps every promise too.
  for (const what of [
    'clock jumps',
    'crashes before telling',
    'jobs',
    'steps started',
    'power cuts',
    'service crashes',
    'answers lost',
    'clean stops',
  ])
    assert.ok(totals[what]! > 0, what);
});

for (const mistake of MISTAKES.filter(({ name }) => QUICK.includes(name))) {
  test(`a planted mistake is noticed: ${mistake.name}`, async () => {
    const caught = await seedsUntilCaught(mistake, 300);
    assert.ok(caught !== undefined, 'no promise was seen broken in 300 worlds');
  });
}

test.run();
