import fc from 'fast-check';
import { generate, type IPublishPacket } from 'mqtt-packet';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { messageBytes } from '../../../../targets/service/gateway/message.ts';
import { ack, type Client, createWorld } from './world.ts';

/** One client identifier over its connections: what it holds unacknowledged on the present one, and what it allowed. */
interface Person {
  client: Client | undefined;
  version: 4 | 5;
  unacknowledged: Set<number>;
  receiveMaximum: number;
  maximumPacketSize: number;
}

const who = fc.constantFrom('A', 'B');
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const act = fc.oneof(
  often(
    3,
    fc.record({
      do: fc.constant('connect' as const),
      who,
      version: fc.constantFrom(4 as const, 5 as const),
      clean: fc.boolean(),
      receiveMaximum: fc.integer({ min: 1, max: 3 }),
      maximumPacketSize: fc.constantFrom(60, 1_000),
      expiry: fc.constantFrom(0, 5, 100),
      delay: fc.constantFrom(undefined, 0, 3, 50),
    }),
  ),
  often(1, fc.record({ do: fc.constant('drop' as const), who })),
  often(1, fc.record({ do: fc.constant('disconnect' as const), who, reasonCode: fc.constantFrom(0, 4) })),
  often(2, fc.record({ do: fc.constant('pass' as const), millis: fc.constantFrom(1, 1_000, 10_000, 1_000_000) })),
  often(
    3,
    fc.record({
      do: fc.constant('subscribe' as const),
      who,
      topic: fc.constantFrom('#', '#', 'a', 'a/+', 'w'),
      qos: fc.constantFrom(0 as const, 1 as const, 1 as const),
      nl: fc.boolean(),
      rap: fc.boolean(),
      rh: fc.nat(2),
      identifier: fc.constantFrom(undefined, 1, 300),
    }),
  ),
  often(
    8,
    fc.record({
      do: fc.constant('publish' as const),
      who,
      topic: fc.constantFrom('a', 'a/b'),
      bytes: fc.constantFrom(0, 5, 100),
      qos: fc.constantFrom(0 as const, 1 as const, 1 as const),
      retain: fc.boolean(),
      expiry: fc.constantFrom(undefined, 0, 5, 2_000),
    }),
  ),
  often(2, fc.record({ do: fc.constant('acknowledge' as const), who, count: fc.integer({ min: 1, max: 5 }) })),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

test('any history of clients of both versions: what is kept adds up, and no client gets more than it allowed', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 20, maxLength: 100, size: 'max' }), (acts) => {
      const world = createWorld();
      const people = new Map<string, Person>();
      for (const each of acts) {
        play(world, people, each);
        for (const person of people.values()) listen(person);
        check(world);
      }
      world.pass(10_000_000);
      check(world);
      assert.is(world.gateway.sessions.size + world.gateway.connections.size + world.gateway.heldBytes, 0);
      assert.is(world.gateway.subscriptions.entries.size, 0);
    }),
    { numRuns: 500 },
  );
});

function play(world: ReturnType<typeof createWorld>, people: Map<string, Person>, each: Act): void {
  if (each.do === 'pass') return world.pass(each.millis);
  if (each.do === 'connect') return connect(world, people, each);
  const person = people.get(each.who);
  const client = person?.client;
  if (person === undefined || client === undefined || client.closed !== undefined) return;
  const five = person.version === 5;
  switch (each.do) {
    case 'drop':
      return client.drop();
    case 'disconnect':
      return client.send({ cmd: 'disconnect', ...(five && { reasonCode: each.reasonCode }) });
    case 'subscribe': {
      const { topic, qos, nl, rap, rh, identifier } = each;
      const properties = identifier === undefined ? {} : { properties: { subscriptionIdentifier: identifier } };
      const subscription = five ? { topic, qos, nl, rap, rh } : { topic, qos };
      return client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription], ...(five && properties) });
    }
    case 'publish': {
      const { topic, bytes, qos, retain, expiry } = each;
      const properties = { userProperties: { a: 'b' }, ...(expiry !== undefined && { messageExpiryInterval: expiry }) };
      const more = { qos, retain, ...(qos && { messageId: 1 }), ...(five && { properties }) };
      return client.publish(topic, 'x'.repeat(bytes), more);
    }
    case 'acknowledge':
      for (const identifier of [...person.unacknowledged].slice(0, each.count)) {
        person.unacknowledged.delete(identifier);
        client.send(ack(identifier));
        listen(person);
      }
  }
}

function connect(
  world: ReturnType<typeof createWorld>,
  people: Map<string, Person>,
  { who, version, clean, receiveMaximum, maximumPacketSize, expiry, delay }: Act & { do: 'connect' },
): void {
  const client = world.open({ certificateId: `of-${who}`, open: true }, version);
  const five = version === 5;
  people.set(who, {
    client,
    version,
    unacknowledged: new Set(),
    receiveMaximum: five ? receiveMaximum : 100,
    maximumPacketSize: five ? maximumPacketSize : Number.POSITIVE_INFINITY,
  });
  const will = { topic: 'w', payload: Buffer.from(who), qos: 1 as const, retain: false };
  const properties = { sessionExpiryInterval: expiry, receiveMaximum, maximumPacketSize };
  client.send({
    cmd: 'connect',
    clientId: who,
    protocolVersion: version,
    clean,
    keepalive: 600,
    ...(five && { properties }),
    ...(delay !== undefined && { will: five ? { ...will, properties: { willDelayInterval: delay } } : will }),
  });
}

/** Takes what came, as a client that counts. */
function listen({ client, unacknowledged, version, receiveMaximum, maximumPacketSize }: Person): void {
  for (const packet of client?.take() ?? []) {
    const size = generate(packet, { protocolVersion: version }).length;
    assert.ok(size <= maximumPacketSize, `${packet.cmd} of ${size} bytes: at most ${maximumPacketSize}`);
    if (packet.cmd !== 'publish' || packet.qos === 0) continue;
    const { messageId } = packet as IPublishPacket & { messageId: number };
    assert.not(unacknowledged.has(messageId), `identifier ${messageId} twice on one connection`);
    unacknowledged.add(messageId);
    assert.ok(unacknowledged.size <= receiveMaximum, `${unacknowledged.size} in flight: at most ${receiveMaximum}`);
  }
}

function check({ gateway }: ReturnType<typeof createWorld>): void {
  let total = 0;
  for (const session of gateway.sessions.values()) {
    const kept = [
      ...session.inFlight.values(),
      ...session.waiting,
      ...(session.will ? [session.will.will.message] : []),
    ];
    assert.is(
      session.heldBytes,
      kept.reduce((sum, message) => sum + messageBytes(message), 0),
    );
    total += session.heldBytes;
    assert.ok(session.unsent.every((identifier) => session.inFlight.has(identifier)));
  }
  assert.is(gateway.heldBytes, total);
  assert.is(gateway.dueWills.length, 0);
}

test.run();
