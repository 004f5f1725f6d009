import fc from 'fast-check';
import { generate, type IPublishPacket, type ISubscription } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAYLOAD_BYTES_MAX } from '../../../../runtime/jobs/limits.ts';
import {
  packetBytesMax,
  receiveMaximum,
  retainedMessagesMax,
  subscriptionsPerSubscribeMax,
  topicAliasMaximum,
} from '../../../../targets/service/gateway/limits.ts';
import { ack, type Client, createWorld, show, shown } from './world.ts';

/** @returns what SUBACK granted, and the packets behind it */
function subscribe5(client: Client, subscriptions: ISubscription[], subscriptionIdentifier?: number) {
  const properties = subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } };
  client.send({ cmd: 'subscribe', messageId: 5, subscriptions, ...properties });
  const [suback, ...behind] = client.take();
  return { granted: (suback as { granted: number[] } | undefined)?.granted, behind };
}

const INTERVAL = { properties: { sessionExpiryInterval: 3_600 } };

test('MQTT 5: properties travel with a message from 5 to 5, in their order, and stay behind for 3.1.1', () => {
  const world = createWorld();
  const five = world.connect5('A');
  const old = world.connect('B');
  five.subscribe({ 'site/+': 1 });
  old.subscribe({ 'site/+': 1 });
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'answers/A',
    correlationData: Buffer.from('c1'),
    userProperties: { z: ['1', '2'], a: '3' },
  };
  const publisher = world.connect5('P');
  for (const qos of [0, 1] as const) {
    publisher.publish('site/x', 'X', { qos, ...(qos && { messageId: 1 }), properties });
    const id = qos ? ' #1' : '';
    assert.equal(shown(five), [
      `site/x X qos${qos}${id} payloadFormatIndicator=true contentType=text/plain responseTopic=answers/A correlationData=c1 userProperties={"z":["1","2"],"a":"3"}`,
    ]);
    assert.equal(shown(old), [`site/x X qos${qos}${id}`]);
  }
  old.publish('site/y', 'Y');
  assert.equal(shown(five), ['site/y Y qos0'], 'from 3.1.1 to 5');
});

test('MQTT 5: user properties keep their order and their doubles, to the byte (§3.3.2.3.7)', () => {
  const text = fc.constantFrom('', 'a', 'b', '1', '__proto__', 'é');
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), (pairs) => {
      const field = (value: string) => [0, Buffer.byteLength(value), ...Buffer.from(value)];
      const forwarded = pairs.flatMap(([name, value]) => [38, ...field(name), ...field(value)]);
      const world = createWorld();
      const client = world.connect5('T');
      client.subscribe({ t: 0 });
      const length = (bytes: number) => (bytes < 128 ? [bytes] : [(bytes & 127) | 128, bytes >> 7]);
      const body = [0, 1, 0x74, ...length(forwarded.length), ...forwarded];
      const packet = Buffer.from([0x30, ...length(body.length), ...body]);
      const written = world.step({ on: 'bytes', connection: client.number, bytes: packet });
      assert.equal(
        written.map((effect) => effect.do === 'write' && Buffer.from(effect.bytes).toString('hex')),
        [packet.toString('hex')],
      );
    }),
    { numRuns: 200 },
  );
});

test('MQTT 5: a PUBLISH is written as mqtt-packet writes it, whatever its properties and length', () => {
  const world = createWorld();
  const client = world.connect5('T');
  subscribe5(client, [{ topic: 'a/+', qos: 0, rap: true }], 200_000_000);
  const property = fc.record(
    {
      contentType: fc.string({ maxLength: 20 }).filter((text) => !text.includes('\0')),
      correlationData: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    },
    { requiredKeys: [] },
  );
  const interval = fc.option(fc.integer({ min: 0, max: 0xffff_ffff }));
  fc.assert(
    fc.property(fc.nat(20_000), property, interval, fc.boolean(), (bytes, given, messageExpiryInterval, retain) => {
      const expiry = messageExpiryInterval === null ? {} : { messageExpiryInterval };
      const packet = (properties: object) =>
        generate(
          { cmd: 'publish', topic: 'a/b', payload: 'x'.repeat(bytes), qos: 0, dup: false, retain, properties },
          { protocolVersion: 5 },
        );
      const sent = { on: 'bytes', connection: client.number, bytes: packet({ ...given, ...expiry }) } as const;
      const [written] = world.step(sent);
      const expected = packet({ ...expiry, subscriptionIdentifier: 200_000_000, ...given });
      assert.ok(written?.do === 'write' && expected.equals(written.bytes));
    }),
    { numRuns: 200 },
  );
});

