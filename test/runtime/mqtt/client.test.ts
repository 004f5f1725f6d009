import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  CONNACK_MILLIS_MAX,
  HELD_BYTES_MAX,
  HELD_MESSAGES_MAX,
  IN_FLIGHT_MAX,
  OPEN_MILLIS_MAX,
  PACKET_BYTES_MAX,
  RESEND_MILLIS_MAX,
  STABLE_MILLIS,
  SUBSCRIBES_MAX,
  SUBSCRIPTIONS_PER_CONNECTION_MAX,
  SUBSCRIPTIONS_PER_SUBSCRIBE_MAX,
} from '../../../runtime/limits.ts';
import { createClient, isInFlight, stepClient, subscribeTo, wakeAt } from '../../../runtime/mqtt/client.ts';
import { encodePacket } from '../../../runtime/mqtt/codec.ts';
import type { Packet } from '../../../runtime/mqtt/packet.ts';
import { createStage, OPTIONS, politely, type Stage, sentOf, toldOf } from './stage.ts';

const payload = Uint8Array.of(1, 2, 3);
const publish = (key: string, qos: 0 | 1 = 1) => ({ on: 'publish', topic: 'a/b', payload, qos, key }) as const;
const accept = (sessionPresent = false): Packet => ({ type: 'CONNACK', sessionPresent, returnCode: 0 });

function onlineStage(...args: Parameters<typeof createStage>): Stage {
  const stage = createStage(...args);
  stage.give({ on: 'start' });
  assert.is(toldOf(stage, 'online').length, 1);
  return stage;
}

test('nothing happens before start, and connects at once then', () => {
  const stage = createStage(politely());
  stage.pass(10_000_000);
  assert.equal([stage.opens, stage.writes, wakeAt(stage.client)], [[], [], Infinity]);
  stage.give({ on: 'start' });
  stage.give({ on: 'start' });
  assert.equal(stage.opens, [stage.now]);
  assert.equal(
    stage.sent.map(({ packet }) => packet.type),
    ['CONNECT', 'SUBSCRIBE'],
  );
  assert.equal(
    stage.told.map((told) => told.do),
    ['online'],
  );
});

test('CONNECT carries client id and keep-alive, and asks for a session that is kept', () => {
  const { clientId } = OPTIONS;
  const { packet } = onlineStage(politely(), { keepAliveSeconds: 30 }).sent[0]!;
  const none = { will: undefined, username: undefined, password: undefined };
  assert.equal(packet, { type: 'CONNECT', clientId, cleanSession: false, keepAliveSeconds: 30, ...none });
});

test('a wrong option is refused before there is a client', () => {
  assert.throws(() => createClient({ ...OPTIONS, clientId: 'a\0' }, 1), /MQTT 3\.1\.1 §/);
  assert.throws(() => subscribeTo(1, ['a\ud800']), /MQTT 3\.1\.1 §/);
});

test('one SUBSCRIBE has all filters, online comes after its SUBACK', () => {
  const filters = Array.from({ length: 8 }, (_, i) => `f/${i}`);
  const stage = createStage(politely('SUBSCRIBE'), { subscribes: [subscribeTo(1, filters)] });
  stage.give({ on: 'start' });
  const [subscribe, ...others] = sentOf(stage, 'SUBSCRIBE').map(({ packet }) => packet);
  assert.equal(
    subscribe!.subscriptions,
    filters.map((topicFilter) => ({ topicFilter, qos: 1 })),
  );
  assert.equal(others, []);
  assert.is(toldOf(stage, 'online').length, 0);
  stage.serve({
    type: 'SUBACK',
    packetIdentifier: subscribe!.packetIdentifier,
    returnCodes: filters.map((_, i) => (i % 2) as 0 | 1),
  });
  assert.is(toldOf(stage, 'online').length, 1);
});

/** All that AWS allows a connection: seven SUBSCRIBEs, the last of two filters. */
const manySubscribes = () =>
  Array.from({ length: SUBSCRIBES_MAX }, (_, i) => {
    const left = SUBSCRIPTIONS_PER_CONNECTION_MAX - i * SUBSCRIPTIONS_PER_SUBSCRIBE_MAX;
    return subscribeTo(
      i + 1,
      Array.from({ length: Math.min(left, SUBSCRIPTIONS_PER_SUBSCRIBE_MAX) }, (_, j) => `f/${i}/${j}`),
    );
  });
