import { Buffer } from 'node:buffer';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ProtocolError } from '../../../runtime/errors.ts';
import { PACKET_BYTES_MAX, PAYLOAD_BYTES_MAX } from '../../../runtime/limits.ts';
import { createFramer, type Framer, nextPacket, offer } from '../../../runtime/mqtt/framer.ts';
import { encodePublish } from '../../../runtime/mqtt/publish.ts';

const largest = encodePublish({
  topicName: `$aws/things/${'t'.repeat(128)}/jobs/${'j'.repeat(64)}/update/accepted`,
  payload: new Uint8Array(PAYLOAD_BYTES_MAX).map((_, i) => i),
  qos: 1,
  packetIdentifier: 1,
});

test('a packet that lies within a chunk is a view into it, not a copy', () => {
  const framer = createFramer();
  const chunk = Uint8Array.of(0xd0, 0, 0x40, 2, 0, 1, 0xd0);
  offer(framer, chunk);
  assert.equal(nextPacket(framer), Uint8Array.of(0xd0, 0));
  const puback = nextPacket(framer)!;
  assert.is(puback.buffer, chunk.buffer);
  assert.is(puback.byteOffset, 2);
  assert.is(nextPacket(framer), undefined);
  assert.is.not(framer.chunk.buffer, chunk.buffer, 'the chunk is let go, the byte left is copied');
  const whole = Uint8Array.of(0);
  offer(framer, whole);
  assert.equal(nextPacket(framer), Uint8Array.of(0xd0, 0));
});

test('of a Buffer, too, the byte left is copied: an idle connection does not keep what the socket read', () => {
  const framer = createFramer();
  const chunk = Buffer.from([0xd0, 0, 0x40]);
  offer(framer, chunk);
  assert.equal(nextPacket(framer), chunk.subarray(0, 2));
  assert.is(nextPacket(framer), undefined);
  assert.is.not(framer.chunk.buffer, chunk.buffer);
  offer(framer, Buffer.from([2, 0, 9]));
  assert.equal(nextPacket(framer), Uint8Array.of(0x40, 2, 0, 9));
});

test('the largest message of AWS arrives byte by byte, in one allocation of its size', () => {
  const framer = createFramer();
  const buffers = new Set<Uint8Array>();
  for (let i = 0; i < largest.length - 1; i++) {
    offer(framer, largest.subarray(i, i + 1));
    assert.is(nextPacket(framer), undefined);
    buffers.add(framer.held!);
  }
  assert.is(buffers.size, 2, 'room for a header, then for the packet');
  offer(framer, largest.subarray(-1));
  assert.equal(nextPacket(framer), largest);
  assert.is(framer.held, undefined);
});

test('the largest message arrives in portions of every kind, with others before and behind', () => {
  const stream = new Uint8Array([0xd0, 0, ...largest, 0x40, 2, 0, 9]);
  for (const portion of [1, 2, 3, 5, 1400, 16_384, 65_536, stream.length - 1, stream.length]) {
    const sizes = portions(createFramer(), stream, portion).map((packet) => packet.length);
    assert.equal(sizes, [2, largest.length, 4], `portions of ${portion}`);
  }
});

test('a packet of exactly the bound is taken, one byte more is refused from its header', () => {
  const header = (size: number) =>
    Uint8Array.of(0x30, ((size - 4) & 127) | 128, (((size - 4) >> 7) & 127) | 128, (size - 4) >> 14);
  const taken = createFramer();
  offer(taken, header(PACKET_BYTES_MAX));
  assert.is(nextPacket(taken), undefined);
  for (const portion of [1, 2, 3, 4]) {
    const framer = createFramer();
    assert.throws(() => portions(framer, header(PACKET_BYTES_MAX + 1), portion), isProtocolError);
    assert.ok((framer.held?.length ?? 0) <= 5, 'nothing of the body has room');
  }
});

test('the largest remaining length of all is refused before a byte of its body', () => {
  const framer = createFramer();
  offer(framer, Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f));
  assert.throws(() => nextPacket(framer), /packet of 268435460 bytes: expected at most 132096/);
});

test('a wrong header is refused from its first bytes, in whatever portions', () => {
  for (const wrong of [[0x00], [0xf0], [0x20 | 1], [0x60], [0x30, 0x80, 0x80, 0x80, 0x80]]) {
    for (const portion of [1, 2, 5])
      assert.throws(() => portions(createFramer(), Uint8Array.from(wrong), portion), isProtocolError);
  }
});

test('packets not yet taken stay in order before those that come later', () => {
  const framer = createFramer();
  offer(framer, Uint8Array.of(0xd0, 0, 0x40, 2));
  offer(framer, Uint8Array.of(0, 1, 0xd0));
  offer(framer, new Uint8Array(0));
  offer(framer, Uint8Array.of(0));
  assert.equal(
    [nextPacket(framer), nextPacket(framer), nextPacket(framer), nextPacket(framer)],
    [Uint8Array.of(0xd0, 0), Uint8Array.of(0x40, 2, 0, 1), Uint8Array.of(0xd0, 0), undefined],
  );
});

function portions(framer: Framer, stream: Uint8Array, size: number): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += size) {
    offer(framer, stream.subarray(at, at + size));
    for (let packet = nextPacket(framer); packet !== undefined; packet = nextPacket(framer)) packets.push(packet);
  }
  return packets;
}

function isProtocolError(error: unknown): boolean {
  return error instanceof ProtocolError;
}

test.run();
