import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  afterEnd,
  BETTER_MILLIS_MAX,
  BETTER_MILLIS_MIN,
  better,
  createWayOrder,
  lookForBetter,
} from '../../../runtime/device/wayOrder.ts';
import { STABLE_MILLIS } from '../../../runtime/limits.ts';

test('a way that fails or does not last is followed by the next, the last by the first', () => {
  let order = createWayOrder(3, 1);
  const taken = [0, 0, STABLE_MILLIS - 1, 0].map((lived) => {
    order = afterEnd(order, lived);
    return order.at;
  });
  assert.equal(taken, [1, 2, 0, 1]);
});

test('after a stable connection all are tried from the best again', () => {
  const order = afterEnd({ ...createWayOrder(3, 1), at: 2 }, STABLE_MILLIS);
  assert.is(order.at, 0);
});

test('a better way is looked for after pauses that grow, with chance, up to an hour and a half', () => {
  assert.equal(lookForBetter(createWayOrder(2, 1))[1], undefined);
  let order = { ...createWayOrder(2, 7), at: 1 };
  for (let n = 0; n < 8; n++) {
    let millis: number | undefined;
    [order, millis] = lookForBetter(order);
    const middle = Math.min(BETTER_MILLIS_MAX, BETTER_MILLIS_MIN * 2 ** n);
    assert.ok(millis! >= middle / 2 && millis! <= middle * 1.5, `look ${n} after ${millis}`);
  }
  // Reached, but it does not carry: the pauses go on growing.
  order = afterEnd(afterEnd(better(order, 0), 0), 10);
  assert.is(order.looks, 8);
  assert.is(afterEnd(better(order, 0), STABLE_MILLIS).looks, 0);
});

test.run();