const suback = (packetIdentifier: number, count = 8): Packet => ({
  type: 'SUBACK',
  packetIdentifier,
  returnCodes: new Array<1>(count).fill(1),
});

test('several SUBSCRIBEs leave together, and online comes after the last SUBACK, in whatever order they come', () => {
  const stage = createStage(politely('SUBSCRIBE'), { subscribes: manySubscribes() });
  stage.give(publish('k'));
  stage.give({ on: 'start' });
  assert.is(stage.writes.length, 2, 'CONNECT, then all SUBSCRIBEs in one write');
  const sent = sentOf(stage, 'SUBSCRIBE').map(({ packet }) => packet);
  assert.equal(
    sent.map(({ packetIdentifier, subscriptions }) => [packetIdentifier, subscriptions.length]),
    [1, 2, 3, 4, 5, 6, 7].map((n) => [n, n === 7 ? 2 : 8]),
  );
  for (const n of [4, 2, 2, 6, 5, 1, 3]) stage.serve(suback(n));
  stage.pass(9_000);
  assert.equal([toldOf(stage, 'online').length, sentOf(stage, 'PUBLISH').length], [0, 0]);
  stage.pass(1_000);
  assert.equal(
    sentOf(stage, 'SUBSCRIBE')
      .slice(7)
      .map(({ packet }) => packet.packetIdentifier),
    [7],
  );
  stage.serve(suback(7, 2));
  assert.equal([toldOf(stage, 'online').length, sentOf(stage, 'PUBLISH').length], [1, 1]);
});

test('a connection lost among several SUBACKs: a session that is kept is asked for the rest, a new one for all', () => {
  for (const [kept, expected] of [
    [true, [5, 7]],
    [false, [1, 2, 3, 4, 5, 6, 7]],
  ] as const) {
    let connects = 0;
    const stage = createStage(
      (stage, happened) => {
        if (happened !== 'open' && happened.type === 'CONNECT') return stage.serve(accept(connects++ > 0 && kept));
        politely('SUBSCRIBE')(stage, happened);
      },
      { subscribes: manySubscribes() },
    );
    stage.give({ on: 'start' });
    for (const n of [1, 2, 3, 4, 6]) stage.serve(suback(n));
    stage.give({ on: 'closed' });
    stage.pass(2_000);
    const again = sentOf(stage, 'SUBSCRIBE')
      .slice(7)
      .map(({ packet }) => packet.packetIdentifier);
    assert.equal(again, expected);
    for (const n of expected) stage.serve(suback(n, n === 7 ? 2 : 8));
    assert.is(toldOf(stage, 'online').length, 1);
  }
});

test('a filter of a later SUBSCRIBE that is refused is told by name', () => {
  const stage = createStage(politely('SUBSCRIBE'), { subscribes: manySubscribes() });
  stage.give({ on: 'start' });
  stage.serve({ type: 'SUBACK', packetIdentifier: 7, returnCodes: [1, 0x80] });
  assert.is(toldOf(stage, 'offline')[0]!.reason, 'SUBACK refuses f/6/1');
});

test('without filters CONNACK is enough to be online', () => {
  assert.is(onlineStage(politely(), { subscribes: [] }).sent.length, 1);
});

// Device Advisor, MQTT rows (spec/device-advisor.md §3)

/** Judges pauses as Device Advisor does: not constant, not linear, growing, and jittered: unlike for another seed. */
function judgeBackOff(pausesOfSeed: (seed: number) => number[]): void {
  const all = Array.from({ length: 200 }, (_, seed) => pausesOfSeed(seed + 1));
  const ends = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 128_000];
  ends.forEach((end, n) => {
    const nth = all.map((pauses) => pauses[n]!);
    assert.ok(
      nth.every((pause) => pause >= 50 && pause <= end),
      `pause ${n + 1} lies in 50..${end}`,
    );
    const mean = nth.reduce((sum, pause) => sum + pause, 0) / nth.length;
    assert.ok(Math.abs(mean - end / 2) < end * 0.08, `mean of pause ${n + 1} is ${mean}, expected about ${end / 2}`);
    assert.ok(Math.max(...nth) > end * 0.9 && Math.min(...nth) < end * 0.1, `pause ${n + 1} uses the whole range`);
  });
}

