import { generate, type IConnectPacket } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  keepAliveSecondsMax,
  packetBytesMax,
  receiveMaximum,
  sessionExpiryMillis,
  topicAliasMaximum,
} from '../../../../targets/service/gateway/limits.ts';
import { ack, type Client, createWorld, show, shown } from './world.ts';

const HOUR = sessionExpiryMillis / 1_000;
const expiry = (sessionExpiryInterval: number) => ({ properties: { sessionExpiryInterval } });
const JOBS = '$aws/things/T/jobs/';

function reasonString(client: Client): string {
  const packet = client.take().at(-1) as { properties?: { reasonString?: string } } | undefined;
  return packet?.properties?.reasonString ?? '';
}

function notify(world: ReturnType<typeof createWorld>, payload: string): void {
  world.step({ on: 'publish', topic: `${JOBS}notify`, payload: Buffer.from(payload), qos: 1 });
}

test('CONNECT of MQTT 5 is answered with what the server can do (MQTT 5 §3.2.2.3)', () => {
  const world = createWorld();
  const { connack } = world.connect5('T', { username: '?SDK=NodeJSv2&Version=1.0' });
  assert.is(show(connack!), 'connack 0x00');
  assert.equal(
    { ...connack?.properties },
    {
      receiveMaximum,
      maximumQoS: 1,
      retainAvailable: true,
      maximumPacketSize: packetBytesMax,
      topicAliasMaximum,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: false,
    },
  );
});

test('MQTT 5: a password without a user name is taken (§3.1.2.9), in MQTT 3.1.1 it closes', () => {
  const bytes = generate({
    cmd: 'connect',
    clientId: 'T',
    protocolVersion: 5,
    username: 'u',
    password: Buffer.from('p'),
  });
  const at = bytes.indexOf(Buffer.from([0, 1, 0x75]));
  const without = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 3)]);
  without[1]! -= 3;
  without[9]! &= 0x7f;
  const client = createWorld().open({ thingNames: ['T'] }, 5);
  client.sendBytes(without);
  assert.equal(shown(client), ['connack 0x00']);
});

test('MQTT 5: an empty client identifier is given one, told in CONNACK, with a session that is kept too', () => {
  const world = createWorld();
  const principal = { certificateId: 'c' };
  const { connack } = world.connect5('', { clean: true, ...expiry(60) }, principal);
  const assigned = connack?.properties?.assignedClientIdentifier as string;
  assert.is(assigned, 'generated-1');
  const again = world.connect5(assigned, { clean: false }, principal);
  assert.is(show(again.connack!), 'connack 0x00 present');
  assert.is(again.connack?.properties?.assignedClientIdentifier, undefined);
  const bytes = generate({ cmd: 'connect', clientId: '', protocolVersion: 5, clean: true });
  bytes[9] = 0; // Clean Start off: mqtt-packet refuses to make it
  const kept = world.open({}, 5);
  kept.sendBytes(bytes);
  assert.equal(shown(kept), ['connack 0x00']);
});

test('MQTT 5: keep-alive 0 or too long is answered with the server’s own (§3.2.2.3.14), which then holds', () => {
  for (const keepalive of [0, keepAliveSecondsMax + 1, 65_535]) {
    const world = createWorld();
    const client = world.connect5('T', { keepalive });
    assert.is(client.connack?.properties?.serverKeepAlive, keepAliveSecondsMax);
    world.pass(keepAliveSecondsMax * 1_500 - 1);
    assert.is(client.closed, undefined);
    world.pass(1);
    assert.equal(shown(client), ['disconnect 0x8d']);
  }
  const { connack } = createWorld().connect5('T', { keepalive: keepAliveSecondsMax });
  assert.is(connack?.properties?.serverKeepAlive, undefined);
});