test('MQTT 5: a message that waited longer than its expiry is not sent; one in time has the seconds that are left', () => {
  const world = createWorld();
  world.connect5('T', INTERVAL).subscribe({ 'a/+': 1 });
  [...world.clients.values()][0]!.drop();
  const publisher = world.connect5('P', { keepalive: 1_200 });
  const send = (topic: string, messageExpiryInterval?: number) =>
    publisher.publish(topic, '', {
      qos: 1,
      messageId: 1,
      ...(messageExpiryInterval !== undefined && { properties: { messageExpiryInterval } }),
    });
  send('a/short', 5);
  send('a/long', 10);
  send('a/longest', 0xffff_ffff);
  send('a/never');
  world.pass(5_001);
  const back = world.open({ certificateId: 'of-T', thingNames: ['T'] }, 5);
  back.send({ cmd: 'connect', clientId: 'T', protocolVersion: 5, clean: false, keepalive: 1_200 });
  assert.equal(shown(back), [
    'connack 0x00 present',
    'a/long  qos1 #1 messageExpiryInterval=5',
    'a/longest  qos1 #2 messageExpiryInterval=4294967290',
    'a/never  qos1 #3',
  ]);
  send('a/now', 0);
  assert.equal(shown(back), ['a/now  qos1 #4 messageExpiryInterval=0']);
  for (const id of [1, 2, 3, 4]) back.send(ack(id));
  assert.is(world.gateway.heldBytes, 0, 'the expired one is let go too');
});

test('MQTT 5: a retained message expires, counts down, and makes room when it has', () => {
  const world = createWorld();
  const publisher = world.connect5('P', { keepalive: 1_200 });
  const properties = { messageExpiryInterval: 10, contentType: 'c' };
  for (let i = 0; i < retainedMessagesMax; i++) publisher.publish(`r/${i}`, 'x', { retain: true, properties });
  world.pass(4_000);
  const client = world.connect5('T');
  client.subscribe({ 'r/0': 0 });
  assert.equal(shown(client), ['r/0 x qos0 retain messageExpiryInterval=6 contentType=c']);
  world.pass(6_001);
  publisher.publish('r/new', 'x', { retain: true });
  assert.is(world.gateway.retained.messages.size, 1);
  publisher.publish('r/short', 'x', { retain: true, properties });
  world.pass(10_001);
  const late = world.connect5('U');
  late.subscribe({ 'r/short': 0, 'r/new': 0 });
  assert.equal(shown(late), ['r/new x qos0 retain']);
});

test('MQTT 5: a topic alias stands for its topic, until changed, on its own connection (§3.3.2.3.4)', () => {
  const world = createWorld();
  const watcher = world.connect('W');
  watcher.subscribe({ '+': 0 });
  const client = world.connect5('T');
  const publish = (topic: string, topicAlias: number) => client.publish(topic, 'x', { properties: { topicAlias } });
  publish('a', 1);
  publish('b', topicAliasMaximum);
  publish('', 1);
  publish('', topicAliasMaximum);
  publish('c', 1);
  publish('', 1);
  assert.equal(
    shown(watcher),
    ['a', 'b', 'a', 'b', 'c', 'c'].map((topic) => `${topic} x qos0`),
  );
  const other = world.connect5('U');
  other.publish('', 'x', { properties: { topicAlias: 1 } });
  assert.equal(shown(other), ['disconnect 0x82']);
});

test('MQTT 5: an alias of 0 or over the maximum is 0x94; no topic and no alias is 0x82; a wildcard is 0x81', () => {
  for (const [topic, properties, code] of [
    ['a', { topicAlias: 0 }, '0x94'],
    ['a', { topicAlias: topicAliasMaximum + 1 }, '0x94'],
    ['', {}, '0x82'],
    ['', { topicAlias: 2 }, '0x82'],
  ] as const) {
    const client = createWorld().connect5('T');
    client.publish(topic, 'x', { properties });
    assert.equal(shown(client), [`disconnect ${code}`]);
  }
  const client = createWorld().connect5('T');
  client.sendBytes(Buffer.from('3004000123' + '00', 'hex'));
  assert.equal(shown(client), ['disconnect 0x81']);
});