function gaps(from: readonly number[], to: readonly number[]): number[] {
  return from.map((at, i) => to[i + 1]! - at);
}

test('MQTT_Connect_Jitter_Backoff_Retries: CONNACK withheld, retries for ever with exponential back-off and jitter', () => {
  judgeBackOff((seed) => {
    const stage = createStage(politely('CONNECT'), {}, seed);
    stage.give({ on: 'start' });
    stage.pass(3_600_000);
    assert.ok(stage.opens.length > 12, `${stage.opens.length} attempts in an hour`);
    assert.ok(stage.closes.every((at, i) => at - stage.opens[i]! === CONNACK_MILLIS_MAX));
    return gaps(stage.closes, stage.opens);
  });
});

test('MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection: an accepted connection that does not last is a failed attempt', () => {
  judgeBackOff((seed) => {
    const closed: number[] = [];
    const stage = createStage(
      (stage, happened) => {
        politely()(stage, happened);
        if (happened === 'open' || happened.type !== 'SUBSCRIBE') return;
        assert.is(stage.told.at(-1)?.do, 'online');
        closed.push(stage.now);
        stage.give({ on: 'closed' });
      },
      {},
      seed,
    );
    stage.give({ on: 'start' });
    stage.pass(3_600_000);
    assert.is(stage.closes.length, 0, 'the server closed, not the client');
    return gaps(closed, stage.opens);
  });
});

test('MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect: pauses start anew only after a stable connection', () => {
  const firstPauses = (onlineMillis: number) =>
    Array.from({ length: 60 }, (_, seed) => {
      let failures = 0;
      const stage = createStage(
        (stage, happened) => {
          if (happened === 'open' && failures++ < 8) stage.give({ on: 'closed', reason: 'refused' });
          else politely()(stage, happened);
        },
        {},
        seed,
      );
      stage.give({ on: 'start' });
      while (toldOf(stage, 'online').length === 0) stage.pass(100);
      stage.pass(onlineMillis - (stage.now - toldOf(stage, 'online')[0]!.at));
      stage.give({ on: 'closed' });
      return toldOf(stage, 'offline').at(-1)!.retryAtMillis - stage.now;
    });
  assert.ok(Math.max(...firstPauses(STABLE_MILLIS)) <= 1000);
  assert.ok(Math.max(...firstPauses(STABLE_MILLIS - 1)) > 60_000);
});

test('a transport that neither opens nor fails is given up after a bounded time', () => {
  const stage = createStage(() => {});
  stage.give({ on: 'start' });
  stage.pass(OPEN_MILLIS_MAX - 1);
  assert.is(stage.closes.length, 0);
  stage.pass(1);
  assert.equal(stage.closes, [stage.now]);
  assert.match(toldOf(stage, 'offline')[0]!.reason, 'no connection in time');
});

test('a refusal by CONNACK is told, and tried again with back-off', () => {
  const stage = createStage((stage, happened) => {
    if (happened !== 'open' && happened.type === 'CONNECT')
      stage.serve({ type: 'CONNACK', sessionPresent: false, returnCode: 5 });
    else politely()(stage, happened);
  });
  stage.give({ on: 'start' });
  stage.pass(600_000);
  assert.is(toldOf(stage, 'offline')[0]!.reason, 'CONNACK 5: not authorized');
  assert.ok(stage.opens.length > 6 && stage.opens.length < 40, `${stage.opens.length} attempts in ten minutes`);
});

test('a filter refused by SUBACK is told by name, and tried again with back-off', () => {
  const stage = createStage((stage, happened) => {
    if (happened !== 'open' && happened.type === 'SUBSCRIBE')
      stage.serve({ type: 'SUBACK', packetIdentifier: happened.packetIdentifier, returnCodes: [0x80] });
    else politely()(stage, happened);
  });
  stage.give({ on: 'start' });
  stage.pass(60_000);
  assert.is(toldOf(stage, 'offline')[0]!.reason, 'SUBACK refuses trigger');
  assert.ok(stage.closes.length > 1);
  assert.is(toldOf(stage, 'online').length, 0);
});