test('MQTT 5: every refusal of CONNECT has its reason code and its sentence', () => {
  const will = (topic: string, more = {}) => ({ will: { topic, payload: Buffer.from('w'), qos: 0 as const, ...more } });
  const rows: [more: Partial<IConnectPacket>, code: string, found: string][] = [
    [{ clientId: 'x'.repeat(129) }, '0x85', '129 bytes'],
    [{ properties: { authenticationMethod: 'SCRAM' } }, '0x8c', 'authentication method'],
    [will('$aws/things/U/jobs/get'), '0x87', 'will on'],
    [will('1/2/3/4/5/6/7/8/9'), '0x90', '8 slashes'],
    [will('a', { qos: 2 }), '0x9b', 'QoS 2'],
    [will('a', { properties: { responseTopic: 'a/#' } }), '0x82', '§3.3.2.3.5'],
    [{ properties: { receiveMaximum: 0 } }, '0x82', '§2.2.2.2'],
    [{ properties: { authenticationData: Buffer.from('x') } }, '0x82', 'without a method'],
  ];
  for (const [more, code, found] of rows) {
    const world = createWorld();
    const client = world.connect5('T', more);
    assert.is(show(client.connack!), `connack ${code}`, found);
    assert.match(client.connack?.properties?.reasonString as string, found);
    assert.match(client.closed as string, found);
    assert.is(world.gateway.connections.size + world.gateway.sessions.size, 0);
  }
  const world = createWorld();
  world.connect5('console', {}, { certificateId: 'c1', thingNames: ['T1'] });
  const stranger = world.connect5('console', {}, { certificateId: 'c2', thingNames: ['T2'] });
  assert.is(show(stranger.connack!), 'connack 0x87');
});

test('MQTT 5: a session lives as long as was asked after its connection, an hour at most, and CONNACK says so', () => {
  for (const [asked, lasts] of [
    [10, 10],
    [HOUR, HOUR],
    [HOUR + 1, HOUR],
    [0xffff_ffff, HOUR],
  ] as const) {
    const world = createWorld();
    const client = world.connect5('T', { ...expiry(asked) });
    assert.is(client.connack?.properties?.sessionExpiryInterval, asked === lasts ? undefined : lasts);
    client.drop();
    world.pass(lasts * 1_000 - 1);
    const back = world.connect5('T', { clean: false, ...expiry(asked) });
    assert.is(show(back.connack!), 'connack 0x00 present');
    back.drop();
    world.pass(lasts * 1_000);
    assert.is(world.gateway.sessions.size, 0);
  }
});

test('MQTT 5: without an interval the session ends with its connection; Clean Start forgets the one that was', () => {
  const world = createWorld();
  world.connect5('T', { clean: false }).drop();
  assert.is(world.gateway.sessions.size, 0);
  world.connect5('T', expiry(60)).subscribe({ 'a/b': 1 });
  assert.is(show(world.connect5('T', { clean: true, ...expiry(60) }).connack!), 'connack 0x00');
  assert.is(world.gateway.subscriptions.entries.size, 0);
});

test('MQTT 5: DISCONNECT changes the session expiry, but cannot keep a session that was to end (§3.14.2.2.2)', () => {
  const world = createWorld();
  const disconnect = (sessionExpiryInterval: number) =>
    ({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval } }) as const;
  world.connect5('A', expiry(60)).send(disconnect(0));
  assert.not(world.gateway.sessions.has('A'));
  const longer = world.connect5('B', expiry(60));
  longer.send(disconnect(0xffff_ffff));
  world.pass(sessionExpiryMillis - 1);
  assert.ok(world.gateway.sessions.has('B'));
  world.pass(1);
  assert.not(world.gateway.sessions.has('B'));
  const none = world.connect5('C');
  none.send(disconnect(5));
  assert.equal(shown(none), ['disconnect 0x82']);
  assert.is(world.gateway.sessions.size, 0);
});

