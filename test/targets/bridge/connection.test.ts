import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodePacket, encodePacket } from '../../../runtime/mqtt/codec.ts';
import { createFramer, nextPacket, offer } from '../../../runtime/mqtt/framer.ts';
import type { Packet } from '../../../runtime/mqtt/packet.ts';
import { openConnection, type Passenger, THINGS_PER_CONNECTION } from '../../../targets/bridge/connection.ts';
import { memory } from '../../../transports/memory.ts';
import type { Transport } from '../../../transports/transport.ts';

const test = suite('one connection of several Things');

/** Answers like a service that keeps one session; `expire` forgets it. */
function createServer() {
  const subscribed: string[][] = [];
  let session: Set<string> | undefined;
  let wire: Transport | undefined;
  const send = (packet: Packet) => wire?.write(encodePacket(packet));
  function take(packet: Packet): void {
    if (packet.type === 'CONNECT') {
      send({ type: 'CONNACK', sessionPresent: session !== undefined, returnCode: 0 });
      session ??= new Set();
    } else if (packet.type === 'SUBSCRIBE') {
      const { packetIdentifier, subscriptions } = packet;
      subscribed.push(subscriptions.map(({ topicFilter }) => topicFilter));
      for (const { topicFilter } of subscriptions) session?.add(topicFilter);
      send({ type: 'SUBACK', packetIdentifier, returnCodes: subscriptions.map(() => 1) });
    }
  }
  return {
    subscribed,
    connect: () => {
      const [device, mine] = memory();
      const framer = createFramer();
      wire = mine;
      mine.onBytes((bytes) => {
        offer(framer, bytes);
        for (let found = nextPacket(framer); found; found = nextPacket(framer)) take(decodePacket(found));
      });
      return device;
    },
    expire: () => {
      session = undefined;
    },
    hangUp: () => wire?.close(),
    /** To whoever subscribed to this Thing's topics. */
    notify: (thingName: string) => {
      if (!session?.has(`$aws/things/${thingName}/jobs/#`)) return;
      const topicName = `$aws/things/${thingName}/jobs/notify-next`;
      send({ type: 'PUBLISH', topicName, payload: new Uint8Array(), qos: 0, dup: false, retain: false });
    },
  };
}

/** Things that count; `each` waits until so many events of a kind have come to every one of them. */
function createPassengers(count: number) {
  const told: Record<'connected' | 'disconnected' | 'message', string[]> = {
    connected: [],
    disconnected: [],
    message: [],
  };
  let look = () => {};
  const note = (what: keyof typeof told, thingName: string) => {
    told[what].push(thingName);
    look();
  };
  const things: Passenger[] = Array.from({ length: count }, (_, i) => {
    const thingName = `mcu-${i + 1}`;
    return {
      thingName,
      connected: () => note('connected', thingName),
      disconnected: () => note('disconnected', thingName),
      message: () => note('message', thingName),
    };
  });
  const each = (what: keyof typeof told, times: number) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (things.every((one) => told[what].filter((name) => name === one.thingName).length === times)) resolve();
      };
      look();
    });
  return { things, each };
}

for (const count of [20, THINGS_PER_CONNECTION])
  test(`${count} Things: subscribed by 8, again only where the session was lost, and each hears its own`, async () => {
    const server = createServer();
    const { things, each } = createPassengers(count);
    const sizes = Array.from({ length: Math.ceil(count / 8) }, (_, i) => Math.min(8, count - 8 * i));
    const settings = { clientId: 'shared', keepAliveSeconds: 60, retryMaxMillis: 60 };
    const connection = openConnection(server.connect, settings, things, () => {});
    const everyoneHears = async (times: number) => {
      for (const { thingName } of things) server.notify(thingName);
      await each('message', times);
    };
    await each('connected', 1);
    assert.equal(
      server.subscribed.map(({ length }) => length),
      sizes,
    );
    assert.is(new Set(server.subscribed.flat()).size, count);
    await everyoneHears(1);
    server.hangUp();
    await each('connected', 2);
    assert.is(server.subscribed.length, sizes.length, 'the session was resumed');
    await everyoneHears(2);
    server.expire();
    server.hangUp();
    await each('connected', 3);
    assert.is(server.subscribed.length, 2 * sizes.length, 'a new session');
    await everyoneHears(3);
    await each('disconnected', 2);
    await connection.end();
  });

test.run();
