/** The client under events in any order: what must hold after every step, whatever the server and the owner do. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  HELD_BYTES_MAX,
  HELD_MESSAGES_MAX,
  IN_FLIGHT_MAX,
  OPEN_MILLIS_MAX,
  PACKET_BYTES_MAX,
  RESEND_MILLIS_MAX,
} from '../../../runtime/limits.ts';
import { type Client, type ClientEvent, createClient, stepClient, wakeAt } from '../../../runtime/mqtt/client.ts';
import { encodePacket } from '../../../runtime/mqtt/codec.ts';
import { anyPacket } from './anyPacket.ts';
import { createStage, OPTIONS, politely, toldOf } from './stage.ts';

const packetBytes = anyPacket.map(encodePacket);
const fitting = fc
  .constantFrom<Parameters<typeof encodePacket>[0]>(
    { type: 'CONNACK', sessionPresent: false, returnCode: 0 },
    { type: 'CONNACK', sessionPresent: true, returnCode: 0 },
    { type: 'SUBACK', packetIdentifier: 1, returnCodes: [1] },
    { type: 'PUBACK', packetIdentifier: 2 },
    { type: 'PUBACK', packetIdentifier: 3 },
    { type: 'PINGRESP' },
  )
  .map(encodePacket);
const cut = fc.tuple(packetBytes, fc.nat(300)).map(([bytes, size]) => bytes.subarray(0, size));
const bytes = fc
  .oneof(
    { weight: 6, arbitrary: fitting },
    { weight: 1, arbitrary: packetBytes },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  )
  .map((bytes): ClientEvent => ({ on: 'bytes', bytes }));
const happening = fc.oneof(
  { weight: 5, arbitrary: bytes },
  { weight: 3, arbitrary: fc.constantFrom<ClientEvent>({ on: 'opened' }, { on: 'start' }) },
  { weight: 1, arbitrary: fc.constantFrom<ClientEvent>({ on: 'closed' }, { on: 'stop' }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(0 as const, 1 as const), fc.nat(40_000), fc.string({ maxLength: 1 }))
      .map(([qos, size, key]): ClientEvent => ({ on: 'publish', topic: 't', payload: new Uint8Array(size), qos, key })),
  },
  { weight: 4, arbitrary: fc.nat(40_000) },
);

test('any events in any order: bounded, close behind what is written, a wake always gets further', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80, size: 'max' }), fc.integer(), (happenings, seed) => {
      let client = createClient({ ...OPTIONS, keepAliveSeconds: 20 }, seed);
      let now = 0;
      let connected = false;
      const step = (event: ClientEvent) => {
        const [next, effects] = stepClient(client, event, now);
        client = next;
        const kinds = effects.map((effect) => effect.do);
        assert.ok(!kinds.includes('close') || kinds.lastIndexOf('write') < kinds.indexOf('close'), kinds.join());
        // Never two connections at once, never one closed that is not there.
        for (const kind of kinds) {
          if (kind === 'open' || kind === 'close') assert.is(connected, kind === 'close');
          if (kind === 'open') connected = true;
          if (kind === 'close') connected = false;
          if (kind === 'write') assert.ok(connected);
        }
        checkBounds(client);
      };
      for (const event of happenings) {
        if (typeof event !== 'number') {
          if (event.on === 'closed') connected = false;
          step(event);
          continue;
        }
        const end = now + event;
        for (let at = wakeAt(client); at <= end; at = wakeAt(client)) {
          now = Math.max(now, at);
          step({ on: 'wake' });
          assert.ok(wakeAt(client) > now, 'what was due is done');
        }
        now = end;
      }
    }),
    { numRuns: 1500 },
  );
});

test('after any events a server that behaves gets the client online and every message held', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40, size: 'max' }), (happenings) => {
      const before = createStage(() => {});
      for (const event of happenings) {
        if (typeof event === 'number') before.pass(event);
        else before.give(event);
      }
      const after = createStage(politely(), {}, 7);
      after.client = before.client;
      after.now = before.now;
      after.give({ on: 'stop' });
      after.give({ on: 'start' });
      after.pass(OPEN_MILLIS_MAX + 2 * RESEND_MILLIS_MAX);
      assert.is(toldOf(after, 'online').length, 1);
      assert.equal(after.client.held, []);
    }),
    { numRuns: 500 },
  );
});

function checkBounds({ held, framer }: Client): void {
  assert.ok(held.length <= HELD_MESSAGES_MAX);
  assert.ok(held.reduce((sum, { packet }) => sum + packet.length, 0) <= HELD_BYTES_MAX);
  assert.ok(held.filter(({ resendAtMillis }) => resendAtMillis > 0).length <= IN_FLIGHT_MAX);
  assert.is(new Set(held.map(({ packetIdentifier }) => packetIdentifier)).size, held.length);
  assert.ok((framer.held?.length ?? 0) <= PACKET_BYTES_MAX);
  assert.ok(framer.chunk.length <= 5, 'all that was offered is taken');
}

test.run();