test('filters of answers refused by SUBACK are told, and the client is online: answers come to who asked without them', () => {
  const filters = ['jobs/notify-next', 'jobs/+/get/+', 'jobs/+/update/+'];
  const stage = createStage(politely('SUBSCRIBE'), { subscribes: [subscribeTo(1, filters)] });
  stage.give({ on: 'start' });
  stage.serve({ type: 'SUBACK', packetIdentifier: 1, returnCodes: [1, 0x80, 0x80] });
  assert.equal(
    stage.told.map((told) => (told.do === 'log' ? told.message : told.do)),
    ['SUBACK refuses jobs/+/get/+,jobs/+/update/+', 'online'],
  );
  const refused = createStage(politely('SUBSCRIBE'), { subscribes: [subscribeTo(1, filters)] });
  refused.give({ on: 'start' });
  refused.serve({ type: 'SUBACK', packetIdentifier: 1, returnCodes: [0x80, 0x80, 1] });
  assert.equal(
    toldOf(refused, 'offline').map(({ reason }) => reason),
    ['SUBACK refuses jobs/notify-next,jobs/+/get/+'],
  );
});

test('MQTT_Client_Puback_Qos1: a message at QoS 1 is told and acknowledged, at QoS 0 told only', () => {
  const stage = onlineStage(politely());
  const large = new Uint8Array(131_072).fill(1);
  stage.serve(
    { type: 'PUBLISH', topicName: 'trigger', payload: large, qos: 1, dup: false, retain: false, packetIdentifier: 77 },
    { type: 'PUBLISH', topicName: 'trigger', payload, qos: 0, dup: false, retain: false },
    { type: 'PUBLISH', topicName: 'trigger', payload, qos: 1, dup: true, retain: true, packetIdentifier: 78 },
  );
  assert.equal(
    toldOf(stage, 'message').map(({ payload, qos }) => [payload.length, qos]),
    [
      [131_072, 1],
      [3, 0],
      [3, 1],
    ],
  );
  assert.equal(
    sentOf(stage, 'PUBACK').map(({ packet }) => packet.packetIdentifier),
    [77, 78],
  );
  assert.equal(stage.writes.at(-1)!.length, 8, 'both PUBACKs leave in one write');
});

test('MQTT_Publish_Retry_No_Puback: sent again with DUP and the same packet identifier, first within 15 s, without disconnecting', () => {
  const stage = onlineStage(politely('PUBLISH'));
  stage.give(publish('k'));
  const first = stage.now;
  stage.pass(600_000);
  const sent = sentOf(stage, 'PUBLISH');
  assert.is(stage.opens.length, 1);
  assert.is(stage.closes.length, 0);
  assert.equal(
    sent.map(({ packet }) => packet.dup),
    sent.map((_, i) => i > 0),
  );
  assert.is(new Set(sent.map(({ packet }) => 'packetIdentifier' in packet && packet.packetIdentifier)).size, 1);
  assert.equal(
    sent.map(({ at }) => at - first),
    [0, 10_000, 30_000, 70_000, 150_000, 230_000, 310_000, 390_000, 470_000, 550_000],
  );
  assert.ok(RESEND_MILLIS_MAX >= 80_000 && isInFlight(stage.client, 'k'));
});

test('MQTT_Subscribe_Retry_No_Suback: SUBSCRIBE is sent again with the same packet identifier, without disconnecting', () => {
  const stage = createStage(politely('SUBSCRIBE'));
  stage.give({ on: 'start' });
  stage.pass(75_000);
  const sent = sentOf(stage, 'SUBSCRIBE');
  assert.equal(
    sent.map(({ at }) => at - sent[0]!.at),
    [0, 10_000, 30_000, 70_000],
  );
  assert.is(new Set(sent.map(({ packet }) => packet.packetIdentifier)).size, 1);
  assert.is(stage.opens.length, 1);
  const { packetIdentifier } = sent[0]!.packet;
  stage.serve(
    { type: 'SUBACK', packetIdentifier, returnCodes: [1] },
    { type: 'SUBACK', packetIdentifier, returnCodes: [1] },
  );
  assert.is(toldOf(stage, 'online').length, 1);
  stage.pass(300_000);
  assert.is(sentOf(stage, 'SUBSCRIBE').length, 4);
});

