import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createSupply, supply } from '../../../runtime/serial/supply.ts';

const image = Uint8Array.from({ length: 1_000 }, (_, i) => i);
const said = (things: ReturnType<typeof supply>[1]) =>
  things.map((thing) => (thing === 'ask' ? 'ask' : `${thing.offset}+${thing.bytes.length}`));

test('asks again when half of the blocks are out, so that the answer comes before they end', () => {
  let state = createSupply(image);
  let things: ReturnType<typeof supply>[1];
  [state, things] = supply(state, { offset: 0, length: 100, count: 4 });
  assert.equal(said(things), ['0+100', '100+100', 'ask', '200+100', '300+100']);
  [state, things] = supply(state, { offset: 200, length: 100, count: 4 });
  assert.equal(said(things), ['400+100', 'ask', '500+100']);
  [state, things] = supply(state, { offset: 500, length: 100, count: 4 });
  assert.equal(said(things), ['600+100', '700+100', 'ask', '800+100']);
});

test('goes back to what the device has not got', () => {
  const [before] = supply(createSupply(image), { offset: 0, length: 100, count: 4 });
  const [, things] = supply(before, { offset: 100, length: 100, count: 4 });
  assert.equal(said(things), ['100+100', '200+100', 'ask', '300+100', '400+100']);
});

test('goes on where a device is that had begun before, and back to 0 with one that begins anew', () => {
  let state = createSupply(image);
  let things: ReturnType<typeof supply>[1];
  [state, things] = supply(state, { offset: 512, length: 256, count: 1 });
  assert.equal(said(things), ['512+256', 'ask']);
  [state, things] = supply(state, { offset: 0, length: 256, count: 1 });
  assert.equal(said(things), ['0+256', 'ask']);
});

test('only asks while the device has no room or the image is out, and ends when it wants nothing', () => {
  let state = createSupply(image);
  let things: ReturnType<typeof supply>[1];
  [state] = supply(state, { offset: 800, length: 100, count: 2 });
  [state, things] = supply(state, { offset: 900, length: 100, count: 2 });
  assert.equal(said(things), ['ask']);
  [, things] = supply(state, { offset: 1_000, length: 100, count: 0 });
  assert.equal(said(things), []);
});

test.run();
