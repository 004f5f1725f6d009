import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../../child.ts';
import { MISTAKES, seedsUntilCaught } from '../mistakes.mjs';
import { bundleDownloads } from './start.mjs';

const FRESH_SEEDS = 60;
/** Those that are caught within a few worlds; all of them: npm run sim:mistakes. */
const QUICK = ['trust what was not synced, after a restart of the device'];

const bundle = await bundleDownloads();

test(`in ${FRESH_SEEDS} fresh worlds a file has its name only when all of it is there and right, and it comes`, async () => {
  const seed = Math.floor(Math.random() * 4_000_000_000);
  const { code, stdout, stderr } = await runChild(process.execPath, [
    bundle,
    '--seed',
    `${seed}`,
    '--count',
    `${FRESH_SEEDS}`,
  ]);
  assert.is(code, 0, `${stdout}${stderr}`);
  const totals = JSON.parse(stdout) as Record<string, number>;
  console.log(`\n  download seeds from ${seed} on: ${stdout.trim()}`);
  assert.is(totals['files loaded'], FRESH_SEEDS);
  for (const what of ['ends of the agent', 'power cuts', 'failures', 'reports of progress'])
    assert.ok(totals[what]! > 0, what);
});

for (const mistake of MISTAKES.filter(({ name }) => QUICK.includes(name)))
  test(`a planted mistake is noticed in a download: ${mistake.name}`, async () => {
    assert.ok((await seedsUntilCaught(mistake, 200)) !== undefined, 'no promise was seen broken in 200 worlds');
  });

test.run();
