import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packetBytesMax } from '../../../../targets/service/gateway/limits.ts';
import { createWorld, shown } from './world.ts';

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
const TALK5: Packet[] = [
  {
    cmd: 'connect',
    clientId: 'T',
    protocolVersion: 5,
    clean: false,
    keepalive: 60,
    properties: { sessionExpiryInterval: 9, receiveMaximum: 3, maximumPacketSize: 9_000, userProperties: { a: 'b' } },
    will: { topic: 'w', payload: Buffer.from('w'), qos: 1, properties: { willDelayInterval: 4, contentType: 't' } },
  },
  {
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [
      { topic: 'a/+', qos: 1, nl: false, rap: true, rh: 1 },
      { topic: '$aws/things/T/#', qos: 2, nl: true },
    ],
    properties: { subscriptionIdentifier: 300 },
  },
  {
    ...publish,
    topic: 'a/b',
    payload: 'x',
    properties: {
      topicAlias: 1,
      messageExpiryInterval: 8,
      correlationData: Buffer.from('c'),
      userProperties: { a: 'b' },
    },
  },
  { ...publish, topic: '', payload: 'y', messageId: 2, properties: { topicAlias: 1 } },
  { ...publish, topic: '$aws/things/T/jobs/get', payload: '{}', properties: { correlationData: Buffer.from('c') } },
  { cmd: 'puback', messageId: 1, reasonCode: 0x10, properties: { reasonString: 'r' } },
  { cmd: 'pingreq' },
  { cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/+', 'b'] },
  { cmd: 'disconnect', reasonCode: 4, properties: { sessionExpiryInterval: 5 } },
];

/** Sends portions on a connection of its own; what the gateway did, effect by effect, writes joined. */
function trace(portions: Uint8Array[], version: 4 | 5, agreed = false): { written: string; asked: string[] } {
  const world = createWorld();
  const client = world.open({ certificateId: 'c', thingNames: ['T'] }, version);
  const asked: string[] = [];
  let written = '';
  for (const bytes of portions)
    for (const effect of world.step({ on: 'bytes', connection: client.number, bytes })) {
      if (effect.do === 'write') written += Buffer.from(effect.bytes).toString('hex');
      else asked.push(effect.do === 'request' ? effect.topic : JSON.stringify(effect));
    }
  assert.is(world.gateway.connections.size, client.closed === undefined ? 1 : 0);
  if (agreed) client.take(); // mqtt-packet reads all that was answered
  world.pass(6_000_000); // keep-alive, wills, expiry
  assert.is(world.gateway.sessions.size + world.gateway.connections.size + world.gateway.heldBytes, 0);
  return { written, asked: asked.sort() };
}

for (const [version, talk] of [
  [4, TALK],
  [5, TALK5],
] as const) {
  const connect = generate(talk[0] as Packet);
  const BYTES = Buffer.concat(talk.map((packet) => generate(packet, { protocolVersion: version })));

  test(`version ${version}: bytes split at every byte are answered as the whole`, () => {
    const whole = trace([BYTES], version, true);
    assert.is(whole.asked.filter((asked) => asked.includes('jobs/get')).length, 1);
    assert.ok(whole.asked.some((asked) => asked.includes('"reason":"DISCONNECT"')));
    for (let i = 1; i < BYTES.length; i++)
      assert.equal(trace([BYTES.subarray(0, i), BYTES.subarray(i)], version, true), whole, `split at ${i}`);
    assert.equal(
      trace(
        [...BYTES].map((byte) => Uint8Array.of(byte)),
        version,
        true,
      ),
      whole,
    );
  });

  test(`version ${version}: a talk with any bytes changed, or cut anywhere, ends in an answer, a close or waiting: never in a throw`, () => {
    for (let i = 0; i <= BYTES.length; i++) trace([BYTES.subarray(0, i)], version, true);
    const change = fc.tuple(fc.nat(BYTES.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(BYTES);
        for (const [at, byte] of changes) bytes[at] = byte;
        trace([bytes], version, bytes.subarray(0, connect.length).equals(connect));
      }),
      { numRuns: 2_000 },
    );
  });

  test(`version ${version}: random bytes, before and after CONNECT, and every first byte with every short body: never a throw`, () => {
    const body = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(fc.array(body, { maxLength: 5 }), fc.nat(255), (bodies, first) => {
        trace(bodies, version);
        trace([connect, ...bodies], version, true);
        const framed = bodies.map((bytes) => Uint8Array.of(first, bytes.length, ...bytes));
        trace(framed, version);
        trace([connect, ...framed], version, true);
      }),
      { numRuns: 1_000 },
    );
  });
}

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
  ['SUBSCRIBE with flags 0', '8006000100016100', '§4.8'],
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

