import { generate } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wakeAt } from '../../../../targets/service/gateway/gateway.ts';
import { connectMillisMax } from '../../../../targets/service/gateway/limits.ts';
import { createWorld, show, shown } from './world.ts';

test('CONNECT: accepted with a user name and no password, as AWS SDKs send it', () => {
  const world = createWorld();
  const client = world.connect('T', { username: '?SDK=NodeJSv2&Version=1.0' });
  assert.is(show(client.connack!), 'connack 0');
  assert.is(client.closed, undefined);
});

test('CONNECT of MQTT 3.1 and of any other level than 3.1.1 and 5 is answered with return code 1', () => {
  const CONNECT31 = generate({ cmd: 'connect', clientId: 'T', protocolVersion: 3, protocolId: 'MQIsdp', clean: true });
  const CONNECT9 = generate({ cmd: 'connect', clientId: 'T', clean: true });
  CONNECT9[8] = 9;
  for (const [bytes, answer] of [
    [CONNECT31, '20020001'],
    [CONNECT9, '20020001'],
  ] as const) {
    const world = createWorld();
    const client = world.open();
    const written = world.step({ on: 'bytes', connection: client.number, bytes });
    assert.is(written[0]?.do === 'write' && Buffer.from(written[0].bytes).toString('hex'), answer);
    assert.match(client.closed as string, 'protocol level');
    assert.is(world.gateway.connections.size + world.gateway.sessions.size, 0);
  }
});

test('connected to another worker: here its session ends, unless it has come here since or the other is no relation', () => {
  const world = createWorld();
  const principal = { certificateId: 'of-T', thingNames: ['T'] };
  const client = world.connect('T', { clean: false });
  const elsewhere = (at: number, who = principal) => world.step({ on: 'elsewhere', clientId: 'T', principal: who, at });
  elsewhere(world.now - 1);
  elsewhere(world.now, { certificateId: 'stranger', thingNames: ['U'] });
  assert.is(client.closed, undefined);
  elsewhere(world.now);
  assert.match(client.closed!, 'another worker');
  assert.is(world.gateway.sessions.size, 0);
});

test('who was let in is told of by its client identifier; one that was generated says nothing to other workers', () => {
  const world = createWorld();
  const welcomed: string[] = [];
  const { step } = world;
  world.step = (event) => {
    const effects = step(event);
    for (const effect of effects) if (effect.do === 'welcome') welcomed.push(effect.clientId);
    return effects;
  };
  world.connect('T');
  world.connect('');
  assert.equal(welcomed, ['T']);
});

test('CONNECT: without a client identifier one is given with CleanSession 1, else return code 2; over 128 bytes too', () => {
  const world = createWorld();
  const [one, two] = [world.connect(''), world.connect('')];
  assert.equal(
    [one.connack, two.connack].map((packet) => show(packet!)),
    ['connack 0', 'connack 0'],
  );
  assert.equal([...world.gateway.sessions.keys()], ['generated-1', 'generated-2']);
  const bytes = generate({ cmd: 'connect', clientId: '', clean: true });
  bytes[9] = 0; // CleanSession off: mqtt-packet refuses to make it
  const persistent = world.open();
  persistent.sendBytes(bytes);
  assert.equal(shown(persistent), ['connack 2']);
  assert.match(persistent.closed as string, 'without a client identifier');
  assert.is(show(world.connect('x'.repeat(128)).connack!), 'connack 0');
  const long = world.connect('x'.repeat(129));
  assert.is(show(long.connack!), 'connack 2');
  assert.match(long.closed as string, '129 bytes');
});

test('a packet before CONNECT closes without an answer, a second CONNECT closes', () => {
  const world = createWorld();
  const early = world.open();
  early.send({ cmd: 'pingreq' });
  assert.match(early.closed as string, 'first packet');
  assert.is(early.writes, 0);
  const twice = world.connect('T');
  twice.send({ cmd: 'connect', clientId: 'T', clean: true });
  assert.match(twice.closed as string, 'second CONNECT');
  assert.is(world.gateway.sessions.size, 0);
});

test('a connection that says nothing is closed after connectMillisMax', () => {
  const world = createWorld();
  const client = world.open();
  client.sendBytes(Uint8Array.of(0x10, 20, 0)); // the beginning of one is not enough
  world.pass(connectMillisMax - 1);
  assert.is(client.closed, undefined);
  world.pass(1);
  assert.is(client.closed, 'no CONNECT in time');
  assert.is(wakeAt(world.gateway), undefined);
});

test('a client is closed after 1.5 times its keep-alive, counted from its last whole packet', () => {
  const world = createWorld();
  const client = world.connect('T', { keepalive: 10 });
  world.pass(14_999);
  client.send({ cmd: 'pingreq' });
  assert.equal(shown(client), ['pingresp']);
  world.pass(14_000);
  client.sendBytes(Uint8Array.of(0x30)); // a byte is not a packet
  world.pass(999);
  assert.is(client.closed, undefined);
  world.pass(1);
  assert.match(client.closed as string, 'keep-alive');
});

