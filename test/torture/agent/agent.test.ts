import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tortureAgents } from './torture.ts';

/** `npm run torture` does 1,000. */
const KILLS = 100;

test(`kill -9 of agents at random moments, ${KILLS} times: no step twice, no job left in progress, every result right`, async () => {
  const seed = Date.now() % 2 ** 31;
  const figures = await tortureAgents({ kills: KILLS, boards: 4, seed, stop: new AbortController().signal }).catch(
    (error: Error) => {
      error.message = `seed ${seed}: ${error.message}`;
      throw error;
    },
  );
  assert.ok(figures.steps > 0 && figures.kills >= KILLS, JSON.stringify(figures));
});

test.run();
