import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { random32, randomUnit } from '../../runtime/random.ts';

function take(count: number, seed: number): number[] {
  const values: number[] = [];
  for (let state = seed; values.length < count; ) {
    const [value, next] = randomUnit(state);
    values.push(value);
    state = next;
  }
  return values;
}

test('the seed alone decides, and neighbouring seeds have nothing in common', () => {
  assert.equal(take(100, 7), take(100, 7));
  assert.is(new Set([...take(1000, 7), ...take(1000, 8), ...take(1000, -1)]).size, 3000);
});

test('uniform: each tenth of [0, 1) gets its share, from one seed or as the first of many', () => {
  for (const values of [take(20_000, 1), Array.from({ length: 20_000 }, (_, seed) => take(1, seed)[0]!)]) {
    const tenths = new Array<number>(10).fill(0);
    for (const value of values) tenths[Math.floor(value * 10)]!++;
    assert.ok(
      tenths.every((count) => Math.abs(count - 2000) < 200),
      tenths.join(' '),
    );
  }
});

test('random32 gives whole numbers of 32 bits, without sign', () => {
  for (let state = 0, i = 0; i < 1000; i++) {
    const [value, next] = random32(state);
    assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** 32);
    state = next;
  }
});

test.run();
