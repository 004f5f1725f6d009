import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { MISTAKES, seedsUntilCaught } from '../mistakes.mjs';
import { runSerial } from './start.mjs';
import { line, tortureSerial } from './tortureMain.mjs';

const FRESH_SEEDS = 150;
/** Those that are caught within a few worlds; all of them: npm run sim:mistakes. */
const QUICK = [
  'take a frame on the host without looking at its checksum',
  'send a command once more when nobody knows whether it ran',
  'take a frame on the device without looking at its checksum',
  'do not say a reply again',
];

if (hasTool('gcc', 'gcc')) {
  test('a world of the serial line is the same for the same seed', async () => {
    const first = await runSerial({ seed: 7, count: 1 });
    assert.match(first.stdout, /^seed 7: trace [0-9a-f]+$/m);
    assert.is((await runSerial({ seed: 7, count: 1 })).stdout, first.stdout);
  });

  test(`in ${FRESH_SEEDS} fresh worlds no command runs twice, no wrong image starts, and all work ends`, async () => {
    const seed = Math.floor(Math.random() * 4_000_000_000);
    const { code, stdout } = await runSerial({ seed, count: FRESH_SEEDS, story: 40 });
    assert.is(code, 0, stdout);
    const totals = JSON.parse(stdout) as Record<string, number>;
    console.log(`\n  serial seeds ${seed} to ${seed + FRESH_SEEDS - 1}: ${stdout.trim()}`);
    for (const what of [
      'commands run',
      'images started',
      'bytes of noise',
      'resets of the device',
      'restarts of the host',
    ])
      assert.ok(totals[what]! > 50, what);
  });

  test('through every kind of noise no command is wrong or runs twice, no wrong image starts, and the next frame is understood', async () => {
    const seed = Math.floor(Math.random() * 4_000_000_000);
    const rows = await tortureSerial({ frames: 50_000, jobs: 2, seed });
    console.log(['', `from seed ${seed} on`, line(), ...rows.map(line)].join('\n  '));
    for (const { name, counts, broken } of rows) {
      assert.equal(broken, [], name);
      for (const what of ['frames', 'commands run', 'images started', 'times the noise ended'])
        assert.ok(counts[what]! > 0, `${name}: ${what}`);
    }
  });

  for (const mistake of MISTAKES.filter(({ name }) => QUICK.includes(name)))
    test(`a planted mistake is noticed on the serial line: ${mistake.name}`, async () => {
      assert.ok((await seedsUntilCaught(mistake, 300)) !== undefined, 'no promise was seen broken in 300 worlds');
    });
}

test.run();
