import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { measure } from '../bench/rollout/measure.ts';

test('a roll-out at 60,000 a minute, faster than AWS allows: each Thing gets one execution while a device asks and updates', async () => {
  const things = 1_500;
  const { executions, requests, peakBytes, bytesPerExecution } = await measure(undefined, things, 60_000, () => {});
  assert.is(executions, things);
  assert.ok(requests > 0);
  assert.ok(peakBytes < 400 * 1024 * 1024, `${peakBytes} bytes`);
  assert.ok(bytesPerExecution > 0 && bytesPerExecution < 400, `${bytesPerExecution} bytes each`);
});

test.run();
