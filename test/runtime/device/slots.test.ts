import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32 } from '../../../runtime/crc32.ts';
import { chooseSlot, decodeSlot, encodeSlot, RECORD_BYTES_MAX, SLOT_BYTES } from '../../../runtime/device/slots.ts';

const text = (value: string) => new TextEncoder().encode(value);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('crc32: the check values of the catalogue', () => {
  assert.is(crc32(text('123456789')), 0xcbf43926);
  assert.is(crc32(text('')), 0);
  assert.is(crc32(text('The quick brown fox jumps over the lazy dog')), 0x414fa339);
});

const ROWS = [
  { name: 'empty record', slot: { generation: 0, record: text('') }, hex: '45524a31000000000000000043152192' },
  { name: 'short record', slot: { generation: 7, record: text('job') }, hex: '45524a3100000007000000036a6f62fc7ddbda' },
  {
    name: 'last generation',
    slot: { generation: 0xffffffff, record: text('x') },
    hex: '45524a31ffffffff000000017892732bda',
  },
];

for (const row of ROWS) {
  test(`slot, ${row.name}: encoded as written down, decoded whole and with other bytes behind it`, () => {
    const bytes = encodeSlot(row.slot);
    assert.is(hex(bytes), row.hex);
    assert.equal(decodeSlot(bytes), row.slot);
    const full = new Uint8Array(SLOT_BYTES).fill(0xa5);
    full.set(bytes);
    assert.equal(decodeSlot(full), row.slot);
  });

  test(`slot, ${row.name}: no beginning of it passes for the whole`, () => {
    const bytes = encodeSlot(row.slot);
    for (let size = 0; size < bytes.length; size += 1) {
      assert.is(decodeSlot(bytes.subarray(0, size)), size === 0 ? 'empty' : 'broken', `${size} bytes`);
    }
  });
}

test('slot: the largest record fits exactly, one byte more is refused with both sizes', () => {
  assert.is(encodeSlot({ generation: 1, record: new Uint8Array(RECORD_BYTES_MAX) }).length, SLOT_BYTES);
  assert.throws(
    () => encodeSlot({ generation: 1, record: new Uint8Array(RECORD_BYTES_MAX + 1) }),
    /16369 bytes: at most 16368/,
  );
});

test('slot: every flipped bit is noticed', () => {
  const bytes = encodeSlot({ generation: 258, record: text('{"job":"fw-1"}') });
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    assert.is(decodeSlot(flipped), 'broken', `bit ${bit}`);
  }
});

test('slot: zeros are empty, any other bytes are broken, none throw', () => {
  assert.is(decodeSlot(new Uint8Array(SLOT_BYTES)), 'empty');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      assert.is(typeof decodeSlot(bytes), 'string');
    }),
  );
});

test('chooseSlot: the newer one is read and the other is written next, also across the end of the generations', () => {
  const at = (generation: number) => ({ generation, record: text(String(generation)) });
  const rows = [
    [at(1), at(2), 2, 0],
    [at(3), at(2), 3, 1],
    [at(0xffffffff), at(0), 0, 0],
    [at(0), at(0xffffffff), 0, 1],
    [at(5), 'broken', 5, 1],
    ['broken', at(5), 5, 0],
    ['empty', 'broken', undefined, 0],
  ] as const;
  for (const [first, second, generation, next] of rows) {
    const chosen = chooseSlot([first, second]);
    assert.is(chosen.newest?.generation, generation);
    assert.is(chosen.next, next);
  }
});

test.run();
