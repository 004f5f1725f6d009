import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KINDS } from './kinds.ts';

/** `npm run fuzz` runs a hundred times as many and more. */
const CASES = 800;
const seed = Number(process.env.ERRAND_SEED ?? Date.now() % 1_000_000);

test('the kinds of hostile input share all cases among them', () => {
  assert.is(Math.round(KINDS.reduce((sum, { share }) => sum + share, 0) * 1_000), 1_000);
});

for (const kind of KINDS)
  test(`hostile input, ${kind.name}: always an answer of the model, never a failure of ours (ERRAND_SEED=${seed})`, async () => {
    await kind.run(Math.ceil(CASES * kind.share), seed).catch((error: Error) => {
      throw error.cause === undefined ? error : new Error(`${error.message}\n${(error.cause as Error).stack}`);
    });
  });

test.run();