test('MQTT_No_Ack_PingResp: with every acknowledgement swallowed, closes within 1.5 times the keep-alive', () => {
  for (const keepAliveSeconds of [1, 5, 30, 60, 1200, 65_535]) {
    const stage = createStage(politely('SUBSCRIBE', 'PUBLISH', 'PINGREQ'), { keepAliveSeconds, subscribes: [] });
    stage.give({ on: 'start' });
    const connected = stage.now;
    stage.pass(keepAliveSeconds * 1500);
    const ping = sentOf(stage, 'PINGREQ')[0]!;
    assert.is(ping.at - connected, keepAliveSeconds * 1000);
    assert.ok(stage.closes[0]! - connected < keepAliveSeconds * 1500);
    assert.match(toldOf(stage, 'offline')[0]!.reason, 'no PINGRESP in time');
  }
});

test('no SUBACK and no PINGRESP: resent SUBSCRIBEs count as sent, but do not hide a dead server', () => {
  const stage = createStage(politely('SUBSCRIBE', 'PINGREQ'), { keepAliveSeconds: 30 });
  stage.give({ on: 'start' });
  stage.pass(45_000);
  assert.is(stage.closes.length, 1);
});

test('a device that only sends still asks for a sign of life, one that only receives still sends one', () => {
  const sender = onlineStage(politely('PINGREQ'), { keepAliveSeconds: 60 });
  for (let i = 0; i < 9; i++) {
    sender.give(publish('k', 0));
    sender.pass(10_000);
  }
  assert.is(sender.closes.length, 1);
  const receiver = onlineStage(politely(), { keepAliveSeconds: 60 });
  for (let i = 0; i < 100; i++) {
    receiver.serve({ type: 'PUBLISH', topicName: 'trigger', payload, qos: 0, dup: false, retain: false });
    receiver.pass(10_000);
  }
  const sent = [...receiver.sent.map(({ at }) => at), receiver.now];
  assert.ok(
    sent.every((at, i) => i === 0 || at - sent[i - 1]! <= 60_000),
    'the server hears it in every keep-alive',
  );
});

test('idle means one wake for each keep-alive; without keep-alive none', () => {
  const stage = onlineStage(politely(), { keepAliveSeconds: 300 });
  stage.pass(3_600_000 * 24);
  assert.is(stage.wakes, 24 * 12);
  assert.is(sentOf(stage, 'PINGREQ').length, 24 * 12);
  assert.is(stage.opens.length, 1);
  assert.is(wakeAt(onlineStage(politely(), { keepAliveSeconds: 0 }).client), Infinity);
});

test('MQTT_Persistent_Session_Happy_Case: a present session is not subscribed again, its message is told and acknowledged', () => {
  const stage = onlineStage(politely());
  stage.give({ on: 'closed' });
  stage.give({ on: 'wake' }); // too early: nothing is due
  assert.is(stage.opens.length, 1);
  let present = 0;
  const again = resume(stage, (stage, happened) => {
    if (happened === 'open' || happened.type !== 'CONNECT') return politely()(stage, happened);
    present++;
    stage.serve(accept(true), {
      type: 'PUBLISH',
      topicName: 'trigger',
      payload,
      qos: 1,
      dup: false,
      retain: false,
      packetIdentifier: 5,
    });
  });
  again.pass(2000);
  assert.is(present, 1);
  assert.is(sentOf(again, 'SUBSCRIBE').length, 0);
  assert.equal(
    again.told.map((told) => told.do),
    ['online', 'message'],
  );
  assert.equal(
    sentOf(again, 'PUBACK').map(({ packet }) => packet.packetIdentifier),
    [5],
  );
});

test('MQTT_Expired_Persistent_Session: a session that is gone is subscribed again', () => {
  const stage = onlineStage(politely());
  stage.give({ on: 'closed' });
  stage.pass(2000);
  assert.is(toldOf(stage, 'online').length, 2);
  assert.equal(
    sentOf(stage, 'SUBSCRIBE').map(({ packet }) => packet.subscriptions),
    [[{ topicFilter: 'trigger', qos: 1 }], [{ topicFilter: 'trigger', qos: 1 }]],
  );
});

test('a session found present by a process that never subscribed, or lost it half way, is subscribed', () => {
  let attempt = 0;
  const stage = createStage((stage, happened) => {
    if (happened !== 'open' && happened.type === 'CONNECT') return stage.serve(accept(true));
    if (happened !== 'open' && happened.type === 'SUBSCRIBE' && attempt++ === 0) return stage.give({ on: 'closed' });
    politely()(stage, happened);
  });
  stage.give({ on: 'start' });
  stage.pass(3000);
  assert.is(sentOf(stage, 'SUBSCRIBE').length, 2);
  assert.is(toldOf(stage, 'online').length, 1);
});

