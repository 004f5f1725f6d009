import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keepTicking } from '../../../targets/service/ticking.ts';

/** Ticks on a virtual clock: what was logged, when each tick ran, and the one timer that there may be. */
function world(failing: () => boolean) {
  const ran: number[] = [];
  const logs: string[] = [];
  let now = 0;
  let timer: { at: number; run: () => void } | undefined;
  let tell: (atMillis: number) => void = () => {};
  const timers = {
    setTimeout: (run: () => void, inMillis: number) => {
      timer = { at: now + inMillis, run };
    },
    clearTimeout: () => {
      timer = undefined;
    },
  };
  const ticking = keepTicking(
    {
      onDue: (heard) => {
        tell = heard;
      },
      tick: async () => {
        ran.push(now);
        if (failing()) throw new Error('the store is away');
      },
    },
    () => now,
    (level, message) => void logs.push(`${level} ${message}`),
    () => {},
    timers as never,
  );
  return {
    ran,
    logs,
    ticking,
    due: (atMillis: number) => tell(atMillis),
    /** Runs the timers up to a time. */
    async until(millis: number) {
      while (timer !== undefined && timer.at <= millis) {
        const { at, run } = timer;
        timer = undefined;
        now = at;
        run();
        await new Promise((resolve) => setImmediate(resolve));
      }
      now = millis;
    },
  };
}

test('ticks that fail are tried again ever later, and told once; so is their end', async () => {
  let away = true;
  const { ran, logs, ticking, until } = world(() => away);
  await until(45_000);
  assert.equal(ran, [0, 1_000, 3_000, 7_000, 15_000, 25_000, 35_000, 45_000]);
  assert.equal(logs, ['error a tick failed and is tried again: Error: the store is away']);
  assert.is(ticking.failure(), 'Error: the store is away');
  away = false;
  await until(200_000);
  assert.is(ran.length, 9, 'when it has succeeded nothing is tried again');
  assert.equal(logs.slice(1), ['info ticks succeed again after 8 that failed']);
  assert.is(ticking.failure(), undefined);
});

test('a tick that failed is tried again also where the service asks for a later one, and sooner where it asks for that', async () => {
  let away = true;
  const { ran, due, until } = world(() => away);
  await until(500);
  due(3_600_000);
  away = false;
  await until(2_000);
  assert.equal(ran, [0, 1_000]);
  away = true;
  due(5_000);
  await until(5_000);
  due(5_100);
  await until(5_900);
  assert.equal(ran.slice(2), [5_000, 5_100]);
});

test('nothing is tried again after the end', async () => {
  const { ran, ticking, until } = world(() => true);
  await until(500);
  ticking.end();
  await until(60_000);
  assert.equal(ran, [0]);
});

test.run();