test('keep-alive 0 and above 1,200 s are 1,200 s', () => {
  for (const keepalive of [0, 1_201, 65_535]) {
    const world = createWorld();
    const client = world.connect('T', { keepalive });
    world.pass(1_799_999);
    assert.is(client.closed, undefined);
    world.pass(1);
    assert.match(client.closed as string, 'keep-alive');
  }
});

test('a client identifier that connects again: the first connection is closed before the second is answered', () => {
  const world = createWorld();
  const first = world.connect('T');
  first.subscribe({ 'a/b': 1 });
  const second = world.connect('T');
  assert.match(first.closed as string, 'connected again');
  assert.is(show(second.connack!), 'connack 0');
  first.drop(); // the shell says so later
  world.connect('U').publish('a/b', 'x');
  assert.equal(shown(second), [], 'the session of the first was clean');
  second.send({ cmd: 'pingreq' });
  assert.equal(shown(second), ['pingresp']);
});

test('a client identifier in use by another thing: return code 5, unless it is the name of the newcomer’s own thing', () => {
  const world = createWorld();
  const holder = world.connect('console', { clean: false }, { certificateId: 'c1', thingNames: ['T1'] });
  holder.subscribe({ 'a/b': 1 });
  const stranger = world.connect('console', {}, { certificateId: 'c2', thingNames: ['T2'] });
  assert.is(show(stranger.connack!), 'connack 5');
  assert.is(holder.closed, undefined);
  holder.drop();
  const later = world.connect('console', { clean: false }, { certificateId: 'c2', thingNames: ['T2'] });
  assert.is(show(later.connack!), 'connack 5', 'nor while the holder is away: its messages wait there');

  const squatter = world.connect('T2', { clean: false }, { certificateId: 'c1', thingNames: ['T1'] });
  squatter.subscribe({ 'squatted/#': 1 });
  const owner = world.connect('T2', { clean: false }, { certificateId: 'c2', thingNames: ['T2'] });
  assert.is(show(owner.connack!), 'connack 0', 'no session of the squatter');
  assert.ok(squatter.closed);
  world.connect('U').publish('squatted/x', 'x', { qos: 1, messageId: 1 });
  assert.equal(shown(owner), []);
});

test('a revoked certificate: all its connections are closed, no other', () => {
  const world = createWorld();
  const principal = { certificateId: 'bad', thingNames: ['T'] };
  const gone = [world.connect('a', {}, principal), world.connect('b', {}, principal), world.open(principal)];
  const other = world.connect('U');
  world.step({ on: 'revoked', certificateId: 'bad' });
  for (const client of gone) assert.is(client.closed, 'its certificate was revoked');
  assert.is(other.closed, undefined);
});

test('a will that may not be published, or has QoS 2, is refused at CONNECT', () => {
  const will = (topic: string, retain = false, qos: 0 | 1 | 2 = 0) => ({ will: { topic, payload: 'w', qos, retain } });
  const world = createWorld();
  for (const refused of [will('$aws/things/U/jobs/get'), will('$SYS/x'), will('$aws/things/T/x', true), will('a/+')]) {
    const client = world.connect('T', refused);
    assert.is(show(client.connack!), 'connack 5');
    assert.match(client.closed as string, 'will');
  }
  const client = world.connect('T', will('a', false, 2));
  assert.is(client.connack, undefined);
  assert.match(client.closed as string, 'QoS 2');
});

test('a will is published when the connection breaks, times out or is taken over, and not after DISCONNECT', () => {
  const world = createWorld();
  const watcher = world.connect('W', { keepalive: 1_200 });
  watcher.subscribe({ 'gone/#': 1 });
  const more = { keepalive: 10, will: { topic: 'gone/T', payload: 'T', qos: 1 as const, retain: false } };
  world.connect('T', more).drop();
  assert.equal(shown(watcher), ['gone/T T qos1 #1']);
  world.connect('T', more);
  world.pass(15_000);
  assert.equal(shown(watcher), ['gone/T T qos1 #2']);
  world.connect('T', more);
  const last = world.connect('T', more);
  assert.equal(shown(watcher), ['gone/T T qos1 #3']);
  last.send({ cmd: 'disconnect' });
  assert.equal(shown(watcher), []);
  assert.is(last.closed, 'DISCONNECT');
});

test('a will with RETAIN is retained', () => {
  const world = createWorld();
  world.connect('T', { will: { topic: 'state/T', payload: 'gone', qos: 0, retain: true } }).drop();
  const watcher = world.connect('W');
  watcher.subscribe({ 'state/+': 0 });
  assert.equal(shown(watcher), ['state/T gone qos0 retain']);
});

test.run();
