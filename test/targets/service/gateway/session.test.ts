import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PAYLOAD_BYTES_MAX } from '../../../../runtime/jobs/limits.ts';
import {
  heldBytesMax,
  heldBytesTotalMax,
  heldMessagesMax,
  inFlightMax,
  offlineSessionsMax,
  sessionExpiryMillis,
} from '../../../../targets/service/gateway/limits.ts';
import { leaveSession, openSession } from '../../../../targets/service/gateway/session.ts';
import { ack, createWorld, show, shown } from './world.ts';

const persistent = { clean: false };

function notify(world: ReturnType<typeof createWorld>, payload: string, qos: 0 | 1 = 1): void {
  world.step({ on: 'publish', topic: '$aws/things/T/jobs/notify', payload: Buffer.from(payload), qos });
}

test('a persistent session: subscriptions stay, QoS 1 waits and QoS 0 does not, session present is told', () => {
  const world = createWorld();
  const first = world.connect('T', persistent);
  assert.is(show(first.connack!), 'connack 0');
  first.subscribe({ '$aws/things/T/jobs/notify': 1, 'zero/#': 0 });
  first.send({ cmd: 'disconnect' });
  notify(world, 'A');
  notify(world, 'never', 0);
  world.connect('U').publish('zero/x', 'never', { qos: 1, messageId: 1 });
  notify(world, 'B');
  const second = world.open({ certificateId: 'of-T', thingNames: ['T'] });
  second.send({ cmd: 'connect', clientId: 'T', clean: false });
  assert.equal(shown(second), [
    'connack 0 present',
    '$aws/things/T/jobs/notify A qos1 #1',
    '$aws/things/T/jobs/notify B qos1 #2',
  ]);
  notify(world, 'C');
  assert.equal(shown(second), ['$aws/things/T/jobs/notify C qos1 #3']);
});

test('CleanSession 1 forgets the session that was, and leaves none', () => {
  const world = createWorld();
  world.connect('T', persistent).subscribe({ '$aws/things/T/jobs/notify': 1 });
  const clean = world.connect('T');
  assert.is(show(clean.connack!), 'connack 0');
  notify(world, 'A');
  assert.equal(shown(clean), []);
  clean.subscribe({ 'a/b': 1 });
  clean.drop();
  assert.is(show(world.connect('T', persistent).connack!), 'connack 0');
  assert.is(world.gateway.subscriptions.entries.size, 0);
});

test('what was not acknowledged is sent again on the next connection, in order, same identifier, with DUP', () => {
  const world = createWorld();
  const first = world.connect('T', persistent);
  first.subscribe({ '$aws/things/T/jobs/notify': 1 });
  for (const payload of ['A', 'B', 'C']) notify(world, payload);
  first.take();
  first.send(ack(2));
  first.drop();
  notify(world, 'D');
  const second = world.open({ certificateId: 'of-T', thingNames: ['T'] });
  second.send({ cmd: 'connect', clientId: 'T', clean: false });
  assert.equal(shown(second).slice(1), [
    '$aws/things/T/jobs/notify A qos1 #1 dup',
    '$aws/things/T/jobs/notify C qos1 #3 dup',
    '$aws/things/T/jobs/notify D qos1 #4',
  ]);
  second.send(ack(1), ack(3), ack(4));
  assert.is(world.gateway.heldBytes, 0);
  second.drop();
  assert.is(show(world.connect('T', persistent).connack!), 'connack 0 present');
  assert.equal(shown([...world.clients.values()].at(-1)!), []);
});

test('at most inFlightMax are in flight; each PUBACK lets the next one go', () => {
  const world = createWorld();
  const client = world.connect('T');
  client.subscribe({ '$aws/things/T/jobs/notify': 1 });
  for (let i = 1; i <= inFlightMax + 2; i++) notify(world, `${i}`);
  assert.is(client.take().length, inFlightMax);
  client.send(ack(5));
  assert.equal(shown(client), [`$aws/things/T/jobs/notify ${inFlightMax + 1} qos1 #${inFlightMax + 1}`]);
});

test('packet identifiers go round at 65,535 and pass over those in use', () => {
  const world = createWorld();
  const client = world.connect('T');
  client.subscribe({ '$aws/things/T/jobs/notify': 1 });
  notify(world, 'kept');
  client.take();
  const session = world.gateway.sessions.get('T')!;
  session.lastPacketIdentifier = 65_534;
  notify(world, 'x');
  notify(world, 'y');
  assert.equal(
    client.take().map(({ messageId }) => messageId),
    [65_535, 2],
  );
});

