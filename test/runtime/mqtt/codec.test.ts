import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ProtocolError } from '../../../runtime/errors.ts';
import { decodePacket, encodePacket } from '../../../runtime/mqtt/codec.ts';
import { createFramer, nextPacket, offer } from '../../../runtime/mqtt/framer.ts';
import type { Packet } from '../../../runtime/mqtt/packet.ts';
import { MALFORMED, PACKETS } from '../../vectors/mqtt.ts';
import { anyPacket } from './anyPacket.ts';
import { fromMqttPacket, toMqttPacket } from './secondOpinion.ts';

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const hexNoSpaces = (hex: string) => hex.replaceAll(' ', '');

for (const { name, value, hex } of PACKETS) {
  const bytes = bytesOf(hex);

  test(`${name}: encodes to its bytes`, () => {
    assert.is(hexOf(encodePacket(value)), hexNoSpaces(hex));
  });

  test(`${name}: decodes whole`, () => {
    assert.equal(decodePacket(bytes), value);
  });

  test(`${name}: grown byte by byte, answers "more" until the last`, () => {
    const framer = createFramer();
    const given = [...bytes].map((byte) => {
      offer(framer, Uint8Array.of(byte));
      return nextPacket(framer);
    });
    assert.ok(given.slice(0, -1).every((packet) => packet === undefined));
    assert.equal(decodePacket(given.at(-1)!), value);
  });

  test(`${name}: bytes behind it are left untouched`, () => {
    const framer = createFramer();
    offer(framer, new Uint8Array([...bytes, 0xc0, 0x00, 0x30]));
    assert.equal(decodePacket(nextPacket(framer)!), value);
    assert.equal(nextPacket(framer), Uint8Array.of(0xc0, 0x00));
    assert.is(nextPacket(framer), undefined);
    offer(framer, Uint8Array.of(0x03, 0x00, 0x01, 0x61));
    assert.equal(nextPacket(framer), Uint8Array.of(0x30, 0x03, 0x00, 0x01, 0x61));
  });

  test(`${name}: mqtt-packet reads and writes the same`, () => {
    assert.is(hexOf(mqttPacket.generate(toMqttPacket(value))), hexNoSpaces(hex));
    assert.equal(readByMqttPacket(bytes), [value]);
  });
}

for (const { name, hex, section } of MALFORMED) {
  test(`refuses ${name} (MQTT 3.1.1 §${section})`, () => {
    assert.throws(
      () => decodePacket(bytesOf(hex)),
      (error: unknown) => error instanceof ProtocolError && error.message.startsWith(`MQTT 3.1.1 §${section}: `),
    );
  });
}

test('every prefix of every packet is refused by every decoder, as is the packet with a byte behind it', () => {
  for (const { hex } of PACKETS) {
    const bytes = bytesOf(hex);
    if (bytes.length > 1000) continue;
    for (let size = 0; size < bytes.length; size++) refused(bytes.subarray(0, size));
    refused(new Uint8Array([...bytes, 0]));
    // The same prefixes, each under a header that calls it whole: the fields themselves are cut.
    for (let size = 2; size < Math.min(bytes.length, 129); size++) {
      const cut = bytes.slice(0, size);
      cut[1] = size - 2;
      decodedOrRefused(cut);
    }
  }
});

test('random packets: what we write mqtt-packet reads, what it writes we read', () => {
  fc.assert(
    fc.property(anyPacket, (packet) => {
      const bytes = encodePacket(packet);
      assert.equal(decodePacket(bytes), packet);
      assert.is(hexOf(mqttPacket.generate(toMqttPacket(packet))), hexOf(bytes));
      assert.equal(readByMqttPacket(bytes), [packet]);
    }),
    { numRuns: 1000 },
  );
});

test('random packets one behind the other, split at every byte, arrive as they were sent', () => {
  fc.assert(
    fc.property(fc.array(anyPacket, { minLength: 1, maxLength: 4 }), (packets) => {
      const stream = new Uint8Array(Buffer.concat(packets.map(encodePacket)));
      for (let split = 0; split <= stream.length; split++) {
        const framer = createFramer();
        const taken: Packet[] = [];
        for (const chunk of [stream.subarray(0, split), stream.subarray(split)]) {
          offer(framer, chunk);
          for (let bytes = nextPacket(framer); bytes !== undefined; bytes = nextPacket(framer))
            taken.push(decodePacket(bytes));
        }
        assert.equal(taken, packets);
      }
    }),
    { numRuns: 60 },
  );
});

