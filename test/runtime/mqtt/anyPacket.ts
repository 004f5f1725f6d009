/** Any packet that MQTT 3.1.1 allows, for fast-check. */
import fc from 'fast-check';
import type { Packet } from '../../../runtime/mqtt/packet.ts';

const unit = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...'abcXYZ019$-_: /é€😀') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
);
const text = fc.string({ unit, maxLength: 30, size: 'max' }).filter((string) => !string.includes('\0'));
const topicName = text.filter((string) => string !== '' && !/[+#]/.test(string));
const topicFilter = fc.tuple(topicName, fc.constantFrom('', '/+', '/#', '/+/x')).map(([name, end]) => `${name}${end}`);
const bytes = fc.uint8Array({ maxLength: 300, size: 'max' });
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const packetIdentifier = fc.integer({ min: 1, max: 65_535 });
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });
const type = <const T extends string>(...names: T[]) => fc.constantFrom(...names);

export const anyPacket: fc.Arbitrary<Packet> = fc.oneof(
  record({
    type: type('CONNECT'),
    clientId: text,
    cleanSession: fc.boolean(),
    keepAliveSeconds: fc.integer({ min: 0, max: 65_535 }),
    will: fc.option(record({ topicName, message: bytes, qos, retain: fc.boolean() }), { nil: undefined }),
    username: fc.option(text, { nil: undefined }),
    password: fc.option(bytes, { nil: undefined }),
  }).map((connect) => ({
    ...connect,
    // mqtt-packet refuses what the standard lets a server refuse (§3.1.3.1); and no password without user name.
    cleanSession: connect.cleanSession || connect.clientId === '',
    password: connect.username === undefined ? undefined : connect.password,
  })),
  fc.constantFrom<Packet>(
    { type: 'CONNACK', sessionPresent: true, returnCode: 0 },
    ...([0, 1, 2, 3, 4, 5] as const).map(
      (returnCode): Packet => ({ type: 'CONNACK', sessionPresent: false, returnCode }),
    ),
  ),
  record({
    type: type('PUBLISH'),
    topicName,
    payload: bytes,
    retain: fc.boolean(),
    qos: fc.constant(0 as const),
    dup: fc.constant(false as const),
  }),
  record({
    type: type('PUBLISH'),
    topicName,
    payload: bytes,
    retain: fc.boolean(),
    qos: fc.constantFrom(1 as const, 2 as const),
    dup: fc.boolean(),
    packetIdentifier,
  }),
  record({ type: type('PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'UNSUBACK'), packetIdentifier }),
  record({
    type: type('SUBSCRIBE'),
    packetIdentifier,
    subscriptions: fc.array(record({ topicFilter, qos }), { minLength: 1, maxLength: 8 }),
  }),
  record({
    type: type('SUBACK'),
    packetIdentifier,
    returnCodes: fc.array(fc.constantFrom(0 as const, 1 as const, 2 as const, 0x80 as const), {
      minLength: 1,
      maxLength: 8,
    }),
  }),
  record({
    type: type('UNSUBSCRIBE'),
    packetIdentifier,
    topicFilters: fc.array(topicFilter, { minLength: 1, maxLength: 8 }),
  }),
  record({ type: type('PINGREQ', 'PINGRESP', 'DISCONNECT') }),
);
