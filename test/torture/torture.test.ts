import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { torture } from './torture.ts';

/** `npm run torture:service` does 200. */
const KILLS = 5;

test(`kill -9 of the service under load, ${KILLS} times: what was acknowledged is there once, counters are true, timers fire once`, async () => {
  const { executions, counts } = await torture(KILLS, Math.random);
  assert.ok(executions > 0 && counts.acknowledged > 0, JSON.stringify(counts));
});

test.run();