test('random bytes get a packet or a ProtocolError, never another error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), (bytes) => void decodedOrRefused(bytes)),
    { numRuns: 3000 },
  );
});

test('random packets with bytes changed get a packet that encodes, or a ProtocolError', () => {
  fc.assert(
    fc.property(
      anyPacket,
      fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      (packet, harm) => {
        const bytes = encodePacket(packet).slice();
        for (const [index, byte] of harm) bytes[index % bytes.length] = byte;
        const decoded = decodedOrRefused(bytes);
        if (decoded !== undefined) assert.equal(decodePacket(encodePacket(decoded)), decoded);
      },
    ),
    { numRuns: 3000 },
  );
});

test('what decode would refuse encode refuses too', () => {
  const publish = { type: 'PUBLISH', payload: new Uint8Array(0), retain: false, dup: false } as const;
  const subscribe = { type: 'SUBSCRIBE', packetIdentifier: 1 } as const;
  const connect = { type: 'CONNECT', clientId: 'a', cleanSession: true, keepAliveSeconds: 1 } as const;
  const wrong: Packet[] = [
    ...['', '+', 'a/#', 'a\0', '\ud800', 'é\udc00', 'x'.repeat(65_536), 'é'.repeat(40_000)].map(
      (topicName): Packet => ({ ...publish, qos: 0, topicName }),
    ),
    ...[0, -1, 65_536, Number.NaN].flatMap((packetIdentifier): Packet[] => [
      { ...publish, qos: 1, topicName: 'a', packetIdentifier },
      { type: 'PUBACK', packetIdentifier },
      { type: 'SUBACK', packetIdentifier, returnCodes: [0] },
      { type: 'SUBSCRIBE', packetIdentifier, subscriptions: [{ topicFilter: 'a', qos: 0 }] },
    ]),
    ...['', 'a#', '#/a', 'a+', '+a', 'a\0'].map(
      (topicFilter): Packet => ({ ...subscribe, subscriptions: [{ topicFilter, qos: 0 }] }),
    ),
    { ...subscribe, subscriptions: [] },
    { type: 'UNSUBSCRIBE', packetIdentifier: 1, topicFilters: [] },
    ...[-1, 1.5, 65_536].map((keepAliveSeconds): Packet => ({ ...connect, keepAliveSeconds })),
    { ...connect, password: new Uint8Array(1) },
    { ...connect, username: 'u', password: new Uint8Array(65_536) },
    { ...connect, will: { topicName: '#', message: new Uint8Array(0), qos: 0, retain: false } },
  ];
  for (const packet of wrong)
    assert.throws(() => encodePacket(packet), isProtocolError, JSON.stringify(packet).slice(0, 80));
});

test('packets written one after another do not share bytes', () => {
  const packets = Array.from({ length: 500 }, (_, i): Packet => ({ type: 'PUBACK', packetIdentifier: i + 1 }));
  const written = packets.map(encodePacket);
  assert.equal(written.map(decodePacket), packets);
});

function readByMqttPacket(bytes: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on('packet', (packet) => packets.push(fromMqttPacket(packet)));
  parser.on('error', (error) => {
    throw error;
  });
  parser.parse(Buffer.from(bytes));
  return packets;
}

function isProtocolError(error: unknown): boolean {
  return error instanceof ProtocolError;
}

function refused(bytes: Uint8Array): void {
  assert.is(decodedOrRefused(bytes), undefined, `decoded ${hexOf(bytes)}`);
}

/** Feeds the bytes to every decoder that there is: each must answer with a packet or a ProtocolError. */
function decodedOrRefused(bytes: Uint8Array): Packet | undefined {
  let decoded: Packet | undefined;
  for (let type = 0; type < 16; type++) {
    const asType = bytes.slice();
    if (bytes.length > 0) asType[0] = (type << 4) | (bytes[0]! & 15);
    for (const candidate of [bytes, asType]) {
      try {
        const packet = decodePacket(candidate);
        if (candidate === bytes) decoded = packet;
      } catch (error) {
        if (!isProtocolError(error)) throw error;
      }
    }
  }
  return decoded;
}

test.run();
