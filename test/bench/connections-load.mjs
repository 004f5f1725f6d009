/**
 * Many MQTT devices in one process, on bare sockets: what they cost is paid here, not by the broker that is measured.
 *
 *   node connections-load.mjs SETTINGS.json
 *
 * Prints `plain` and `tls` when so many are connected, have subscribed to what a device subscribes to and have rested; then
 * each asks for its next job again and again for a while, so many at once, and the rate is printed as JSON.
 */
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import mqttPacket from 'mqtt-packet';

const { generate } = mqttPacket;
const { plain, tls, restMillis, seconds, atOnce } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
/** Handshakes under way at the same time. */
const COMING_AT_ONCE = 64;
const CONNACK = 2;
const PUBLISH = 3;
const SUBACK = 9;
const devices = [];

await comeIn(plain.thingNames, () => connectTcp(plain.port, '127.0.0.1'));
await rest('plain');
const contexts = new Map();
await comeIn(tls.thingNames, (i) => {
  const { cert, key } = tls.certificates[i % tls.certificates.length];
  if (!contexts.has(cert)) contexts.set(cert, createSecureContext({ ca: tls.ca, cert, key }));
  return connectTls({ port: tls.port, host: '127.0.0.1', servername: 'localhost', secureContext: contexts.get(cert) });
});
await rest('tls');
console.log(JSON.stringify(await ask()));
setInterval(() => {}, 1_000_000); // stays until it is ended

async function comeIn(thingNames, open) {
  let next = 0;
  const keepComing = async () => {
    while (next < thingNames.length) {
      const i = next++;
      devices.push(await comeOne(thingNames[i], open(i)));
    }
  };
  await Promise.all(Array.from({ length: COMING_AT_ONCE }, keepComing));
}

function comeOne(thingName, socket) {
  const device = { socket, answered: undefined, request: undefined };
  const topic = (levels) => `$aws/things/${thingName}/jobs/${levels}`;
  const clientToken = `token-${thingName}`;
  device.request = generate({
    cmd: 'publish',
    topic: topic('$next/get'),
    payload: JSON.stringify({ clientToken }),
    qos: 0,
  });
  const filters = ['notify-next', '+/get/+', '+/update/+'].map((levels) => ({ topic: topic(levels), qos: 1 }));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the broker closed ${thingName}`)));
    const packets = framer((type) => {
      if (type === CONNACK) socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: filters }));
      else if (type === SUBACK) resolve(device);
      else if (type === PUBLISH) device.answered?.();
    });
    socket.on('data', packets);
    socket.setNoDelay(true);
    socket.write(
      generate({
        cmd: 'connect',
        clientId: thingName,
        clean: true,
        keepalive: 1200,
        protocolId: 'MQTT',
        protocolVersion: 4,
      }),
    );
  });
}

/** Tells the type of each whole packet. */
function framer(tell) {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      let length = 0;
      let at = 1;
      for (let shift = 0; ; shift += 7) {
        if (at >= held.length) return;
        const byte = held[at++];
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      if (held.length < at + length) return;
      const type = held[0] >> 4;
      held = held.subarray(at + length);
      tell(type);
    }
  };
}

async function rest(phase) {
  await new Promise((resolve) => setTimeout(resolve, restMillis));
  console.log(`${phase} ${devices.length}`);
  await new Promise((resolve) => setTimeout(resolve, restMillis)); // while the broker's memory is read
}

async function ask() {
  let next = 0;
  let count = 0;
  const latencies = [];
  const until = performance.now() + seconds * 1000;
  const keepAsking = async () => {
    while (performance.now() < until) {
      const device = devices[next++ % devices.length];
      const began = performance.now();
      await new Promise((resolve) => {
        device.answered = resolve;
        device.socket.write(device.request);
      });
      count++;
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, keepAsking));
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor((latencies.length - 1) * share)];
  return { perSecond: count / seconds, p50Millis: at(0.5), p99Millis: at(0.99) };
}
