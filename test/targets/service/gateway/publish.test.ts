import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAYLOAD_BYTES_MAX } from '../../../../runtime/jobs/limits.ts';
import {
  retainedBytesMax,
  retainedMessagesMax,
  subscriptionsPerSessionMax,
  subscriptionsPerSubscribeMax,
} from '../../../../targets/service/gateway/limits.ts';
import { ack, createWorld, shown } from './world.ts';

test('a message reaches each subscriber once, at the lower QoS of both, and PUBACK its publisher', () => {
  const world = createWorld();
  const [zero, one, both, other, publisher] = ['a', 'b', 'c', 'd', 'p'].map((id) => world.connect(id)) as [
    ...ReturnType<typeof world.connect>[],
  ] & { length: 5 };
  assert.equal(zero!.subscribe({ 'site/x': 0 }), [0]);
  assert.equal(one!.subscribe({ 'site/+': 1 }), [1]);
  assert.equal(both!.subscribe({ 'site/#': 0, 'site/x': 1, '+/x': 0 }), [0, 1, 0]);
  other!.subscribe({ 'site/y': 1 });
  publisher!.publish('site/x', 'A', { qos: 1, messageId: 9 });
  publisher!.publish('site/x', 'B');
  assert.equal(shown(publisher!), ['puback #9']);
  assert.equal(shown(zero!), ['site/x A qos0', 'site/x B qos0']);
  assert.equal(shown(one!), ['site/x A qos1 #1', 'site/x B qos0']);
  assert.equal(shown(both!), ['site/x A qos1 #1', 'site/x B qos0']);
  assert.equal(shown(other!), []);
});

test('all that one step has for a connection leaves in one write', () => {
  const world = createWorld();
  const client = world.connect('T');
  client.subscribe({ 'a/b': 1 });
  const before = client.writes;
  const publish = { cmd: 'publish', topic: 'a/b', payload: 'x', qos: 1, dup: false, retain: false } as const;
  client.send({ ...publish, messageId: 1 }, { ...publish, messageId: 2 }, { cmd: 'pingreq' });
  assert.is(client.writes - before, 1);
  assert.is(client.take().length, 5);
});

test('UNSUBSCRIBE is acknowledged and ends the messages; SUBSCRIBE again changes the QoS', () => {
  const world = createWorld();
  const client = world.connect('T');
  client.subscribe({ 'a/b': 1, 'a/+': 1 });
  client.send({ cmd: 'unsubscribe', messageId: 5, unsubscriptions: ['a/b', 'a/+', 'never/held'] });
  assert.equal(shown(client), ['unsuback #5']);
  client.publish('a/b', 'x');
  assert.equal(shown(client), []);
  client.subscribe({ 'a/b': 1 });
  client.subscribe({ 'a/b': 0 });
  client.publish('a/b', 'x', { qos: 1, messageId: 1 });
  assert.equal(shown(client).sort(), ['a/b x qos0', 'puback #1']);
});

test('SUBSCRIBE: each filter is granted or refused by itself; more than 8 at once or 50 in all are refused', () => {
  const world = createWorld();
  const client = world.connect('T');
  assert.equal(
    client.subscribe({ '#': 1, 'a/b': 1, '$aws/things/U/jobs/get': 0, '$aws/things/T/#': 0 }),
    [128, 1, 128, 0],
  );
  const filters = (from: number, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`f/${from + i}`, 1 as const]));
  const granted = client.subscribe(filters(0, subscriptionsPerSubscribeMax + 2));
  assert.equal(granted.filter((code) => code === 128).length, 2);
  for (let i = 100; i < 200; i += 5) client.subscribe(filters(i, 5));
  assert.is(world.gateway.sessions.get('T')?.subscriptions.size, subscriptionsPerSessionMax);
  assert.equal(client.subscribe({ 'a/b': 0 }), [0], 'one that is held may change');
  assert.is(client.closed, undefined);
});

test('SUBSCRIBE: a filter that MQTT forbids closes; one over 256 bytes or 7 slashes is refused', () => {
  const world = createWorld();
  assert.equal(world.connect('T').subscribe({ ['x'.repeat(257)]: 1, '1/2/3/4/5/6/7/8/#': 1 }), [128, 128]);
  const client = world.connect('T');
  client.subscribe({ 'a/#/b': 1 });
  assert.match(client.closed as string, '§4.7.1');
});

test('QoS 2: neither a PUBLISH nor a SUBSCRIBE is acknowledged or carried out, and the connection stays', () => {
  const world = createWorld();
  const client = world.connect('T');
  const other = world.connect('U');
  other.subscribe({ 'a/b': 1 });
  assert.equal(client.subscribe({ 'a/b': 1, 'c/d': 2 }), []);
  client.publish('a/b', 'x', { qos: 2, messageId: 3 });
  client.publish('a/b', 'y', { qos: 0 });
  assert.equal(shown(client), []);
  assert.equal(shown(other), ['a/b y qos0']);
  assert.is(client.closed, undefined);
  client.send({ cmd: 'pubrel', messageId: 3 });
  assert.match(client.closed as string, 'type 6');
});

