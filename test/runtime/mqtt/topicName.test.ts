import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ProtocolError } from '../../../runtime/errors.ts';
import { decodePublish } from '../../../runtime/mqtt/publish.ts';

const WRONG_TEXT = 'MQTT 3.1.1 §1.5.3';
const WRONG_TOPIC = 'MQTT 3.1.1 §3.3.2.1';
const ENDS_EARLY = 'MQTT 3.1.1 §2.2.3';

test('a topic name is the same whatever name was taken before it: near ones, not text, wildcards', () => {
  const byte = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...Buffer.from('a/$')) },
    { weight: 1, arbitrary: fc.constantFrom(...Buffer.from('+#\0')) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
  );
  const text = fc.string({ unit: fc.constantFrom('a', '/', 'é', '€', '😀', '\ufeff'), maxLength: 6 });
  const field = fc.oneof(
    fc.array(byte, { maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    text.map((chars) => Buffer.from(chars)),
    text.map((chars) => Buffer.from(chars, 'latin1')),
  );
  fc.assert(
    fc.property(fc.array(field, { minLength: 2, maxLength: 12 }), (fields) => {
      for (const bytes of fields) assert.is(taken(bytes), expected(bytes), bytes.toString('hex'));
    }),
    { numRuns: 5000 },
  );
});

test('topics in turn and in a row are those that mqtt-packet wrote and reads', () => {
  const topic = fc.constantFrom('$aws/things/a/jobs/notify-next', '$aws/things/a/jobs/notify', 'a/é', 'a/è', '/', '😀');
  fc.assert(
    fc.property(fc.array(topic, { minLength: 2, maxLength: 20 }), (topics) => {
      const read: string[] = [];
      const parser = mqttPacket.parser({ protocolVersion: 4 });
      parser.on('packet', (packet) => packet.cmd === 'publish' && read.push(packet.topic));
      const packets = topics.map((name) =>
        mqttPacket.generate({ cmd: 'publish', topic: name, payload: 'p', qos: 0, dup: false, retain: false }),
      );
      for (const packet of packets) parser.parse(packet);
      assert.equal(
        packets.map((packet) => decodePublish(packet).topicName),
        topics,
      );
      assert.equal(read, topics);
    }),
  );
});

for (const { name, hex, section } of [
  { name: 'U+0000', hex: '610062', section: WRONG_TEXT },
  { name: 'an overlong character', hex: '61c0af', section: WRONG_TEXT },
  { name: 'a surrogate', hex: 'eda080', section: WRONG_TEXT },
  { name: 'half a character', hex: '6162c3', section: WRONG_TEXT },
  { name: 'Latin-1 in place of UTF-8', hex: 'e96162', section: WRONG_TEXT },
  { name: '+', hex: '612b62', section: WRONG_TOPIC },
  { name: '#', hex: '616223', section: WRONG_TOPIC },
  { name: 'nothing', hex: '', section: WRONG_TOPIC },
])
  test(`a topic name of ${name} is refused behind a good one of as many bytes or characters, and leaves it as it was`, () => {
    for (const before of ['abc', 'éab', 'é', 'a']) {
      assert.is(taken(Buffer.from(before)), before);
      for (let times = 0; times < 2; times++) assert.is(taken(Buffer.from(hex, 'hex')), section);
      assert.is(taken(Buffer.from(before)), before);
    }
  });

test('names of 65,535 bytes are told apart by each end, and by a byte less', () => {
  const long = 'x'.repeat(65_535);
  for (const name of [long, long, `y${long.slice(1)}`, `${long.slice(1)}y`, long.slice(1), long])
    assert.ok(taken(Buffer.from(name)) === name);
});

test('a packet that ends within the topic name that came last is refused', () => {
  const name = Buffer.from('$aws/things/a/jobs/notify-next');
  assert.is(taken(name), name.toString());
  for (let size = 0; size < name.length; size++) {
    const packet = Uint8Array.of(0x30, 2 + size, 0, name.length, ...name.subarray(0, size));
    assert.is(answerOf(packet), ENDS_EARLY);
  }
  // Nor do bytes count that lie behind it in the same memory.
  const memory = Uint8Array.of(0x30, 4, 0, name.length, ...name);
  assert.is(answerOf(memory.subarray(0, 6)), ENDS_EARLY);
});

test('what was taken is not changed by what comes into the same memory', () => {
  const packet = publishOf(Buffer.from('one'));
  const { topicName } = decodePublish(packet);
  packet.set(Buffer.from('two'), packet.length - 3);
  assert.is(topicName, 'one');
  assert.is(decodePublish(packet).topicName, 'two');
});

/** The topic name, or the section of the standard that refuses it. */
function taken(field: Uint8Array): string {
  return answerOf(publishOf(field));
}

function answerOf(packet: Uint8Array): string {
  try {
    return decodePublish(packet).topicName;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return error.message.slice(0, error.message.indexOf(':'));
  }
}

/** The same by other means: what comes back from text as other bytes was none. */
function expected(field: Buffer): string {
  const text = field.toString('utf8');
  if (!Buffer.from(text).equals(field) || field.includes(0)) return WRONG_TEXT;
  return text === '' || text.includes('+') || text.includes('#') ? WRONG_TOPIC : text;
}

function publishOf(field: Uint8Array): Uint8Array {
  const size = 2 + field.length;
  const length = size < 128 ? [size] : [(size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14];
  return new Uint8Array(Buffer.concat([Uint8Array.of(0x30, ...length, field.length >> 8, field.length & 255), field]));
}

test.run();