test('MQTT 5: an alias does not get around what a client may publish to', () => {
  const world = createWorld();
  const client = world.connect5('T');
  client.publish('$aws/things/U/jobs/get', '{}', { qos: 1, messageId: 3, properties: { topicAlias: 1 } });
  assert.equal(shown(client), ['puback #3 0x87', 'disconnect 0x87']);
});

test('MQTT 5: a publish that is refused is told in PUBACK at QoS 1, and in DISCONNECT always', () => {
  for (const [topic, payload, code] of [
    ['$aws/things/U/jobs/get', '{}', '0x87'],
    ['1/2/3/4/5/6/7/8/9', 'x', '0x90'],
    ['x'.repeat(257), 'x', '0x90'],
    ['a', 'x'.repeat(PAYLOAD_BYTES_MAX + 1), '0x97'],
  ] as const) {
    for (const qos of [0, 1] as const) {
      const client = createWorld().connect5('T');
      client.publish(topic, payload, { qos, ...(qos && { messageId: 9 }) });
      assert.equal(shown(client), [...(qos ? [`puback #9 ${code}`] : []), `disconnect ${code}`]);
    }
  }
});

test('MQTT 5: PUBACK says when nobody subscribed; a request to the service is success', () => {
  const world = createWorld();
  const client = world.connect5('T');
  client.publish('a', 'x', { qos: 1, messageId: 1 });
  client.publish('$aws/things/T/jobs/get', '{}', { qos: 1, messageId: 2 });
  client.subscribe({ a: 0 });
  client.publish('a', 'x', { qos: 1, messageId: 3 });
  assert.equal(shown(client), ['puback #1 0x10', 'puback #2', 'a x qos0', 'puback #3']);
});

test('MQTT 5: PUBLISH of QoS 2 ends the connection with 0x9B, SUBSCRIBE at QoS 2 is granted QoS 1 (§3.2.2.3.4)', () => {
  const client = createWorld().connect5('T');
  assert.equal(client.subscribe({ a: 2, b: 0 }), [1, 0]);
  client.publish('a', 'x', { qos: 2, messageId: 3 });
  assert.equal(shown(client), ['disconnect 0x9b']);
});

test('MQTT 5: more than the receive maximum at once, none of which can be acknowledged yet, is 0x93 (§3.3.4)', () => {
  const publish = { cmd: 'publish', topic: 'a', payload: 'x', qos: 1, dup: false, retain: false } as const;
  const burst = (count: number) => Array.from({ length: count }, (_, i) => ({ ...publish, messageId: i + 1 }));
  const world = createWorld();
  const client = world.connect5('T');
  client.send(...burst(receiveMaximum));
  client.send(...burst(receiveMaximum));
  assert.is(client.take().length, 2 * receiveMaximum);
  client.send(...burst(receiveMaximum + 1));
  assert.is(shown(client).at(-1), 'disconnect 0x93');
  const old = world.connect('U');
  old.send(...burst(receiveMaximum + 1));
  assert.is(old.take().length, receiveMaximum + 1, 'MQTT 3.1.1 knows no such bound');
});

test('MQTT 5: a packet over the maximum size is 0x95, a length of five bytes 0x81', () => {
  const client = createWorld().connect5('T');
  client.sendBytes(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
  assert.equal(shown(client), ['disconnect 0x95']);
  assert.match(client.closed as string, `at most ${packetBytesMax}`);
  const other = createWorld().connect5('T');
  other.sendBytes(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]));
  assert.equal(shown(other), ['disconnect 0x81']);
});

test('MQTT 5: a message larger than the client takes is not sent to it, and does not stay in flight (§3.1.2.11.4)', () => {
  const world = createWorld();
  const client = world.connect5('T', { properties: { maximumPacketSize: 100, receiveMaximum: 1 } });
  const other = world.connect5('U');
  for (const each of [client, other]) each.subscribe({ 'a/+': 1 });
  for (const [i, bytes] of [90, 200, 91, 92].entries())
    world.connect('P').publish('a/b', 'x'.repeat(bytes), { qos: 1, messageId: i + 1 });
  world.connect('P').publish('a/b', 'x'.repeat(200));
  assert.equal(other.take().length, 5);
  const sizes = () => (client.take() as IPublishPacket[]).map(({ payload, messageId }) => [messageId, payload.length]);
  assert.equal(sizes(), [[1, 90]], '100 bytes to the byte');
  client.send(ack(1));
  assert.equal(sizes(), []);
  assert.is(world.gateway.sessions.get('T')?.inFlight.size, 0);
  assert.ok(world.logs.some((line) => line.includes('larger than the client takes')));
});