/** After CONNECT of MQTT 5: what the standard refuses, much of which `mqtt-packet` would let through. */
const MALFORMED5: [name: string, hex: string, code: number, found: string][] = [
  ['PUBLISH of QoS 3', '3606000161000100', 0x81, 'QoS 3'],
  ['PUBLISH of QoS 0 with DUP', '380400016100', 0x81, 'DUP'],
  ['PUBLISH with identifier 0', '3206000161000000', 0x82, 'packet identifier'],
  ['PUBLISH that ends in its topic', '3003000261', 0x81, 'ends early'],
  ['PUBLISH without a property length', '3003000161', 0x81, 'ends early'],
  ['PUBLISH with ill-formed UTF-8 in its topic', '30050002c32800', 0x81, 'UTF-8'],
  ['PUBLISH with U+0000 in its topic', '300400010000', 0x81, 'U+0000'],
  ['an unknown property', '3006000161027e01', 0x81, 'property 126'],
  ['a property of CONNECT in PUBLISH', '300700016103210001', 0x81, 'property 33'],
  ['a subscription identifier from a client', '3006000161020b01', 0x81, 'property 11'],
  ['payload format indicator 2', '3006000161020102', 0x82, '0 or 1'],
  ['payload format indicator 0 twice', '30080001610401000100', 0x82, 'payloadFormatIndicator twice'],
  ['correlation data twice', '300a00016106090000090000', 0x82, 'correlationData twice'],
  ['a property longer than all of them', '300900016103090003616263', 0x81, 'early'],
  ['properties longer than the packet', '3006000161090100', 0x81, 'early'],
  ['a user property of ill-formed UTF-8', '300a00016106260001ff0000', 0x81, 'UTF-8'],
  ['a user property without a value', '30080001610426000161', 0x81, 'early'],
  ['a content type with U+0000', '30080001610403000100', 0x81, 'U+0000'],
  ['a response topic with a wildcard', '30080001610408000123', 0x82, 'response topic'],
  ['an empty response topic', '300700016103080000', 0x82, 'response topic'],
  ['a property length longer than it need be', '30050001618000', 0x81, 'longer than it need be'],
  ['a property length of five bytes', '3008000161ffffffff01', 0x81, 'more than four'],
  ['a remaining length longer than it need be', 'c08000', 0x81, 'longer than it need be'],
  ['SUBSCRIBE with flags 0', '800700010000016100', 0x81, 'flags 0'],
  ['SUBSCRIBE without a filter', '8203000100', 0x82, 'without a filter'],
  ['SUBSCRIBE with identifier 0', '820700000000016100', 0x82, 'packet identifier'],
  ['SUBSCRIBE at QoS 3', '820700010000016103', 0x82, 'QoS 3'],
  ['SUBSCRIBE with retain handling 3', '820700010000016130', 0x82, 'retain handling 3'],
  ['SUBSCRIBE with reserved bits 6 and 7', '820700010000016140', 0x81, 'reserved'],
  ['SUBSCRIBE with no local on a shared one', '8210000100000a2473686172652f672f6104', 0x82, 'no local'],
  ['SUBSCRIBE with subscription identifier 0', '82090001020b0000016100', 0x82, '1 or more'],
  ['SUBSCRIBE with a subscription identifier twice', '820b0001040b010b0200016100', 0x82, 'twice'],
  ['SUBSCRIBE without options', '8206000100000161', 0x81, 'ends early'],
  ['UNSUBSCRIBE without a filter', 'a203000100', 0x82, 'without a filter'],
  ['PUBACK with identifier 0', '40020000', 0x82, 'packet identifier'],
  ['PUBACK with a reason of SUBACK', '4003000101', 0x82, 'reason 1'],
  ['PUBACK with bytes behind its properties', '40050001000061', 0x81, 'behind its last field'],
  ['PINGREQ with a body', 'c00100', 0x81, 'behind its last field'],
  ['DISCONNECT with a reason of servers', 'e0018e', 0x82, 'reason 142'],
  ['DISCONNECT with a property of PUBLISH', 'e00400020100', 0x81, 'property 1 '],
  ['DISCONNECT with bytes behind its properties', 'e003000000', 0x81, 'behind its last field'],
  ['CONNECT', '100d00044d5154540502003c000000', 0x82, 'second CONNECT'],
  ['CONNACK', '2003000000', 0x82, 'type 2'],
  ['PUBREC', '50020001', 0x82, 'type 5'],
  ['PUBREL', '62020001', 0x82, 'type 6'],
  ['AUTH', 'f000', 0x82, 'AUTH'],
  ['AUTH that goes on', 'f0021800', 0x82, 'AUTH'],
  ['type 0', '0000', 0x82, 'type 0'],
];

