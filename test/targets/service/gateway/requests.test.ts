import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createWorld, shown } from './world.ts';

const JOBS = '$aws/things/T/jobs/';
const EVERYTHING = { certificateId: 'operator', thingNames: [], open: true };

function answer(world: ReturnType<typeof createWorld>, index = 0, payload = '{}'): void {
  const { connection, clientId, topic } = world.requests[index]!;
  world.step({ on: 'answer', connection, clientId, topic: `${topic}/accepted`, payload: Buffer.from(payload) });
}

test('a publish in the thing’s jobs namespace goes to the service alone, acknowledged at once', () => {
  const world = createWorld();
  const listener = world.connect('operator', {}, EVERYTHING);
  listener.subscribe({ '$aws/#': 1, '#': 1 });
  const device = world.connect('T');
  device.subscribe({ [`${JOBS}#`]: 1 });
  device.publish(`${JOBS}$next/get`, '{"clientToken":"x"}', { qos: 1, messageId: 4 });
  assert.equal(shown(device), ['puback #4']);
  assert.equal(shown(listener), []);
  const [request] = world.requests;
  assert.equal(request && { ...request, payload: Buffer.from(request.payload).toString() }, {
    do: 'request',
    connection: device.number,
    clientId: 'T',
    thingName: 'T',
    topic: `${JOBS}$next/get`,
    request: { thingName: 'T', operation: 'DescribeJobExecution', jobId: '$next' },
    payload: '{"clientToken":"x"}',
  });
});

test('a topic of no operation goes to the service as InvalidTopic; the service’s own topics are taken in silence', () => {
  const world = createWorld();
  const device = world.connect('T');
  device.publish(`${JOBS}nonsense`, '{}');
  assert.is(world.requests[0]?.request, 'InvalidTopic');
  for (const topic of ['notify', 'notify-next', 'J/update/accepted', 'get/rejected'])
    device.publish(JOBS + topic, '{}', { qos: 1, messageId: 1 });
  device.publish('$aws/things/T/shadow/update', '{}', { qos: 1, messageId: 1 });
  assert.is(world.requests.length, 1);
  assert.equal(shown(device), Array(5).fill('puback #1'));
});

test('an answer goes to the requester alone: not to another who subscribed, not twice', () => {
  const world = createWorld();
  const device = world.connect('T');
  const twin = world.connect('twin', {}, { certificateId: 'of-T', thingNames: ['T'] });
  const operator = world.connect('operator', {}, EVERYTHING);
  twin.subscribe({ [`${JOBS}#`]: 1 });
  operator.subscribe({ [`${JOBS}#`]: 1 });
  device.subscribe({ [`${JOBS}get/accepted`]: 0, [`${JOBS}+/+`]: 0, [`${JOBS}#`]: 0 });
  device.publish(`${JOBS}get`, '{}');
  answer(world);
  assert.equal(shown(device), [`${JOBS}get/accepted {} qos0`]);
  assert.equal(shown(twin), []);
  assert.equal(shown(operator), []);
});

test('an answer comes at QoS 0 without a subscription or with one at QoS 0, at QoS 1 with one at QoS 1', () => {
  const world = createWorld();
  const device = world.connect('T');
  device.publish(`${JOBS}get`, '{}');
  answer(world);
  assert.equal(shown(device), [`${JOBS}get/accepted {} qos0`]);
  device.subscribe({ [`${JOBS}+/accepted`]: 0 });
  answer(world);
  assert.equal(shown(device), [`${JOBS}get/accepted {} qos0`]);
  device.subscribe({ [`${JOBS}#`]: 1 });
  answer(world);
  assert.equal(shown(device), [`${JOBS}get/accepted {} qos1 #1`]);
});

test('an answer for a connection that is gone waits for a persistent session at QoS 1, else it is dropped', () => {
  for (const { clean, qos, expected } of [
    { clean: false, qos: 1, expected: ['connack 0 present', `${JOBS}get/accepted {} qos1 #1`] },
    { clean: false, qos: 0, expected: ['connack 0 present'] },
    { clean: true, qos: 1, expected: ['connack 0'] },
  ] as const) {
    const world = createWorld();
    const device = world.connect('T', { clean });
    device.subscribe({ [`${JOBS}#`]: qos });
    device.publish(`${JOBS}get`, '{}');
    device.drop();
    answer(world);
    const next = world.open({ certificateId: 'of-T', thingNames: ['T'] });
    next.send({ cmd: 'connect', clientId: 'T', clean });
    assert.equal(shown(next), expected);
  }
});

test('an answer does not reach the next connection of a client that cannot have asked', () => {
  const world = createWorld();
  const device = world.connect('T');
  device.publish(`${JOBS}get`, '{}');
  device.drop();
  const next = world.connect('T');
  next.subscribe({ [`${JOBS}#`]: 1 });
  answer(world);
  assert.equal(shown(next), []);
});

test('a notification reaches every subscriber at its granted QoS', () => {
  const world = createWorld();
  const device = world.connect('T');
  const operator = world.connect('operator', {}, EVERYTHING);
  const all = world.connect('all', {}, EVERYTHING);
  device.subscribe({ [`${JOBS}notify`]: 1 });
  operator.subscribe({ '$aws/things/+/jobs/notify': 0 });
  all.subscribe({ '#': 1 });
  world.step({ on: 'publish', topic: `${JOBS}notify`, payload: Buffer.from('N'), qos: 1 });
  assert.equal(shown(device), [`${JOBS}notify N qos1 #1`]);
  assert.equal(shown(operator), [`${JOBS}notify N qos0`]);
  assert.equal(shown(all), [], '# does not cover $aws (MQTT 3.1.1 §4.7.2)');
});

test('nothing of the jobs namespace is retained: who subscribes after a notification hears nothing until it asks', () => {
  const world = createWorld();
  const device = world.connect('T');
  device.subscribe({ [`${JOBS}#`]: 1 });
  world.step({ on: 'publish', topic: `${JOBS}notify-next`, payload: Buffer.from('N'), qos: 1 });
  device.publish(`${JOBS}get`, '{}');
  answer(world);
  assert.equal(shown(device), [`${JOBS}notify-next N qos1 #1`, `${JOBS}get/accepted {} qos1 #2`]);
  const later = world.connect('later', {}, { certificateId: 'of-T', thingNames: ['T'] });
  later.subscribe({ [`${JOBS}#`]: 1 });
  assert.equal(shown(later), []);
  assert.is(world.gateway.retained.messages.size, 0);
});

test('a will in the jobs namespace is a request like any other', () => {
  const world = createWorld();
  world
    .connect('T', { will: { topic: `${JOBS}J/update`, payload: '{"status":"FAILED"}', qos: 1, retain: false } })
    .drop();
  assert.is(world.requests[0]?.topic, `${JOBS}J/update`);
  answer(world);
});

test.run();
