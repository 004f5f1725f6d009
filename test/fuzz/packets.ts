import fc from 'fast-check';
import { generate, type Packet } from 'mqtt-packet';
import * as assert from 'uvu/assert';
import { createWorld, type World as Gateway } from '../targets/service/gateway/world.ts';
import { openWorld } from '../targets/service/jobs/world.ts';
import { count, type Kind } from './kind.ts';
import { JOBS, nastyText, THINGS } from './values.ts';

/** Of one connection's life; the last ones are those that a client ends with. */
const PACKETS_MAX = 12;
/** Longer than a session, a will or a message lives unless the client asked for more than a day. */
const ALL_EXPIRED_MILLIS = 8_000_000_000;

const text = fc.oneof(nastyText, fc.constantFrom('a/b', 'a/+', 'a/#', '$share/g/a', '+/b'));
const job = fc.constantFrom(...JOBS, '$next');
/** Nearly always its own: a publish on another's ends the connection. */
const thing = fc.oneof(
  { weight: 30, arbitrary: fc.constant(THINGS[0]!) },
  { weight: 1, arbitrary: fc.constantFrom('other', '+', '#') },
);
const jobsTopic = fc
  .tuple(
    thing,
    fc.oneof(
      fc.constantFrom('get', 'start-next', 'notify', '#', '+/get'),
      job.map((id) => `${id}/update`),
      text,
    ),
  )
  .map(([name, rest]) => `$aws/things/${name}/jobs/${rest}`);
const topic = fc.oneof(
  { weight: 12, arbitrary: jobsTopic },
  { weight: 6, arbitrary: fc.constantFrom('a/b', 'a/c', 'x') },
  { weight: 2, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom('$aws/events/job/a/completed', '$SYS/#', '#') },
);
const qos = fc.constantFrom(0, 0, 0, 1, 1, 1, 1, 1, 1, 2) as fc.Arbitrary<0 | 1 | 2>;
const messageId = fc.constantFrom(1, 2, 3, 65_535);
const properties = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        topicAlias: fc.constantFrom(1, 8, 65_535),
        messageExpiryInterval: fc.constantFrom(0, 9),
        correlationData: fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
        responseTopic: text,
        contentType: text,
        payloadFormatIndicator: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  },
);
const publish = fc.record({
  cmd: fc.constant('publish' as const),
  topic,
  payload: fc.oneof(text, fc.json(), fc.constant('{"status":"SUCCEEDED","clientToken":"x"}')),
  qos,
  dup: fc.nat(29).map((chance) => chance === 0),
  retain: fc.nat(29).map((chance) => chance === 0),
  messageId,
  properties,
});
const subscription = fc.record({ topic, qos, nl: fc.boolean(), rap: fc.boolean(), rh: fc.constantFrom(0, 1, 2) });
const packet: fc.Arbitrary<object> = fc.oneof(
  { weight: 10, arbitrary: publish },
  {
    weight: 3,
    arbitrary: fc.record({
      cmd: fc.constant('subscribe' as const),
      messageId,
      subscriptions: fc.array(subscription, { minLength: 1, maxLength: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      cmd: fc.constant('unsubscribe' as const),
      messageId,
      unsubscriptions: fc.array(topic, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ cmd: fc.constant('puback' as const), messageId }) },
  {
    weight: 1,
    arbitrary: fc.record({ cmd: fc.constantFrom('pubrel' as const, 'pubrec' as const, 'pubcomp' as const), messageId }),
  },
  { weight: 1, arbitrary: fc.record({ cmd: fc.constantFrom('pingreq' as const, 'disconnect' as const) }) },
);
const connect = fc.record({
  cmd: fc.constant('connect' as const),
  clientId: fc.oneof(
    fc.constantFrom('x', 'y'),
    nastyText.map((id) => id.slice(0, 60)),
  ),
  clean: fc.boolean(),
  keepalive: fc.constantFrom(0, 1, 60, 65_535),
  username: fc.option(nastyText, { nil: undefined }),
  will: fc.option(
    fc.record({ topic, payload: nastyText.map((will) => Buffer.from(will)), qos, retain: fc.boolean() }),
    { nil: undefined },
  ),
});
/** What becomes of the bytes on their way: [where, what] each. */
const mutations = fc.oneof(
  { weight: 4, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(4_000), fc.nat(255)), { maxLength: 4 }) },
);

/** Packets of MQTT 3.1.1 and 5, changed and cut, into a gateway before a Jobs service. */
export const packets: Kind = {
  name: 'MQTT packets',
  share: 0.14,
  async run(cases, seed) {
    const jobs = await openWorld({ things: THINGS });
    for (const id of JOBS) await jobs.job(id, THINGS);
    const tally = new Map<string, number>();
    const talk = fc.record({
      version: fc.constantFrom(4 as const, 5 as const),
      packets: fc.tuple(connect, fc.array(packet, { maxLength: PACKETS_MAX })).map(([first, rest]) => [first, ...rest]),
      noise: fc.option(fc.uint8Array({ maxLength: 30 }), { nil: new Uint8Array(), freq: 6 }),
      mutations,
      portion: fc.constantFrom(1, 7, 1_000_000),
    });
    await fc.assert(
      fc.asyncProperty(talk, async ({ version, packets, noise, mutations, portion }) => {
        const bytes = Buffer.concat([...packets.map((packet) => encoded(packet, version)), noise]);
        if (bytes.length > 0) for (const [at, byte] of mutations) bytes[at % bytes.length] = byte;
        const gateway = createWorld();
        const client = gateway.open({ certificateId: 'c', thingNames: [THINGS[0]!] }, version);
        for (let at = 0; at < bytes.length && client.closed === undefined; at += portion) {
          gateway.step({ on: 'bytes', connection: client.number, bytes: bytes.subarray(at, at + portion) });
          await answerAll(gateway);
        }
        count(tally, client.closed === undefined ? 'still connected' : 'closed');
        if (client.closed === undefined) client.drop();
        gateway.pass(ALL_EXPIRED_MILLIS);
        const { connections, heldBytes } = gateway.gateway;
        assert.equal([connections.size, jobs.log], [0, []]);
        assert.ok(
          heldBytes >= 0 && heldBytes <= bytes.length * 4 + 4_096,
          `${heldBytes} bytes held after ${bytes.length} came`,
        );
      }),
      { numRuns: cases, seed },
    );
    await jobs.close();
    return tally;

    async function answerAll(gateway: Gateway): Promise<void> {
      for (const request of gateway.requests.splice(0)) {
        const { connection, clientId, correlationData } = request;
        const answer = await jobs.service.request(request.topic, Uint8Array.from(request.payload));
        if (answer === undefined) continue;
        const { topic, payload } = answer;
        const { code } = JSON.parse(Buffer.from(payload).toString()) as { code?: string };
        count(tally, topic.endsWith('/accepted') ? 'accepted' : `rejected ${code}`);
        assert.is.not(code, 'InternalError');
        gateway.step({ on: 'answer', connection, clientId, topic, payload, correlationData });
      }
    }
  },
};

/** `mqtt-packet` refuses to write some of it; what it writes up to there, or nothing, is sent. */
function encoded(packet: object, version: 4 | 5): Buffer {
  try {
    return generate({ ...packet, protocolVersion: version } as unknown as Packet, { protocolVersion: version });
  } catch {
    return Buffer.alloc(0);
  }
}