test('MQTT 5: SUBACK says why each filter is refused; more than it may hold is 0x97', () => {
  const client = createWorld().connect5('T');
  assert.equal(
    client.subscribe({ '#': 1, 'a/b': 1, '$aws/things/U/#': 0, '$share/g/a': 0, ['x'.repeat(257)]: 0 }),
    [0x87, 1, 0x87, 0x9e, 0x8f],
  );
  const filters = Object.fromEntries(
    Array.from({ length: subscriptionsPerSubscribeMax + 1 }, (_, i) => [`f/${i}`, 1 as const]),
  );
  assert.is(client.subscribe(filters).at(-1), 0x97);
  client.subscribe({ 'a/#/b': 1 });
  assert.equal(shown(client), ['disconnect 0x81']);
});

test('MQTT 5: UNSUBACK says for each filter whether it was held; a malformed one closes', () => {
  const client = createWorld().connect5('T');
  client.subscribe({ 'a/b': 1 });
  client.send({ cmd: 'unsubscribe', messageId: 6, unsubscriptions: ['a/b', 'a/b', 'c'] });
  const [unsuback] = client.take() as unknown as [{ granted: number[] }];
  assert.equal(unsuback.granted, [0x00, 0x11, 0x11]);
  client.send({ cmd: 'unsubscribe', messageId: 6, unsubscriptions: ['a/#/b'] });
  assert.equal(shown(client), ['disconnect 0x81']);
});

test('MQTT 5: no local keeps a client’s own messages from it, not another’s, by whichever version it speaks', () => {
  const world = createWorld();
  const client = world.connect5('T');
  const other = world.connect('U');
  subscribe5(client, [{ topic: 'a', qos: 0, nl: true }]);
  client.publish('a', 'own');
  other.publish('a', 'other');
  assert.equal(shown(client), ['a other qos0']);
  subscribe5(client, [{ topic: '+', qos: 0 }]);
  client.publish('a', 'own');
  assert.equal(shown(client), ['a own qos0'], 'another subscription of its own wants it');
});

test('MQTT 5: retain as published keeps RETAIN on a live message; without it and for 3.1.1 it is taken off', () => {
  const world = createWorld();
  const [kept, plain, old] = [world.connect5('A'), world.connect5('B'), world.connect('C')];
  subscribe5(kept, [{ topic: 'a', qos: 1, rap: true }]);
  plain.subscribe({ a: 1 });
  old.subscribe({ a: 1 });
  const publisher = world.connect('P');
  publisher.publish('a', 'x', { retain: true, qos: 1, messageId: 1 });
  publisher.publish('a', 'y', { retain: false });
  assert.equal(shown(kept), ['a x qos1 #1 retain', 'a y qos0']);
  for (const client of [plain, old]) assert.equal(shown(client), ['a x qos1 #1', 'a y qos0']);
});

test('MQTT 5: retain handling: always, only with a new subscription, never (§3.8.3.1)', () => {
  const world = createWorld();
  world.connect('P').publish('a', 'x', { retain: true });
  const client = world.connect5('T');
  const count = (rh: number) => subscribe5(client, [{ topic: 'a', qos: 0, rh }]).behind.length;
  assert.is(count(2), 0);
  assert.is(count(1), 0, 'the subscription exists');
  assert.is(count(0), 1);
  client.send({ cmd: 'unsubscribe', messageId: 6, unsubscriptions: ['a'] });
  client.take();
  assert.is(count(1), 1);
});

