import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { takeVariableByteInteger, variableByteInteger } from '../../../../targets/service/gateway/fields.ts';
import { decodeConnect5, decodePacket5 } from '../../../../targets/service/gateway/packet5.ts';
import type { Properties } from '../../../../targets/service/gateway/properties.ts';

const VARIABLE: [value: number, hex: string][] = [
  [0, '00'],
  [127, '7f'],
  [128, '8001'],
  [16_383, 'ff7f'],
  [16_384, '808001'],
  [2_097_151, 'ffff7f'],
  [2_097_152, '80808001'],
  [268_435_455, 'ffffff7f'],
];

test('variableByteInteger and takeVariableByteInteger: the table of MQTT 5 §1.5.5, and no end but the right one', () => {
  for (const [value, hex] of VARIABLE) {
    const bytes = Buffer.from(hex, 'hex');
    assert.is(Buffer.from(variableByteInteger(value)).toString('hex'), hex);
    const fields = { bytes: Buffer.concat([bytes, Buffer.of(0x55)]), at: 0, end: bytes.length + 1 };
    assert.is(takeVariableByteInteger(fields), value);
    assert.is(fields.at, bytes.length);
    for (let end = 0; end < bytes.length; end++)
      assert.throws(() => takeVariableByteInteger({ bytes, at: 0, end }), /ends early/);
  }
});

const text = (max: number) => fc.string({ maxLength: max, unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((value) => Buffer.from(value));
const integer = (min: number, max: number) => fc.integer({ min, max });
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(fields, { noNullPrototype: true });
const some = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(fields, { requiredKeys: [], noNullPrototype: true });
const encode = (packet: object) => generate(packet as Packet, { protocolVersion: 5 });

const MESSAGE = {
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: integer(0, 0xffff_ffff),
  contentType: text(10),
  responseTopic: fc.constantFrom('a', 'a/b'),
  correlationData: bytes(10),
};

/** As `decodePacket5` gives them. */
function plain(properties: object | undefined): object {
  return Object.fromEntries(
    Object.entries(properties ?? {}).map(([name, value]) => [name, typeof value === 'boolean' ? Number(value) : value]),
  );
}

/** Without what is only passed on, and nothing but buffers for bytes. */
function found({ forwarded: _, ...properties }: Properties): object {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value) : value]),
  );
}

test('decodeConnect5: reads every field as mqtt-packet wrote it', () => {
  const properties = some({
    sessionExpiryInterval: integer(0, 0xffff_ffff),
    receiveMaximum: integer(1, 65_535),
    maximumPacketSize: integer(1, 0xffff_ffff),
    topicAliasMaximum: integer(0, 65_535),
    requestResponseInformation: fc.boolean(),
    requestProblemInformation: fc.boolean(),
    authenticationMethod: text(5).filter((value) => value !== ''),
  });
  const will = record({
    topic: fc.constantFrom('a', 'é/b'),
    payload: bytes(20),
    qos: fc.nat(2),
    retain: fc.boolean(),
    properties: some({ ...MESSAGE, willDelayInterval: integer(0, 0xffff_ffff) }),
  });
  const connect = fc.record(
    { properties, will, username: text(5).filter((value) => value !== ''), password: bytes(5) },
    { requiredKeys: ['properties'], noNullPrototype: true },
  );
  fc.assert(
    fc.property(connect, text(20), fc.boolean(), integer(0, 65_535), (more, clientId, clean, keepalive) => {
      if (clientId === '' && !clean) return; // mqtt-packet does not write it
      if (more.username === undefined) delete more.password; // nor this
      const packet = { cmd: 'connect', protocolVersion: 5, clientId, clean, keepalive, ...more };
      const decoded = decodeConnect5(encode(packet));
      assert.equal([decoded.clientId, decoded.clean, decoded.keepalive], [clientId, clean, keepalive]);
      assert.equal(found(decoded.properties!), plain(more.properties));
      assert.is(decoded.will === undefined, more.will === undefined);
      if (more.will === undefined || decoded.will === undefined) return;
      const { properties, payload, ...rest } = decoded.will;
      const { properties: _, payload: sent, ...asked } = more.will;
      assert.equal({ ...rest, payload: Buffer.from(payload) }, { ...asked, payload: sent });
      assert.equal(found(properties!), plain(more.will.properties));
    }),
    { numRuns: 500 },
  );
});

test('decodePacket5: reads PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PUBACK and DISCONNECT as mqtt-packet wrote them', () => {
  const userProperties = fc.constant({ a: ['1', '2'] });
  const messageId = integer(1, 65_535);
  const filter = fc.constantFrom('a', 'a/+', '#', 'é');
  const publish = record({
    cmd: fc.constant('publish'),
    topic: fc.constantFrom('', 'a', 'é/b'),
    payload: bytes(300),
    qos: integer(1, 2),
    retain: fc.boolean(),
    messageId,
    properties: some({ ...MESSAGE, topicAlias: integer(1, 65_535) }),
  });
  const subscription = record({
    topic: filter,
    qos: fc.nat(2),
    nl: fc.boolean(),
    rap: fc.boolean(),
    rh: fc.nat(2),
  });
  const subscribe = record({
    cmd: fc.constant('subscribe'),
    messageId,
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 4 }),
    properties: some({ subscriptionIdentifier: integer(1, 268_435_455), userProperties }),
  });
  const unsubscribe = record({
    cmd: fc.constant('unsubscribe'),
    messageId,
    unsubscriptions: fc.array(filter, { minLength: 1, maxLength: 4 }),
    properties: some({ userProperties }),
  });
  const reason = some({ reasonString: text(5), userProperties });
  const puback = record({
    cmd: fc.constant('puback'),
    messageId,
    reasonCode: fc.constantFrom(0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99),
    properties: reason,
  });
  const disconnect = record({
    cmd: fc.constant('disconnect'),
    reasonCode: fc.constantFrom(0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99),
    properties: some({ sessionExpiryInterval: integer(0, 0xffff_ffff), reasonString: text(5) }),
  });
  fc.assert(
    fc.property(fc.oneof(publish, subscribe, unsubscribe, puback, disconnect), (packet) => {
      const decoded = decodePacket5(encode(packet));
      assert.is(decoded.cmd, packet.cmd);
      const given = plain(packet.properties) as Properties & { userProperties?: unknown };
      for (const [name, value] of Object.entries(decoded)) {
        if (name === 'payload') assert.equal(Buffer.from(value as Uint8Array), (packet as { payload: Buffer }).payload);
        else if (name === 'properties') assert.equal(found(value as Properties), given);
        else if (name === 'subscriptionIdentifier' || name === 'sessionExpiryInterval') assert.is(value, given[name]);
        else assert.equal(value, packet[name as keyof typeof packet], name);
      }
    }),
    { numRuns: 1_000 },
  );
});

test.run();