test('one session is taken up by MQTT 3.1.1 and 5 in turn, each hearing in its own version', () => {
  const world = createWorld();
  const first = world.connect5('T', expiry(600));
  first.subscribe({ [`${JOBS}notify`]: 1 });
  notify(world, 'A');
  assert.equal(shown(first), [`${JOBS}notify A qos1 #1`]);
  const second = world.open({ certificateId: 'of-T', thingNames: ['T'] });
  second.send({ cmd: 'connect', clientId: 'T', clean: false });
  assert.equal(shown(first), ['disconnect 0x8e']);
  assert.equal(shown(second), ['connack 0 present', `${JOBS}notify A qos1 #1 dup`]);
  second.drop();
  notify(world, 'B');
  const third = world.open({ certificateId: 'of-T', thingNames: ['T'] }, 5);
  third.send({ cmd: 'connect', clientId: 'T', protocolVersion: 5, clean: false });
  assert.equal(shown(third), ['connack 0x00 present', `${JOBS}notify A qos1 #1 dup`, `${JOBS}notify B qos1 #2`]);
  third.drop();
  assert.is(world.gateway.sessions.size, 0, 'the last CONNECT asked for no expiry');
});

test('MQTT 5: the server says why before it closes: taken over, revoked, silent, ending; MQTT 3.1.1 hears nothing', () => {
  const world = createWorld();
  const taken = world.connect5('T');
  world.connect5('T');
  assert.equal(shown(taken), ['disconnect 0x8e']);
  const revoked = world.connect5('R');
  world.step({ on: 'revoked', certificateId: 'of-R' });
  assert.equal(shown(revoked), ['disconnect 0x98']);
  const silent = world.connect5('S', { keepalive: 1 });
  world.pass(1_500);
  assert.equal(shown(silent), ['disconnect 0x8d']);
  const will = { topic: 'gone/x', payload: Buffer.from('x'), qos: 0 as const, retain: false };
  const [five, old, early] = [world.connect5('X', { will }), world.connect('Y', { will }), world.open()];
  const watcher = world.connect5('W');
  watcher.subscribe({ 'gone/#': 0 });
  world.step({ on: 'closing' });
  assert.equal(shown(five), ['disconnect 0x8b']);
  assert.equal(shown(watcher), ['disconnect 0x8b'], 'no will');
  assert.equal([shown(old), shown(early)], [[], []]);
  for (const client of [five, old, early]) assert.is(client.closed, 'the server ends');
  assert.is(world.gateway.connections.size, 0);
});

test('MQTT 5: a reason string never makes a packet larger than the client takes (§3.1.2.11.4)', () => {
  const tiny = createWorld().connect5('T', { properties: { maximumPacketSize: 40 } });
  tiny.publish('1/2/3/4/5/6/7/8/9', 'x');
  assert.is(reasonString(tiny), '');
  assert.match(tiny.closed as string, '8 slashes');
  const none = createWorld().connect5('x'.repeat(200), { properties: { maximumPacketSize: 4 } });
  assert.is(none.connack, undefined);
  const short = createWorld().connect5('x'.repeat(200), { properties: { maximumPacketSize: 5 } });
  assert.is(show(short.connack!), 'connack 0x85');
});

const WILL = { topic: 'gone/T', payload: Buffer.from('T'), qos: 1 as const, retain: false };
const withWill = (willDelayInterval: number, sessionExpiryInterval: number, more = {}) => ({
  clean: false,
  keepalive: 1_200,
  will: { ...WILL, properties: { willDelayInterval, ...more } },
  properties: { sessionExpiryInterval },
});

function watch(world: ReturnType<typeof createWorld>): Client {
  const watcher = world.connect5('W', { keepalive: 1_200 });
  watcher.subscribe({ 'gone/#': 0 });
  return watcher;
}

test('MQTT 5: DISCONNECT with reason 0x00 takes the will back, with 0x04 or an error it is published (§3.14.4)', () => {
  for (const [reasonCode, heard] of [
    [0x00, []],
    [0x04, ['gone/T T qos0']],
    [0x80, ['gone/T T qos0']],
  ] as const) {
    const world = createWorld();
    const watcher = watch(world);
    world.connect5('T', withWill(0, 0)).send({ cmd: 'disconnect', reasonCode });
    assert.equal(shown(watcher), heard, `${reasonCode}`);
  }
});

