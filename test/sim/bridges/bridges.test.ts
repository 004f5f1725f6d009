import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { MISTAKES, seedsUntilCaught } from '../mistakes.mjs';
import { runBridges } from './start.mjs';

/** Two processes, one a core. */
const WORKERS = 2;
const FRESH_SEEDS = 30;
/** Those that are caught within a few worlds; all of them: npm run sim:mistakes. */
const QUICK = ['give each step of a job the same number'];

if (hasTool('gcc', 'gcc')) {
  test('a world with bridges is the same for the same seed', async () => {
    const first = await runBridges({ seed: 7, count: 1 });
    assert.match(first.stdout, /^seed 7: trace [0-9a-f]+$/m);
    assert.is((await runBridges({ seed: 7, count: 1 })).stdout, first.stdout);
  });

  test(`in ${FRESH_SEEDS} fresh worlds bridges and their microcontrollers keep every promise and come to rest`, async () => {
    const first = Math.floor(Math.random() * 4_000_000_000);
    const count = FRESH_SEEDS / WORKERS;
    const runs = await Promise.all(
      Array.from({ length: WORKERS }, (_, i) => runBridges({ seed: first + i * count, count, story: 60 })),
    );
    const totals: Record<string, number> = {};
    for (const { code, stdout } of runs) {
      assert.is(code, 0, stdout);
      for (const [what, n] of Object.entries(JSON.parse(stdout) as Record<string, number>))
        totals[what] = (totals[what] ?? 0) + n;
    }
    console.log(`\n  bridge seeds ${first} to ${first + FRESH_SEEDS - 1}: ${JSON.stringify(totals)}`);
    for (const what of ['bytes of noise', 'commands run', 'cables pulled', 'power cuts', 'resets of microcontrollers'])
      assert.ok(totals[what]! > 5, what);
  });

  for (const mistake of MISTAKES.filter(({ name }) => QUICK.includes(name)))
    test(`a planted mistake is noticed with bridges: ${mistake.name}`, async () => {
      assert.ok((await seedsUntilCaught(mistake, 100)) !== undefined, 'no promise was seen broken in 100 worlds');
    });
}

test.run();