for (const [name, hex, code, found] of MALFORMED5) {
  test(`MQTT 5: ${name} closes with 0x${code.toString(16)}`, () => {
    const client = createWorld().connect5('T');
    client.sendBytes(Buffer.from(hex, 'hex'));
    assert.match(client.closed ?? 'still open', found);
    assert.equal(shown(client), [`disconnect 0x${code.toString(16)}`]);
  });
}

test('CONNECT of MQTT 3.1.1 with bytes behind its last field is refused, whatever its fields are', () => {
  const fields = ['020000000154', 'ee003c000154000177000177000175000170', '02003c0003efbbbf'];
  for (const hex of fields) {
    const body = Buffer.from(`00044d51545404${hex}`, 'hex');
    const [right, longer] = [body, Buffer.concat([body, Buffer.from([0])])].map((bytes) => {
      const client = createWorld().open({ thingNames: ['T', '\ufeff'] }, 4);
      client.sendBytes(Buffer.from([0x10, bytes.length, ...bytes]));
      return client.closed;
    });
    assert.is(right, undefined);
    assert.match(longer ?? 'still open', 'its fields end at');
  }
});

/** Behind the protocol name and level of CONNECT. */
const MALFORMED_CONNECT5: [name: string, hex: string, code: number, found: string][] = [
  ['the reserved flag', '03003c00000154', 0x81, 'reserved flag'],
  ['RETAIN of a will and no will', '22003c00000154', 0x81, 'no will'],
  ['QoS of a will and no will', '0a003c00000154', 0x81, 'no will'],
  ['a will of QoS 3', '1e003c0000015400000177000177', 0x81, 'QoS 3'],
  ['a will without properties', '06003c00000154000177', 0x81, 'early'],
  ['a session expiry twice', '02003c0a11000000001100000000000154', 0x82, 'sessionExpiryInterval twice'],
  ['a maximum packet size of 0', '02003c052700000000000154', 0x82, '1 or more'],
  ['request problem information 2', '02003c021702000154', 0x82, '0 or 1'],
  ['a property of a will', '02003c051800000000000154', 0x81, 'property 24'],
  ['a client identifier of ill-formed UTF-8', '02003c000001ff', 0x81, 'UTF-8'],
  ['a user name of ill-formed UTF-8', '82003c000001540001ff', 0x81, 'UTF-8'],
  ['a user name that is missing', '82003c00000154', 0x81, 'early'],
  ['bytes behind its last field', '02003c0000015400', 0x81, 'behind its last field'],
];

for (const [name, hex, code, found] of MALFORMED_CONNECT5) {
  test(`MQTT 5: CONNECT with ${name} is answered with 0x${code.toString(16)}`, () => {
    const client = createWorld().open({ thingNames: ['T'] }, 5);
    const body = Buffer.from(`00044d51545405${hex}`, 'hex');
    client.sendBytes(Buffer.from([0x10, body.length, ...body]));
    assert.match(client.closed ?? 'still open', found);
    assert.equal(shown(client), [`connack 0x${code.toString(16)}`]);
  });
}

test('CONNECT of level 5 under the name of MQTT 3.1 is refused', () => {
  const client = createWorld().open({ thingNames: ['T'] }, 5);
  client.sendBytes(Buffer.from('100f00064d51497364700502003c00000154', 'hex'));
  assert.equal(shown(client), ['connack 0x82']);
});

test('a length over the bound closes at once, before the body', () => {
  const client = createWorld().connect('T');
  client.sendBytes(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f));
  assert.match(client.closed as string, `at most ${packetBytesMax}`);
});

test.run();
