/** The rows of Device Advisor that are about time, on a virtual clock: the client's core and a server that misbehaves. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createStage, politely, type Stage, sentOf, toldOf } from '../../runtime/mqtt/stage.ts';
import { verdictOf } from './verdict.ts';

const SEEDS = 200;
const MINUTE = 60_000;
/** `--retry-max` for a run of Device Advisor (README): all attempts of a test fit into the time that the guide recommends. */
const RETRY_MAX_MILLIS = 16_000;

type Server = Parameters<typeof createStage>[0];

/** What a server does with each connection, from 1. */
const byConnection = (serve: (connection: number) => Server): Server => {
  let connection = 0;
  return (stage, happened) => {
    if (happened === 'open') connection += 1;
    serve(connection)(stage, happened);
  };
};
const withholding = politely('CONNECT');
/** Behind CONNACK or SUBACK the connection ends. */
const droppingAt =
  (type: 'CONNECT' | 'SUBSCRIBE'): Server =>
  (stage, happened) => {
    politely()(stage, happened);
    if (happened !== 'open' && happened.type === type) stage.give({ on: 'closed' });
  };

/** A run with each seed, for so long, with the pauses between the end of a connection and the next. */
function runs(serve: () => Server, millis: number): { stage: Stage; pauses: number[] }[] {
  return Array.from({ length: SEEDS }, (_, seed) => {
    const stage = createStage(serve(), { retryMaxMillis: RETRY_MAX_MILLIS }, seed + 1);
    stage.give({ on: 'start' });
    stage.pass(millis);
    return { stage, pauses: toldOf(stage, 'offline').map(({ at, retryAtMillis }) => retryAtMillis - at) };
  });
}

test('verdict: jitter passes, pure exponential and weak jitter pass with warnings, linear and constant fail', () => {
  const full = [0.7, 0.4, 3.1, 5, 2.2, 27];
  const equal = [0.6, 1.9, 2.1, 7.5, 8.2, 29];
  assert.equal([full, equal].map(verdictOf), ['PASS', 'PASS']);
  const pure = [1, 2, 4, 8, 16];
  const weak = pure.map((pause, at) => pause * (at % 2 ? 1.1 : 0.9));
  assert.equal([pure, weak].map(verdictOf), ['PASS_WITH_WARNINGS', 'PASS_WITH_WARNINGS']);
  const linear = [1, 2, 3, 4, 5, 6];
  const constant = [5, 5, 5, 5, 5];
  const shaken = [4, 6, 5, 3.9, 5.5, 6];
  assert.equal([linear, constant, shaken, [16, 8, 4, 2, 1]].map(verdictOf), ['FAIL', 'FAIL', 'FAIL', 'FAIL']);
  assert.throws(() => verdictOf([1, 2, 4, 8]), /4 pauses: expected at least 5/);
});

const backOffRows: [row: string, serve: () => Server, pauses: number][] = [
  ['MQTT_Connect_Jitter_Backoff_Retries, CONNACK withheld', () => withholding, 5],
  ['MQTT_Connect_Exponential_Backoff_Retries, CONNACK withheld', () => withholding, 5],
  [
    'MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect, then CONNACK withheld',
    () => byConnection((connection) => (connection === 1 ? droppingAt('SUBSCRIBE') : withholding)),
    6,
  ],
  ['MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection, 10 times', () => droppingAt('CONNECT'), 10],
];
for (const [row, serve, count] of backOffRows) {
  test(`${row}: judged as exponential with jitter, within the 4 minutes that are recommended`, () => {
    const verdicts = runs(serve, 4 * MINUTE).map(({ pauses }) => verdictOf(pauses.slice(0, count)));
    // Full jitter may by chance begin long and go on short; that is rare enough to run the test again.
    const passed = verdicts.filter((verdict) => verdict === 'PASS').length;
    assert.ok(passed >= 0.95 * SEEDS, `${passed} of ${SEEDS} pass`);
  });
}

for (const [name, held] of [
  ['dropped at once', 0],
  ['kept for a minute', MINUTE],
] as const) {
  test(`MQTT_Connect_Jitter_Backoff_Retries: five withheld, the sixth let through and ${name}, twice, within 4 minutes`, () => {
    const serve = () =>
      byConnection((connection) => {
        if (connection % 6) return withholding;
        return held ? politely() : droppingAt('SUBSCRIBE');
      });
    for (let seed = 1; seed <= SEEDS; seed++) {
      const stage = createStage(serve(), { retryMaxMillis: RETRY_MAX_MILLIS }, seed);
      stage.give({ on: 'start' });
      while (stage.opens.length < 6 || toldOf(stage, 'online').length < 1) stage.pass(1_000);
      if (held) {
        stage.pass(held);
        stage.give({ on: 'closed' });
      }
      while (stage.opens.length < 12 || toldOf(stage, 'online').length < 2) stage.pass(1_000);
      assert.ok(stage.now - 1000 - held < 4 * MINUTE, `${stage.now} ms, seed ${seed}`);
    }
  });
}

