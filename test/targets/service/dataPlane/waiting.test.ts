import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HELD_PER_THING_MAX } from '../../../../targets/service/dataPlane/limits.ts';
import { createWaiting } from '../../../../targets/service/dataPlane/waiting.ts';

/** Timers that run out by hand. */
function byHand() {
  const timers = new Set<() => void>();
  const after = (_millis: number, run: () => void) => {
    timers.add(run);
    return () => void timers.delete(run);
  };
  const runOut = () => {
    for (const run of timers) run();
  };
  return { after, timers, runOut };
}

test('a change between taking the place and asking for it is not lost', async () => {
  const waiting = createWaiting({ placesMax: 10, ...byHand() });
  const place = waiting.take('T', 1000)!;
  waiting.changed('T');
  assert.is(await place.woken(), 'changed');
});

test('wakes all of one thing and nobody else', async () => {
  const waiting = createWaiting({ placesMax: 10, ...byHand() });
  const [a, b, other] = [waiting.take('T', 1000)!, waiting.take('T', 1000)!, waiting.take('U', 1000)!];
  const woken: string[] = [];
  const told = [a, b].map((place, i) => place.woken().then((why) => woken.push(`${i} ${why}`)));
  void other.woken().then((why) => woken.push(`other ${why}`));
  waiting.changed('T');
  await Promise.all(told);
  assert.equal(woken, ['0 changed', '1 changed']);
});

test('each change wakes once; what ends the waiting stays', async () => {
  const hand = byHand();
  const waiting = createWaiting({ placesMax: 10, ...hand });
  const place = waiting.take('T', 1000)!;
  waiting.changed('T');
  waiting.changed('T');
  assert.is(await place.woken(), 'changed');
  const second = place.woken();
  hand.runOut();
  assert.is(await second, 'over');
  waiting.changed('T');
  assert.is(await place.woken(), 'over');
  place.gone();
  assert.is(await place.woken(), 'over');
});

test('a client that is gone is known at once, also after a change that was not taken yet', async () => {
  const waiting = createWaiting({ placesMax: 10, ...byHand() });
  const place = waiting.take('T', 1000)!;
  waiting.changed('T');
  place.gone();
  assert.is(await place.woken(), 'gone');
});

test('a place that was left costs nothing: no timer, no row, no count', () => {
  const hand = byHand();
  const waiting = createWaiting({ placesMax: 10, ...hand });
  const places = ['T', 'T', 'U'].map((thing) => waiting.take(thing, 1000)!);
  assert.equal([waiting.count(), hand.timers.size], [3, 3]);
  for (const place of [...places, ...places]) place.leave();
  assert.equal([waiting.count(), hand.timers.size], [0, 0]);
  waiting.changed('T');
});

test('a thing has a bound, and all together have one; a place that is left is free again', () => {
  const waiting = createWaiting({ placesMax: HELD_PER_THING_MAX + 1, ...byHand() });
  const places = Array.from({ length: HELD_PER_THING_MAX }, () => waiting.take('T', 1000)!);
  assert.is(waiting.take('T', 1000), undefined);
  assert.ok(waiting.take('U', 1000));
  assert.is(waiting.take('V', 1000), undefined);
  places[0]!.leave();
  assert.ok(waiting.take('T', 1000));
});

test('the end wakes all, and nobody waits after it', async () => {
  const waiting = createWaiting({ placesMax: 10, ...byHand() });
  const places = [waiting.take('T', 1000)!, waiting.take('U', 1000)!];
  waiting.end();
  assert.equal(await Promise.all(places.map((place) => place.woken())), ['ended', 'ended']);
  assert.is(await waiting.take('T', 1000)!.woken(), 'ended');
});

test.run();
