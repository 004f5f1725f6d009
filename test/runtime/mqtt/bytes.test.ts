import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeAcknowledgement } from '../../../runtime/mqtt/acknowledgement.ts';
import { allocate, joined } from '../../../runtime/mqtt/bytes.ts';

test('an acknowledgement, and what is written at once, keep no block of memory alive', () => {
  const puback = encodeAcknowledgement(4, 1);
  assert.is(puback.buffer.byteLength, puback.length);
  const several = joined(Array.from({ length: 50 }, (_, i) => encodeAcknowledgement(4, i + 1)));
  assert.is(several.buffer.byteLength, several.length);
});

test('packets of each size are zero, of that size, and share no byte', () => {
  const sizes = [0, 2, 64, 65, 500, 1024, 1025, 5000, 1000, 1000, 1000, 1000, 1000, 65];
  const parts = sizes.map(allocate);
  assert.equal(
    parts.map((part) => part.length),
    sizes,
  );
  assert.ok(parts.every((part) => part.every((byte) => byte === 0)));
  for (const [i, part] of parts.entries()) part.fill(i + 1);
  for (const [i, part] of parts.entries()) assert.ok(part.every((byte) => byte === i + 1));
});

test.run();