test('a session present after a CONNACK that was lost may be a new and empty one: it is subscribed', () => {
  let connects = 0;
  const stage = createStage((stage, happened) => {
    if (happened === 'open' || happened.type !== 'CONNECT') return politely()(stage, happened);
    connects++;
    if (connects === 2) return stage.give({ on: 'closed' }); // the server forgot us, made a session, and its answer was lost
    stage.serve(accept(connects === 3));
  });
  stage.give({ on: 'start' });
  stage.pass(100);
  stage.give({ on: 'closed' });
  stage.pass(10_000);
  assert.is(connects, 3);
  assert.is(sentOf(stage, 'SUBSCRIBE').length, 2);
});

// Messages going out

test('what is published while offline waits for online; QoS 0 is dropped', () => {
  const stage = createStage(politely());
  stage.give(publish('a'));
  stage.give(publish('b'));
  stage.give(publish('c', 0));
  assert.ok(isInFlight(stage.client, 'a') && isInFlight(stage.client, 'b') && !isInFlight(stage.client, 'c'));
  stage.give({ on: 'start' });
  assert.ok(!isInFlight(stage.client, 'a') && !isInFlight(stage.client, 'b'));
  assert.is(stage.writes.length, 3, 'CONNECT, SUBSCRIBE, both messages together');
});

test('unacknowledged messages are sent again with DUP after a reconnect, in order, new ones behind (§4.4, §4.6)', () => {
  const stage = onlineStage(politely('PUBLISH'));
  for (const key of ['a', 'b', 'c']) stage.give(publish(key));
  stage.serve({ type: 'PUBACK', packetIdentifier: idOf(stage, 1) });
  stage.give({ on: 'closed' });
  stage.give(publish('d'));
  const before = sentOf(stage, 'PUBLISH').length;
  stage.pass(2000);
  const again = sentOf(stage, 'PUBLISH')
    .slice(before)
    .map(({ packet }) => packet);
  assert.equal(
    again.map(({ dup }) => dup),
    [true, true, false],
  );
  assert.equal(
    again.slice(0, 2).map((p) => 'packetIdentifier' in p && p.packetIdentifier),
    [idOf(stage, 0), idOf(stage, 2)],
  );
});

test('no more than IN_FLIGHT_MAX are in flight; a PUBACK makes room for the next', () => {
  const stage = onlineStage(politely('PUBLISH'));
  for (let i = 0; i < IN_FLIGHT_MAX + 3; i++) stage.give(publish(`k${i}`));
  assert.is(sentOf(stage, 'PUBLISH').length, IN_FLIGHT_MAX);
  stage.serve(
    { type: 'PUBACK', packetIdentifier: idOf(stage, 3) },
    { type: 'PUBACK', packetIdentifier: idOf(stage, 0) },
  );
  assert.is(sentOf(stage, 'PUBLISH').length, IN_FLIGHT_MAX + 2);
  assert.equal(stage.client.held.map(({ key }) => key).slice(0, 3), ['k1', 'k2', 'k4']);
});

test('when too much waits, the message is dropped', () => {
  const many = createStage(politely());
  for (let i = 0; i < HELD_MESSAGES_MAX + 2; i++) many.give(publish(`k${i}`));
  assert.is(many.client.held.length, HELD_MESSAGES_MAX);
  assert.not.ok(isInFlight(many.client, `k${HELD_MESSAGES_MAX}`));
  const large = createStage(politely());
  const half = new Uint8Array(PACKET_BYTES_MAX - 100);
  for (const key of ['a', 'b', 'c']) large.give({ on: 'publish', topic: 't', payload: half, qos: 1, key });
  assert.equal(
    large.client.held.map(({ key }) => key),
    ['a', 'b'],
  );
  assert.ok(large.client.held.reduce((sum, { packet }) => sum + packet.length, 0) <= HELD_BYTES_MAX);
  large.give({ on: 'start' });
  assert.equal(large.client.held, []);
});

test('a message that cannot be one is our own mistake: thrown, and the client is as before', () => {
  const stage = onlineStage(politely());
  for (const topic of ['', 'a/#', 'a\0', '\ud800'])
    for (const qos of [0, 1] as const)
      assert.throws(() => stage.give({ on: 'publish', topic, payload, qos }), /MQTT 3\.1\.1 §/);
  stage.give(publish('k'));
  assert.is(sentOf(stage, 'PUBLISH').length, 1);
  assert.equal(stage.client.held, []);
});