test('a publish that is not allowed ends the connection and leaves a log line that names it', () => {
  for (const [topic, more] of [
    ['$aws/things/U/jobs/get', {}],
    ['$aws/rules/r/t', {}],
    ['$SYS/x', {}],
    ['$aws/things/T/jobs/get', { retain: true }],
    ['1/2/3/4/5/6/7/8/9', {}],
    ['x'.repeat(257), {}],
  ] as const) {
    const world = createWorld();
    const client = world.connect('T');
    client.publish(topic, 'x', { qos: 1, messageId: 1, ...more });
    assert.match(client.closed as string, 'PUBLISH');
    assert.equal(shown(client), [], 'no PUBACK');
    assert.is(world.requests.length, 0);
    assert.ok(world.logs.some((line) => line.startsWith('connection closed') && line.includes('"clientId":"T"')));
  }
});

test('a payload of 128 KiB passes, one byte more closes', () => {
  assert.is(PAYLOAD_BYTES_MAX, 131_072);
  const world = createWorld();
  const listener = world.connect('U');
  listener.subscribe({ big: 0 });
  const client = world.connect('T');
  client.publish('big', 'x'.repeat(PAYLOAD_BYTES_MAX));
  assert.is(listener.take().length, 1);
  client.publish('big', 'x'.repeat(PAYLOAD_BYTES_MAX + 1));
  assert.match(client.closed as string, `${PAYLOAD_BYTES_MAX + 1} bytes`);
  assert.is(listener.take().length, 0);
});

test('what follows the packet that ends a connection is not read', () => {
  const world = createWorld();
  const client = world.connect('T');
  const publish = { cmd: 'publish', payload: '{}', qos: 0, dup: false, retain: false } as const;
  client.send({ cmd: 'disconnect' }, { ...publish, topic: '$aws/things/T/jobs/get' });
  assert.is(world.requests.length, 0);
  assert.is(client.closed, 'DISCONNECT');
});

test('retained: the last message on a topic comes with a subscription, with RETAIN; live ones come without', () => {
  const world = createWorld();
  const publisher = world.connect('P');
  publisher.publish('state/a', 'old', { retain: true });
  publisher.publish('state/a', 'A', { retain: true, qos: 1, messageId: 1 });
  publisher.publish('state/b', 'B', { retain: true });
  publisher.publish('state/c', 'C', { retain: true });
  publisher.publish('state/c', '', { retain: true });
  const client = world.connect('T');
  client.subscribe({ 'state/+': 1 });
  assert.equal(shown(client), ['state/a A qos1 #1 retain', 'state/b B qos0 retain']);
  publisher.publish('state/a', 'live', { retain: true });
  assert.equal(shown(client), ['state/a live qos0']);
  const exact = world.connect('U');
  exact.subscribe({ 'state/a': 0, 'state/c': 0 });
  assert.equal(shown(exact), ['state/a live qos0 retain']);
});

test('retained messages are bounded in number and in bytes; one too many is passed on and not kept', () => {
  const world = createWorld();
  const publisher = world.connect('P');
  const listener = world.connect('U');
  listener.subscribe({ 'last/#': 0 });
  for (let i = 0; i < retainedMessagesMax; i++) publisher.publish(`r/${i}`, 'x', { retain: true });
  publisher.publish('last/x', 'x', { retain: true });
  assert.equal(shown(listener), ['last/x x qos0']);
  assert.is(world.gateway.retained.messages.size, retainedMessagesMax);
  for (let i = 0; i < retainedMessagesMax; i++)
    publisher.publish(`r/${i}`, 'x'.repeat(PAYLOAD_BYTES_MAX), { retain: true });
  assert.ok(world.gateway.retained.bytes <= retainedBytesMax);
  for (let i = 0; i < retainedMessagesMax; i++) publisher.publish(`r/${i}`, '', { retain: true });
  assert.is(world.gateway.retained.bytes, 0);
});

test('log lines about one connection are bounded, in number and in length', () => {
  const world = createWorld();
  world.connect('U').subscribe({ ['x'.repeat(60_000)]: 0 });
  assert.ok(world.logs.every((line) => line.length < 1_000));
  world.logs = [];
  const client = world.connect('T');
  for (let i = 0; i < 100; i++) client.subscribe({ '#': 0 });
  assert.is(world.logs.filter((line) => line.startsWith('subscription refused')).length, 10);
});

test('a PUBACK that nobody waits for changes nothing', () => {
  const world = createWorld();
  const client = world.connect('T');
  client.send(ack(17));
  assert.is(client.closed, undefined);
});

test.run();
