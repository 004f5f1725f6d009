import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ProtocolError } from '../../../runtime/errors.ts';
import { type CborMap, decodeBody, encodeBody } from '../../../runtime/serial/cbor.ts';
import {
  decodeDeviceHello,
  decodeHostHello,
  encodeDeviceHello,
  encodeHostHello,
} from '../../../runtime/serial/hello.ts';
import { blocksOf, decodeBlock, decodePull, encodeBlock, encodePull } from '../../../runtime/serial/pull.ts';
import { bytesOf, hex, vectors } from './vectors.ts';

for (const row of vectors.bodies) {
  test(`a body comes back byte by byte: ${row.name}`, () =>
    assert.is(hex(encodeBody(decodeBody(bytesOf(row.hex)))), row.hex));
  test(`every shorter one is refused: ${row.name}`, () => {
    for (let size = 0; size < row.hex.length / 2; size += 1)
      assert.throws(
        () => decodeBody(bytesOf(row.hex).subarray(0, size)),
        (error: Error) => error instanceof ProtocolError,
      );
  });
}
for (const row of [...vectors.refusedBodies, ...vectors.hostRefusedBodies])
  test(`a body is refused: ${row.name}`, () =>
    assert.throws(
      () => decodeBody(bytesOf(row.hex)),
      (error: Error) => error instanceof ProtocolError,
    ));

test('decodeBody: integers at the edges have their values', () => {
  const values = [...decodeBody(bytesOf(vectors.bodies[1]!.hex)).values()];
  assert.equal(values.slice(0, 7), [23, 24, 255, 256, 65_535, 65_536, 4_294_967_295]);
  assert.equal(values.slice(7), [-1, -24, -25, -256, -257, -65_537, -2_147_483_648]);
});

test('decodeBody: of equal keys the first counts; text must be UTF-8', () => {
  assert.equal(decodeBody(bytesOf('a200010002')), new Map([[0, 1]]));
  assert.throws(() => decodeBody(bytesOf('a10061ff')), /not UTF-8/);
});

test('encodeBody: what the subset has no words for is our own mistake', () => {
  for (const value of [1.5, 2 ** 32, -(2 ** 31) - 1, Number.NaN])
    assert.throws(() => encodeBody(new Map([[0, value]])), /expected an integer/);
  assert.throws(() => encodeBody(new Map([[0, [[[]]]]]) as CborMap), /deeper than 3/);
});

test('HELLO of a host and of a device come back, unknown keys are kept', () => {
  assert.equal(decodeHostHello(encodeHostHello({ version: 1, host: 4_000_000_000 })), {
    version: 1,
    host: 4_000_000_000,
  });
  const hello = {
    version: 1,
    bootId: 0,
    hardwareId: 'uno-12',
    frameBytesMax: 272,
    window: 2,
    firmwareVersion: '1.2.0',
    firmwareHash: bytesOf('00ff'),
    more: new Map([[99, 'x']]),
  };
  assert.equal(decodeDeviceHello(encodeDeviceHello(hello)), hello);
});

test('HELLO of a device: frame size and window have defaults and bounds', () => {
  const { frameBytesMax, window } = decodeDeviceHello(bytesOf('a3000102010361 78'.replace(' ', '')));
  assert.equal([frameBytesMax, window], [64, 1]);
  const large = decodeDeviceHello(bytesOf('a5000102010361780419ffff0518ff'));
  assert.equal([large.frameBytesMax, large.window], [1_024, 8]);
});

test('HELLO: says what is missing or of another version', () => {
  assert.throws(() => decodeDeviceHello(bytesOf('a200020201')), /version 2: expected 1/);
  assert.throws(
    () => decodeDeviceHello(bytesOf('a100 01'.replace(' ', ''))),
    /hardware id \(key 3\) missing: expected a text/,
  );
  assert.throws(() => decodeDeviceHello(bytesOf('a20001036178')), /key 2 missing/);
  assert.throws(() => decodeDeviceHello(bytesOf('a4000102010361780401')), /key 4 is 1: expected 64 to 65535/);
  assert.throws(() => decodeHostHello(bytesOf('a200010100')), /key 1 is 0/);
});

test('PULL and BLOCK come back; the blocks end with the image', () => {
  const pull = { offset: 70_000, length: 256, count: 8 };
  assert.equal(decodePull(encodePull(pull)), pull);
  const image = Uint8Array.from({ length: 1_000 }, (_, i) => i);
  const blocks = blocksOf(image, { offset: 256, length: 256, count: 8 });
  assert.equal(
    blocks.map(({ offset, bytes }) => [offset, bytes.length]),
    [
      [256, 256],
      [512, 256],
      [768, 232],
    ],
  );
  assert.equal(
    blocks.map((block) => decodeBlock(encodeBlock(block))),
    blocks,
  );
  assert.equal(blocksOf(image, { offset: 1_000, length: 256, count: 8 }), []);
  assert.equal(blocksOf(image, { offset: 0, length: 256, count: 2 }).length, 2);
  assert.throws(() => decodePull(encodePull({ offset: 0, length: 0, count: 1 })), /1 blocks of 0 bytes/);
  assert.throws(() => decodeBlock(encodePull(pull)), /key 2: expected a byte string/);
});

test.run();
