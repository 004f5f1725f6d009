import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MISTAKES, playScenarios } from '../mistakes.mjs';
import { runBusWorld } from '../serial/bus.ts';
import { playStrangeDevices } from '../serial/strange.ts';
import { SCENARIOS } from './scenarios.ts';

test('every scenario keeps every promise and comes to rest', async () => {
  const { code, stdout } = await playScenarios('');
  assert.is(code, 0, stdout);
  assert.is(JSON.parse(stdout.trim().split('\n').at(-1)!).worlds, SCENARIOS.length);
});

test('devices of other makes on the serial line: whatever they answer, the work ends, and as the host says', async () => {
  assert.ok((await playStrangeDevices()) > 40);
});

test('on a line that several devices share nobody is spoken to while another is asked', async () => {
  for (let seed = 1; seed <= 20; seed++) assert.is(await runBusWorld(seed), undefined);
});

for (const { name, catches = [] } of SCENARIOS)
  for (const planted of catches)
    test(`the scenario '${name}' notices a planted mistake: ${planted}`, async () => {
      const mistake = MISTAKES.find((one) => one.name === planted);
      assert.ok(mistake, 'there is such a mistake');
      const { code, stdout } = await playScenarios(name, mistake);
      assert.is(code, 1, 'no promise was seen broken');
      assert.match(stdout, /^scenario '.*': (?!the product threw: SyntaxError)/m);
    });

test.run();