test('packet identifiers go round without ever taking one in flight, or one of a SUBSCRIBE', () => {
  const stage = onlineStage((stage, happened) => {
    if (
      happened !== 'open' &&
      happened.type === 'PUBLISH' &&
      'packetIdentifier' in happened &&
      happened.packetIdentifier === 77
    )
      return; // never acknowledged
    politely()(stage, happened);
  });
  const seen = new Map<number, number>();
  for (let i = 0; i < 66_000; i++) stage.give(publish('k'));
  for (const { packet } of sentOf(stage, 'PUBLISH')) {
    const id = 'packetIdentifier' in packet ? packet.packetIdentifier : 0;
    seen.set(id, (seen.get(id) ?? 0) + 1);
  }
  assert.is(seen.get(77), 1);
  const ofSubscribes = Array.from({ length: SUBSCRIBES_MAX }, (_, i) => seen.get(i + 1));
  assert.ok(
    ofSubscribes.every((times) => times === undefined),
    'the identifiers of SUBSCRIBEs',
  );
  assert.is(seen.size, 65_535 - SUBSCRIBES_MAX);
});

// The end, and the peer's mistakes

test('stop sends DISCONNECT, closes and does not come back; start does', () => {
  const stage = onlineStage(politely());
  stage.give({ on: 'stop' });
  stage.give({ on: 'stop' });
  assert.is(stage.sent.at(-1)!.packet.type, 'DISCONNECT');
  assert.equal(
    [stage.closes.length, toldOf(stage, 'offline').map(({ retryAtMillis }) => retryAtMillis)],
    [1, [Infinity]],
  );
  stage.pass(10_000_000);
  assert.is(stage.opens.length, 1);
  stage.give({ on: 'start' });
  assert.is(toldOf(stage, 'online').length, 2);
});

test('stop while waiting, opening or connecting leaves nothing behind', () => {
  for (const [server, closes] of [
    [() => {}, 1],
    [politely('CONNECT'), 1],
    [(stage: Stage) => stage.give({ on: 'closed' }), 0],
  ] as const) {
    const stage = createStage(server);
    stage.give({ on: 'start' });
    stage.give({ on: 'stop' });
    assert.equal([stage.closes.length, wakeAt(stage.client)], [closes, Infinity]);
  }
});

const wrong: [string, Packet | string, RegExp][] = [
  [
    'QoS 2, which nobody subscribed to',
    { type: 'PUBLISH', topicName: 'a', payload, qos: 2, dup: false, retain: false, packetIdentifier: 1 },
    /QoS 2/,
  ],
  ['a second CONNACK', accept(), /packet type 2/],
  ['a CONNECT', { type: 'CONNECT', clientId: 'a', cleanSession: true, keepAliveSeconds: 1 }, /packet type 1:/],
  ['a PUBREL', { type: 'PUBREL', packetIdentifier: 1 }, /packet type 6/],
  ['a PINGREQ', { type: 'PINGREQ' }, /packet type 12/],
  ['a DISCONNECT', { type: 'DISCONNECT' }, /packet type 14/],
  ['a packet larger than allowed', '30ffffff7f', /268435460 bytes: expected at most/],
  ['a reserved packet', 'f000', /packet type 15 with flags 0/],
  ['PINGRESP with a body', 'd00100', /§2.2.3/],
];
for (const [name, packet, reason] of wrong) {
  test(`${name}: closes, says why and tries again later`, () => {
    const stage = onlineStage(politely());
    const bytes =
      typeof packet === 'string'
        ? Uint8Array.from(packet.match(/../g)!, (hex) => Number.parseInt(hex, 16))
        : encodePacket(packet);
    stage.give({ on: 'bytes', bytes: new Uint8Array([...bytes, ...encodePacket({ type: 'PINGRESP' })]) });
    assert.is(stage.closes.length, 1);
    assert.match(toldOf(stage, 'offline')[0]!.reason, reason);
    stage.give({ on: 'bytes', bytes }); // what was still on its way
    stage.pass(2000);
    assert.is(toldOf(stage, 'online').length, 2);
  });
}