test('a queue is bounded in messages and bytes; what has waited longest goes, and a log line says so once', () => {
  const world = createWorld();
  world.connect('T', persistent).subscribe({ '$aws/things/T/jobs/notify': 1 });
  const session = world.gateway.sessions.get('T')!;
  [...world.clients.values()][0]!.drop();
  for (let i = 0; i < heldMessagesMax + 10; i++) notify(world, `${i}`);
  assert.is(session.waiting.length, heldMessagesMax);
  assert.is(Buffer.from(session.waiting[0]!.payload).toString(), '10');
  const big = 'x'.repeat(PAYLOAD_BYTES_MAX);
  for (let i = 0; i < 20; i++) {
    notify(world, big);
    assert.ok(session.heldBytes <= heldBytesMax);
    assert.is(world.gateway.heldBytes, session.heldBytes);
  }
  assert.is(world.logs.filter((line) => line.startsWith('messages are being lost')).length, 1);
});

test('all sessions together keep no more than heldBytesTotalMax', () => {
  const world = createWorld();
  const client = world.connect('T');
  client.subscribe({ '$aws/things/T/jobs/notify': 1 });
  world.gateway.heldBytes = heldBytesTotalMax - 10;
  notify(world, 'x');
  assert.equal(shown(client), []);
  assert.is(world.gateway.heldBytes, heldBytesTotalMax - 10);
});

test('of too many sessions whose clients are away, the one longest away is forgotten', () => {
  const { gateway } = createWorld();
  const principal = { certificateId: 'c', thingNames: [] };
  for (let i = 0; i <= offlineSessionsMax; i++)
    leaveSession(gateway, openSession(gateway, `${i}`, sessionExpiryMillis, principal), i);
  assert.is(gateway.sessions.size, offlineSessionsMax);
  assert.not(gateway.sessions.has('0'));
});

test('a session expires an hour after its connection, with all it held; not before, and not once it is back', () => {
  assert.is(sessionExpiryMillis, 60 * 60_000);
  const world = createWorld();
  world.connect('T', persistent).subscribe({ '$aws/things/T/jobs/notify': 1 });
  [...world.clients.values()][0]!.drop();
  notify(world, 'A');
  world.pass(sessionExpiryMillis - 1);
  const back = world.connect('T', { ...persistent, keepalive: 1_200 });
  assert.is(show(back.connack!), 'connack 0 present');
  world.pass(1_000_000);
  back.send({ cmd: 'disconnect' });
  world.pass(sessionExpiryMillis);
  assert.is(show(world.connect('T', persistent).connack!), 'connack 0');
  assert.is(world.gateway.heldBytes, 0);
  assert.is(world.gateway.subscriptions.entries.size, 0);
});

test('a session that another certificate of the thing takes up loses what that one may not hear', () => {
  const world = createWorld();
  const old = world.connect('console', persistent, { certificateId: 'old', thingNames: ['T', 'V'] });
  old.subscribe({ '$aws/things/T/jobs/notify': 1, '$aws/things/V/jobs/notify': 1 });
  world.step({ on: 'publish', topic: '$aws/things/V/jobs/notify', payload: Buffer.from('V in flight'), qos: 1 });
  old.drop();
  world.step({ on: 'publish', topic: '$aws/things/V/jobs/notify', payload: Buffer.from('V waiting'), qos: 1 });
  notify(world, 'T waiting');
  const next = world.open({ certificateId: 'new', thingNames: ['T'] });
  next.send({ cmd: 'connect', clientId: 'console', clean: false });
  assert.equal(shown(next), ['connack 0 present', '$aws/things/T/jobs/notify T waiting qos1 #2']);
  world.step({ on: 'publish', topic: '$aws/things/V/jobs/notify', payload: Buffer.from('V later'), qos: 1 });
  assert.equal(shown(next), []);
});

test('a message that waits does not hold the received bytes it came in', () => {
  const world = createWorld();
  world.connect('T', persistent).subscribe({ 'a/b': 1 });
  [...world.clients.values()][0]!.drop();
  world.connect('U').publish('a/b', 'x'.repeat(50), { qos: 1, messageId: 1 });
  assert.is(world.gateway.sessions.get('T')!.waiting[0]!.payload.buffer.byteLength, 50);
});

test.run();
