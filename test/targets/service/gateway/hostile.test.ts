import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packetBytesMax } from '../../../../targets/service/gateway/limits.ts';
import { createWorld } from './world.ts';

const publish = { cmd: 'publish', qos: 1, dup: false, retain: false, messageId: 1 } as const;
const TALK: Packet[] = [
  { cmd: 'connect', clientId: 'T', clean: false, keepalive: 60, will: { topic: 'w', payload: 'w', qos: 1 } },
  {
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [
      { topic: 'a/+', qos: 1 },
      { topic: '$aws/things/T/#', qos: 1 },
    ],
  },
  { ...publish, topic: 'a/b', payload: 'x' },
  { ...publish, topic: '$aws/things/T/jobs/get', payload: '{}' },
  { cmd: 'puback', messageId: 1 },
  { cmd: 'pingreq' },
  { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/+'] },
  { cmd: 'disconnect' },
];
const BYTES = Buffer.concat(TALK.map((packet) => generate(packet)));

/** Sends portions on a connection of its own; what the gateway did, effect by effect, writes joined. */
function trace(portions: Uint8Array[]): { written: string; asked: string[] } {
  const world = createWorld();
  const client = world.open({ certificateId: 'c', thingNames: ['T'] });
  const asked: string[] = [];
  let written = '';
  for (const bytes of portions)
    for (const effect of world.step({ on: 'bytes', connection: client.number, bytes })) {
      if (effect.do === 'write') written += Buffer.from(effect.bytes).toString('hex');
      else asked.push(effect.do === 'request' ? effect.topic : JSON.stringify(effect));
    }
  assert.is(world.gateway.connections.size, client.closed === undefined ? 1 : 0);
  return { written, asked: asked.sort() };
}

test('bytes split at every byte are answered as the whole', () => {
  const whole = trace([BYTES]);
  assert.is(whole.asked.filter((asked) => asked.includes('jobs/get')).length, 1);
  for (let i = 1; i < BYTES.length; i++)
    assert.equal(trace([BYTES.subarray(0, i), BYTES.subarray(i)]), whole, `split at ${i}`);
  assert.equal(trace([...BYTES].map((byte) => Uint8Array.of(byte))), whole);
});

test('a talk with any bytes changed, or cut anywhere, ends in an answer, a close or waiting: never in a throw', () => {
  for (let i = 0; i <= BYTES.length; i++) trace([BYTES.subarray(0, i)]);
  const change = fc.tuple(fc.nat(BYTES.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(BYTES);
      for (const [at, byte] of changes) bytes[at] = byte;
      trace([bytes]);
    }),
    { numRuns: 2_000 },
  );
});

test('random bytes, before and after CONNECT, and every first byte with every short body: never a throw', () => {
  const body = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(body, { maxLength: 5 }), fc.nat(255), (bodies, first) => {
      trace(bodies);
      trace([BYTES.subarray(0, generate(TALK[0] as Packet).length), ...bodies]);
      const framed = bodies.map((bytes) => Uint8Array.of(first, bytes.length, ...bytes));
      trace(framed);
      trace([generate(TALK[0] as Packet), ...framed]);
    }),
    { numRuns: 1_000 },
  );
});

test('after one client’s malformed packet the next client is understood', () => {
  const world = createWorld();
  const [bad, good] = [world.connect('bad'), world.connect('good')];
  bad.sendBytes(Uint8Array.of(0x82, 5, 0, 1, 0, 9, 97)); // a filter of 9 bytes, of which there is one
  assert.match(bad.closed as string, 'malformed');
  assert.equal(good.subscribe({ 'a/b': 1 }), [1]);
});

const MALFORMED: [name: string, hex: string, found: string][] = [
  ['PUBLISH of QoS 3', '36050001610001', '§4.8'],
  ['PUBLISH of QoS 1 without an identifier', '3203000161', 'packet identifier'],
  ['PUBLISH of QoS 1 with identifier 0', '32050001610000', 'packet identifier'],
  ['PUBLISH of QoS 0 with DUP', '3803000161', 'DUP'],
  ['PUBLISH with ill-formed UTF-8 in its topic', '30040002c328', 'UTF-8'],
  ['PUBLISH with a surrogate in its topic', '30050003eda080', 'UTF-8'],
  ['PUBLISH with U+0000 in its topic', '3003000100', 'U+0000'],
  ['PUBLISH on a topic with a wildcard', '300300012b', 'wildcard'],
  ['PUBLISH on an empty topic', '30020000', 'empty'],
  ['SUBSCRIBE with flags 0', '80060001000161' + '00', '§4.8'],
  ['SUBSCRIBE without a filter', '82020001', 'without a filter'],
  ['SUBSCRIBE with identifier 0', '8206000000016100', 'packet identifier'],
  ['SUBSCRIBE at QoS 3', '8206000100016103', '§4.8'],
  ['UNSUBSCRIBE without a filter', 'a2020001', 'without a filter'],
  ['PUBACK of three bytes', '4003000100', 'expected 2'],
  ['PINGREQ with a body', 'c00100', 'expected 0'],
  ['DISCONNECT with a body', 'e00100', 'expected 0'],
  ['CONNACK', '20020000', 'type 2'],
  ['PUBREC', '50020001', 'type 5'],
  ['AUTH', 'f000', 'type 15'],
  ['type 0', '0000', 'type 0'],
];

for (const [name, hex, found] of MALFORMED) {
  test(`${name} closes`, () => {
    const client = createWorld().connect('T');
    client.sendBytes(Buffer.from(hex, 'hex'));
    assert.match(client.closed ?? 'still open', found);
  });
}

test('a length over the bound closes at once, before the body', () => {
  const client = createWorld().connect('T');
  client.sendBytes(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f));
  assert.match(client.closed as string, `at most ${packetBytesMax}`);
});

test.run();
