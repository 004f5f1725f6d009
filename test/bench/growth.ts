import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { makeCa, makeCertificate } from '../transports/certificates.ts';
import { memoryOf } from './accounting.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import type { Report } from './figure.ts';
import { temporaryFolder } from './processes.ts';
import { median } from './rounds.ts';
import { agentArgs, startNode } from './site.ts';

const { generate, parser } = mqttPacket;

/** Until then the engine compiles, and its heap takes the size it needs. */
const WARMUP = 30_000;
const MESSAGES = 1_000_000;
const MESSAGES_QUICK = 100_000;
/** Not yet acknowledged at any time. */
const WINDOW = 64;
/** Memory goes up and down with each collection: it is read that often, while messages come. */
const READINGS = 20;
const THING = 'device';

/** As the unit file that is shipped starts it; and with a collection when it is asked for. */
const FLAGS = ['--max-semi-space-size=1', '--expose-gc', '--require', new URL('collect.cjs', import.meta.url).pathname];

/** Memory of the agent that gets a million messages at QoS 1, beside its own after the first of them. */
export async function growth(bench: Bench): Promise<Omit<Report, 'family'>> {
  const count = bench.rounds(MESSAGES, MESSAGES_QUICK);
  const flood = await openFlood();
  const device = startNode(...FLAGS, ...agentArgs(flood.access, temporaryFolder()));
  await flood.subscribed;
  /** The middle ones of what is read during further messages, then what is left when all that nobody needs is collected. */
  const during = async (messages: number) => {
    const readings: ReturnType<typeof memoryOf>[] = [];
    for (let reading = 0; reading < READINGS; reading++) {
      await flood.send(messages / READINGS);
      readings.push(memoryOf(device.pid));
    }
    const before = device.lines.length;
    device.process.kill('SIGUSR2');
    const told = await device.lineAfter(before, /^collected/);
    return {
      used: Number(/\d+/.exec(told)?.[0]),
      private: median(readings.map((one) => one.private)),
      resident: median(readings.map((one) => one.resident)),
    };
  };
  await flood.send(WARMUP);
  const early = await during(WARMUP);
  bench.progress(`${count} messages`);
  await flood.send(count - 3 * WARMUP);
  const late = await during(WARMUP);
  await device.kill();
  flood.close();
  const figure = (name: string, what: keyof typeof late) => ({
    name: `after ${count.toLocaleString('en-US')} messages, ${name}`,
    unit: 'bytes' as const,
    ours: late[what],
    beside: [{ name: `after ${WARMUP.toLocaleString('en-US')}`, value: early[what] }],
    budget: BUDGETS.memoryGrowth,
  });
  return {
    figures: [
      figure('in use after a collection', 'used'),
      figure('private dirty before it', 'private'),
      figure('resident before it', 'resident'),
    ],
    notes: [
      'before a collection: only scavenges come during a million messages, and nothing of a message may outlive two of them',
    ],
  };
}

/** A server of one device: it accepts all, says that no job waits, and sends as many notifications at QoS 1 as it is told to. */
async function openFlood() {
  const folder = temporaryFolder();
  const ca = makeCa(folder, 'ca');
  const own = makeCertificate(folder, 'localhost', ca, 'DNS:localhost');
  const device = makeCertificate(folder, THING, ca);
  const prefix = `$aws/things/${THING}/jobs/`;
  const payload = JSON.stringify({ timestamp: 1_800_000_000 });
  let socket: TLSSocket | undefined;
  let [toSend, unacknowledged, messageId] = [0, 0, 0];
  let sent: (() => void) | undefined;
  let heard: () => void;
  const subscribed = new Promise<void>((resolve) => (heard = resolve));

  function fill(): void {
    const packets: Buffer[] = [];
    for (; toSend > 0 && unacknowledged < WINDOW; toSend--, unacknowledged++) {
      messageId = (messageId % 65_535) + 1;
      packets.push(publish('notify-next', payload, messageId));
    }
    if (packets.length > 0) socket?.write(Buffer.concat(packets));
    if (toSend === 0 && unacknowledged === 0) sent?.();
  }

  function publish(topic: string, text: string, messageId?: number): Buffer {
    const qos = messageId === undefined ? 0 : 1;
    const id = messageId === undefined ? {} : { messageId };
    return generate({ cmd: 'publish', topic: prefix + topic, payload: text, qos, dup: false, retain: false, ...id });
  }

  function take(packet: Packet): void {
    if (packet.cmd === 'connect') socket?.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
    if (packet.cmd === 'pingreq') socket?.write(generate({ cmd: 'pingresp' }));
    if (packet.cmd === 'subscribe') {
      const granted = packet.subscriptions.map(() => 1);
      socket?.write(generate({ cmd: 'suback', messageId: packet.messageId!, granted }));
    }
    if (packet.cmd === 'publish') {
      socket?.write(generate({ cmd: 'puback', messageId: packet.messageId! }));
      const { clientToken } = JSON.parse(packet.payload.toString()) as { clientToken: string };
      socket?.write(publish('$next/get/accepted', JSON.stringify({ timestamp: 1_800_000_000, clientToken })));
      heard();
    }
    if (packet.cmd === 'puback') {
      unacknowledged--;
      if (unacknowledged <= WINDOW / 2) fill();
    }
  }

  const options = { ca: ca.cert, cert: own.cert, key: own.key, requestCert: true, noDelay: true };
  const server = createServer(options, (connected) => {
    socket = connected;
    const packets = parser();
    packets.on('packet', take);
    connected.on('data', (bytes) => packets.parse(bytes));
    connected.on('error', () => {}); // it was killed
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const files = { ca: ca.certFile, cert: device.certFile, key: device.keyFile };
  return {
    access: { host: 'localhost', port, ...files, thingName: THING },
    subscribed,
    /** Resolves when the last one is acknowledged. */
    send: (messages: number) =>
      new Promise<void>((resolve) => {
        toSend = messages;
        sent = resolve;
        fill();
      }),
    close: () => server.close(),
  };
}
