import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createFramer, takePackets } from '../../../../targets/service/gateway/framer.ts';
import { packetBytesMax } from '../../../../targets/service/gateway/limits.ts';

const STREAM = Uint8Array.from([0xc0, 0, 0x30, 5, 0, 1, 97, 98, 99, 0x30, 0x80, 0x01, ...Array(128).fill(7), 0xe0, 0]);
const PACKETS = [STREAM.subarray(0, 2), STREAM.subarray(2, 9), STREAM.subarray(9, 140), STREAM.subarray(140)].map(
  (packet) => Buffer.from(packet).toString('hex'),
);

function cut(portions: Uint8Array[]): string[] {
  const framer = createFramer();
  return portions.flatMap((bytes) =>
    [...takePackets(framer, bytes)].map((packet) => Buffer.from(packet).toString('hex')),
  );
}

test('takePackets: the same packets whole, split at every byte, and byte by byte', () => {
  assert.equal(cut([STREAM]), PACKETS);
  for (let i = 0; i <= STREAM.length; i++) assert.equal(cut([STREAM.subarray(0, i), STREAM.subarray(i)]), PACKETS);
  assert.equal(cut([...STREAM].map((byte) => Uint8Array.of(byte))), PACKETS);
});

test('takePackets: gives the packets before a length of five bytes, then refuses it, whole and byte by byte', () => {
  const bytes = [0xc0, 0, 0x30, 0xff, 0xff, 0xff, 0xff, 0x01];
  for (const portions of [[Uint8Array.from(bytes)], bytes.map((byte) => Uint8Array.of(byte))]) {
    const framer = createFramer();
    let packets = 0;
    assert.throws(() => {
      for (const portion of portions) for (const _ of takePackets(framer, portion)) packets++;
    }, /§2\.2\.3.*more than four/);
    assert.is(packets, 1);
  }
});

test('takePackets: refuses a length over packetBytesMax before the body, and holds no more than it was sent', () => {
  const header = (total: number) => {
    const length = total - 4;
    return Uint8Array.of(0x30, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14);
  };
  assert.throws(
    () => [...takePackets(createFramer(), header(packetBytesMax + 1))],
    new RegExp(`${packetBytesMax + 1} bytes`),
  );
  const framer = createFramer();
  assert.is([...takePackets(framer, header(packetBytesMax))].length, 0);
  assert.ok(framer.held.length <= 8, `${framer.held.length} bytes for a header of 4`);
  const body = new Uint8Array(1_000);
  for (let sent = 4; sent + 1_000 <= packetBytesMax; sent += 1_000) {
    [...takePackets(framer, body)];
    assert.ok(framer.held.length <= Math.min(packetBytesMax, 2 * (sent + 1_000)), `${framer.held.length} of ${sent}`);
  }
});

test.run();