test('MQTT 5: subscription identifiers come back with live, retained and merged messages, and with an answer', () => {
  const world = createWorld();
  world.connect('P').publish('a', 'kept', { retain: true });
  const client = world.connect5('T');
  const { behind } = subscribe5(client, [{ topic: 'a', qos: 1 }], 268_435_455);
  assert.equal(behind.map(show), ['a kept qos0 retain subscriptionIdentifier=268435455']);
  subscribe5(client, [{ topic: '+', qos: 0, rh: 2 }], 7);
  subscribe5(client, [{ topic: '#', qos: 0, rh: 2 }]);
  world.connect('P').publish('a', 'live', { qos: 1, messageId: 1 });
  assert.equal(shown(client), ['a live qos1 #1 subscriptionIdentifier=[268435455,7]']);
  subscribe5(client, [{ topic: 'a', qos: 0, rh: 2 }]);
  world.connect('P').publish('a', 'live', { qos: 1, messageId: 1 });
  assert.equal(shown(client), ['a live qos0 subscriptionIdentifier=7'], 'a new subscription has what it says alone');
  subscribe5(client, [{ topic: '$aws/things/T/jobs/#', qos: 1 }], 3);
  client.publish('$aws/things/T/jobs/get', '{}');
  const { connection, clientId, topic } = world.requests[0]!;
  world.step({ on: 'answer', connection, clientId, topic: `${topic}/accepted`, payload: Buffer.from('{}') });
  assert.equal(shown(client), ['$aws/things/T/jobs/get/accepted {} qos1 #2 subscriptionIdentifier=3']);
});

test('MQTT 5: at QoS 0 too each subscriber has its own identifiers and its own RETAIN', () => {
  const world = createWorld();
  const [one, two, none, old] = [world.connect5('A'), world.connect5('B'), world.connect5('C'), world.connect('D')];
  subscribe5(one, [{ topic: 'a', qos: 0 }], 1);
  subscribe5(two, [{ topic: 'a', qos: 0, rap: true }], 2);
  for (const client of [none, old]) client.subscribe({ a: 0 });
  world.connect('P').publish('a', 'x', { retain: true });
  assert.equal(
    [one, two, none, old].map((client) => shown(client)),
    [['a x qos0 subscriptionIdentifier=1'], ['a x qos0 retain subscriptionIdentifier=2'], ['a x qos0'], ['a x qos0']],
  );
});

test('MQTT 5: what a kept message costs counts its properties', () => {
  const world = createWorld();
  world.connect5('T', INTERVAL).subscribe({ a: 1 });
  [...world.clients.values()][0]!.drop();
  const publisher = world.connect('P');
  publisher.publish('a', 'x', { qos: 1, messageId: 1 });
  const without = world.gateway.heldBytes;
  const correlationData = Buffer.alloc(1_000);
  world.connect5('Q').publish('a', 'x', { qos: 1, messageId: 1, properties: { correlationData } });
  assert.is(world.gateway.heldBytes, without + without + 1_003);
});

test('MQTT 5: a message kept for many holds its payload once, and nothing of the bytes it came in', () => {
  const world = createWorld();
  const subscriptions: ISubscription[] = [{ topic: 'a', qos: 1 }];
  for (const id of ['A', 'B', 'C']) subscribe5(world.connect5(id, INTERVAL), subscriptions, 1);
  for (const client of [...world.clients.values()]) client.drop();
  const properties = { userProperties: { a: 'b' } };
  world.connect5('P').publish('a', 'x'.repeat(50), { qos: 1, messageId: 1, properties });
  const [one, ...others] = ['A', 'B', 'C'].map((id) => world.gateway.sessions.get(id)!.waiting[0]!);
  for (const { payload } of others) assert.is(payload, one!.payload);
  assert.is(one!.payload.buffer.byteLength, 50);
  assert.is(one!.properties!.buffer.byteLength, 7);
});

test('an answer gives back the correlation data of its request, to the topic of AWS whatever response topic it named', () => {
  const world = createWorld();
  const client = world.connect5('T');
  const topic = '$aws/things/T/jobs/get';
  const correlationData = Buffer.from('c1');
  client.publish(topic, '{}', { properties: { correlationData, responseTopic: 'elsewhere' } });
  const [request] = world.requests;
  assert.is(`${Buffer.from(request!.correlationData!)}`, 'c1');
  const answer = { on: 'answer', ...request!, topic: `${topic}/accepted`, payload: Buffer.from('{}') } as const;
  world.step(answer);
  assert.equal(shown(client), [`${topic}/accepted {} qos0 correlationData=c1`]);
  client.subscribe({ [`${topic}/+`]: 1 });
  world.step(answer);
  assert.equal(shown(client), [`${topic}/accepted {} qos1 #1 correlationData=c1`]);
  const old = world.connect('T');
  world.step({ ...answer, connection: old.number });
  assert.equal(shown(old), [`${topic}/accepted {} qos0`]);
});

test.run();