test('between two tests: refused for two minutes, it keeps trying, and is there within 16 s of the endpoint', () => {
  const refuse: Server = (stage, happened) => {
    if (happened === 'open' && stage.now < 1000 + 2 * MINUTE) stage.give({ on: 'closed', reason: 'ECONNREFUSED' });
    else politely()(stage, happened);
  };
  const all = runs(() => refuse, 2 * MINUTE + RETRY_MAX_MILLIS);
  for (const { stage, pauses } of all) {
    assert.is(toldOf(stage, 'online').length, 1);
    assert.ok(pauses.every((pause) => pause <= RETRY_MAX_MILLIS));
  }
  const attempts = all.reduce((sum, { pauses }) => sum + pauses.length, 0) / SEEDS;
  assert.ok(attempts > 15, `${attempts} attempts in 2 minutes on average`);
});

test('MQTT_Long_Duration: all seven scenarios one after another in one life of the client, hours long', () => {
  let swallowed: Parameters<typeof politely> = [];
  let isDown = false;
  let sessionPresent = false;
  const stage = createStage(
    (stage, happened) => {
      if (happened === 'open' && isDown) stage.give({ on: 'closed', reason: 'ECONNREFUSED' });
      else if (happened !== 'open' && happened.type === 'CONNECT')
        stage.serve({ type: 'CONNACK', sessionPresent, returnCode: 0 });
      else politely(...swallowed)(stage, happened);
      sessionPresent = true;
    },
    { keepAliveSeconds: 30, retryMaxMillis: 120_000 },
  );
  const isOnline = () => stage.client.at === 'online';
  const say = (size: number, packetIdentifier: number) =>
    stage.serve({
      type: 'PUBLISH',
      topicName: 'trigger',
      payload: new Uint8Array(size).fill(120),
      qos: 1,
      dup: false,
      retain: false,
      packetIdentifier,
    });
  const acknowledged = () => sentOf(stage, 'PUBACK').map(({ packet }) => packet.packetIdentifier);
  stage.give({ on: 'start' });
  // The basic operations: SUBSCRIBE has been, PUBLISH is sent again within 15 s of its lost acknowledgement.
  swallowed = ['PUBLISH'];
  stage.give({ on: 'publish', topic: 'a', payload: Uint8Array.of(1), qos: 1, key: 'k' });
  stage.pass(15_000);
  assert.equal(
    sentOf(stage, 'PUBLISH').map(({ packet }) => packet.dup),
    [false, true],
  );
  swallowed = [];
  // PUBACK_QOS_1, RECEIVE_LARGE_PAYLOAD
  say(10, 11);
  say(131_072, 12);
  assert.equal(acknowledged(), [11, 12]);
  // KEEP_ALIVE
  stage.pass(60 * MINUTE);
  assert.equal([stage.opens.length, isOnline()], [1, true]);
  assert.ok(sentOf(stage, 'PINGREQ').length >= 100);
  // PERSISTENT_SESSION: present, so nothing is subscribed again, and the stored message is acknowledged.
  stage.give({ on: 'closed' });
  stage.pass(2_000);
  say(10, 13);
  assert.equal([isOnline(), sentOf(stage, 'SUBSCRIBE').length, acknowledged().at(-1)], [true, 1, 13]);
  // INTERMITTENT_CONNECTIVITY
  for (let n = 0; n < 20; n++) {
    stage.pass(5_000);
    if (isOnline()) stage.give({ on: 'closed' });
  }
  // RECONNECT_BACK_OFF
  stage.pass(10 * MINUTE);
  assert.ok(isOnline());
  const from = toldOf(stage, 'offline').length;
  swallowed = ['CONNECT'];
  isDown = true;
  stage.give({ on: 'closed' });
  // LONG_SERVER_DISCONNECT
  stage.pass(120 * MINUTE);
  assert.not.ok(isOnline());
  const pauses = toldOf(stage, 'offline')
    .slice(from)
    .map(({ at, retryAtMillis }) => retryAtMillis - at);
  assert.is(verdictOf(pauses.slice(0, 8)), 'PASS');
  assert.ok(pauses.every((pause) => pause <= 120_000));
  isDown = false;
  swallowed = [];
  stage.pass(120_000);
  assert.ok(isOnline());
  assert.is(sentOf(stage, 'SUBSCRIBE').length, 1);
});

test.run();
