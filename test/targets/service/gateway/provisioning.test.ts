import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { GatewayEffect } from '../../../../targets/service/gateway/events.ts';
import { createWorld } from './world.ts';

const CREATE = '$aws/certificates/create/json';
const claim = { certificateId: 'k', thingNames: [], claims: ['fleet'] };

test('a request of provisioning goes to the service with whose certificate it is; the answer to its connection alone', () => {
  const world = createWorld();
  const client = world.connect('board-a', {}, claim);
  assert.equal(client.subscribe({ [`${CREATE}/accepted`]: 1 }), [1]);
  const asked: GatewayEffect[] = [];
  const { step } = world;
  world.step = (event) => {
    const effects = step(event);
    asked.push(...effects.filter((effect) => effect.do === 'provision'));
    return effects;
  };
  client.publish(CREATE, '');
  assert.is(asked.length, 1);
  const { request, certificateId, connection, clientId } = asked[0] as Extract<GatewayEffect, { do: 'provision' }>;
  assert.equal([request, certificateId], [{ operation: 'CreateKeysAndCertificate', format: 'json' }, 'k']);
  client.take();
  world.step({ on: 'answer', connection, clientId, topic: `${CREATE}/accepted`, payload: Buffer.from('{}') });
  assert.is(client.take().filter(({ cmd }) => cmd === 'publish').length, 1);
  client.publish('site/x', 'no');
  assert.match(client.closed ?? '', /a claim certificate reaches the topics of \$aws\/certificates\//);
});

test('what one board with a claim certificate was to be told is not kept for another one of the same name', () => {
  const world = createWorld();
  const first = world.connect('board-a', { clean: false }, claim);
  first.subscribe({ [`${CREATE}/accepted`]: 1 });
  first.drop();
  const topic = `${CREATE}/accepted`;
  const second = world.connect('board-a', { clean: false }, claim);
  assert.is(second.connack?.sessionPresent, false);
  second.subscribe({ [topic]: 1 });
  world.step({ on: 'answer', connection: first.number, clientId: 'board-a', topic, payload: Buffer.from('key') });
  assert.is(second.take().filter(({ cmd }) => cmd === 'publish').length, 0);
});

test.run();