test('what came whole before a mistake is told and acknowledged, and that is written before the close', () => {
  const { client, now } = onlineStage(politely());
  const message = encodePacket({
    type: 'PUBLISH',
    topicName: 'trigger',
    payload,
    qos: 1,
    dup: false,
    retain: false,
    packetIdentifier: 9,
  });
  const [, effects] = stepClient(client, { on: 'bytes', bytes: new Uint8Array([...message, 0xf0, 0]) }, now);
  assert.equal(
    effects.map((effect) => effect.do),
    ['message', 'write', 'close', 'offline'],
  );
});

test('a PUBACK for a message that was not sent yet acknowledges nothing', () => {
  const stage = onlineStage(politely('PUBLISH'));
  for (let i = 0; i < IN_FLIGHT_MAX + 1; i++) stage.give(publish(`k${i}`));
  stage.serve({ type: 'PUBACK', packetIdentifier: idOf(stage, IN_FLIGHT_MAX - 1) + 1 });
  assert.ok(isInFlight(stage.client, `k${IN_FLIGHT_MAX}`));
});

test('the first packet of a server is CONNACK, or the connection ends', () => {
  for (const packet of [{ type: 'PINGRESP' }, { type: 'PUBACK', packetIdentifier: 1 }] as const) {
    const stage = createStage((stage, happened) => {
      if (happened === 'open') stage.give({ on: 'opened' });
      else if (happened.type === 'CONNECT') stage.serve(packet);
    });
    stage.give({ on: 'start' });
    assert.match(toldOf(stage, 'offline')[0]!.reason, /packet type \d+: not expected here/);
  }
});

test('a SUBACK of another length or above what was asked breaks the protocol', () => {
  const answers: [Packet['type'], Packet][] = [
    ['SUBSCRIBE', { type: 'SUBACK', packetIdentifier: 1, returnCodes: [1, 1] }],
    ['SUBSCRIBE', { type: 'SUBACK', packetIdentifier: 1, returnCodes: [2] }],
  ];
  for (const [asked, answer] of answers) {
    const stage = createStage((stage, happened) => {
      if (happened !== 'open' && happened.type === asked) stage.serve(answer);
      else politely()(stage, happened);
    });
    stage.give({ on: 'start' });
    assert.is(stage.closes.length, 1);
    assert.match(toldOf(stage, 'offline')[0]!.reason, /§3\.9\.3/);
  }
});

test('acknowledgements of nothing are ignored', () => {
  const stage = onlineStage(politely());
  stage.serve(
    { type: 'PUBACK', packetIdentifier: 99 },
    { type: 'SUBACK', packetIdentifier: 98, returnCodes: [0x80] },
    { type: 'PINGRESP' },
  );
  assert.equal(
    stage.told.map((told) => told.do),
    ['online'],
  );
  stage.give({ on: 'opened' });
  assert.is(stage.writes.length, 2);
});

test('an event for a connection that is gone changes nothing', () => {
  const stage = onlineStage(politely());
  stage.give({ on: 'closed', reason: 'ECONNRESET' });
  const [client] = stepClient(stage.client, { on: 'closed' }, stage.now);
  for (const event of [{ on: 'closed' }, { on: 'opened' }, { on: 'bytes', bytes: payload }, { on: 'start' }] as const)
    assert.equal(stepClient(client, event, stage.now), [client, []]);
  assert.is(toldOf(stage, 'offline')[0]!.reason, 'ECONNRESET');
});

test('the same events at the same times give the same bytes and pauses', () => {
  const run = () => {
    const stage = createStage(politely('PUBLISH', 'PINGREQ'), { keepAliveSeconds: 30 }, 42);
    stage.give({ on: 'start' });
    stage.give(publish('k'));
    stage.pass(3_600_000);
    return [stage.opens, stage.closes, stage.writes];
  };
  assert.equal(run(), run());
});

/** The same client from here on, before another server and with empty lists. */
function resume(stage: Stage, server: Parameters<typeof createStage>[0]): Stage {
  const next = createStage(server);
  next.client = stage.client;
  next.now = stage.now;
  return next;
}

/** The packet identifier of the nth PUBLISH sent. */
function idOf(stage: Stage, n: number): number {
  const { packet } = sentOf(stage, 'PUBLISH')[n]!;
  return 'packetIdentifier' in packet ? packet.packetIdentifier : 0;
}

test.run();
