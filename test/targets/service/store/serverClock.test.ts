import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clockAhead } from '../../../../targets/service/store/serverClock.ts';

test('the other clock is told by the quickest answer: a connection that is opened slowly does not count', async () => {
  // On the way there, on the way back.
  const trips = [
    [90, 2],
    [1, 1],
    [3, 40],
    [20, 0],
    [2, 9],
  ];
  let now = 1_000_000;
  let asked = 0;
  const ask = async () => {
    const [there = 0, back = 0] = trips[asked++] ?? [];
    now += there;
    const theirs = now + 5_000;
    now += back;
    return theirs;
  };
  assert.is(await clockAhead(ask, () => now), 5_000);
  assert.is(asked, trips.length);
});

test.run();