test('MQTT 5: a will waits for its delay, and is not sent when the client is back before (§3.1.3.2.2)', () => {
  const world = createWorld();
  const watcher = watch(world);
  world.connect5('T', withWill(10, 60)).drop();
  world.pass(9_999);
  assert.equal(shown(watcher), []);
  const back = world.connect5('T', withWill(10, 60));
  world.pass(100_000);
  assert.equal(shown(watcher), []);
  assert.is(world.gateway.heldBytes, 0);
  back.drop();
  world.pass(9_999);
  assert.equal(shown(watcher), []);
  world.pass(1);
  assert.equal(shown(watcher), ['gone/T T qos0']);
  assert.ok(world.gateway.sessions.has('T'), 'the session is still kept');
  world.pass(50_000);
  assert.not(world.gateway.sessions.has('T'));
  assert.equal(shown(watcher), [], 'once');
  assert.is(world.gateway.heldBytes, 0);
});

test('MQTT 5: a will waits no longer than its session, be it expired or started clean (§3.1.3.2.2)', () => {
  const world = createWorld();
  const watcher = watch(world);
  world.connect5('T', withWill(100, 10)).drop();
  world.pass(9_999);
  assert.equal(shown(watcher), []);
  world.pass(1);
  assert.equal(shown(watcher), ['gone/T T qos0']);
  world.connect5('T', withWill(100, 60)).drop();
  world.connect5('T');
  assert.equal(shown(watcher), ['gone/T T qos0']);
  world.connect5('U', withWill(100, 0)).drop();
  assert.equal(shown(watcher), ['gone/T T qos0'], 'a session that ends with its connection');
  assert.is(world.gateway.heldBytes, 0);
});

test('MQTT 5: the expiry of a will counts from when it is published, and its properties come with it', () => {
  const world = createWorld();
  const watcher = watch(world);
  const more = { messageExpiryInterval: 7, contentType: 'text/plain', userProperties: { a: 'b' } };
  world.connect5('T', withWill(10, 60, more)).drop();
  world.pass(10_000);
  assert.equal(shown(watcher), [
    'gone/T T qos0 messageExpiryInterval=7 contentType=text/plain userProperties={"a":"b"}',
  ]);
});

test('MQTT 5: a delayed will in the jobs namespace is a request, of the client that is gone', () => {
  const world = createWorld();
  const will = { topic: `${JOBS}J/update`, payload: Buffer.from('{}'), qos: 1 as const, retain: false };
  const properties = { willDelayInterval: 5, correlationData: Buffer.from('c') };
  world.connect5('T', { will: { ...will, properties }, ...expiry(60) }).drop();
  assert.is(world.requests.length, 0);
  world.pass(5_000);
  const [request] = world.requests;
  assert.equal([request?.clientId, request?.topic, `${request?.correlationData}`], ['T', `${JOBS}J/update`, '99']);
});

test('MQTT 5: no more is in flight than the client’s Receive Maximum, what is sent again included (§3.1.2.11.3)', () => {
  const world = createWorld();
  const few = { clean: false, properties: { receiveMaximum: 2, sessionExpiryInterval: 60 } };
  const first = world.connect5('T', { clean: false, ...expiry(60) });
  first.subscribe({ [`${JOBS}notify`]: 1 });
  for (const payload of ['A', 'B', 'C', 'D']) notify(world, payload);
  assert.is(first.take().length, 4);
  first.send(ack(2));
  first.drop();
  notify(world, 'E');
  const second = world.open({ certificateId: 'of-T', thingNames: ['T'] }, 5);
  second.send({ cmd: 'connect', clientId: 'T', protocolVersion: 5, ...few });
  assert.equal(shown(second), ['connack 0x00 present', `${JOBS}notify A qos1 #1 dup`, `${JOBS}notify C qos1 #3 dup`]);
  second.send(ack(4)); // of the last connection: it need not be sent again, and frees no place
  assert.equal(shown(second), []);
  second.send(ack(3));
  assert.equal(shown(second), [`${JOBS}notify E qos1 #5`]);
  notify(world, 'F');
  assert.equal(shown(second), []);
  second.send(ack(1));
  assert.equal(shown(second), [`${JOBS}notify F qos1 #6`]);
});

test.run();
