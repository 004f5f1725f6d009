/**
 * Many MQTT devices in one process, on bare sockets: what they cost is paid here, not by the broker that is measured.
 *
 *   node connections-load.mjs SETTINGS.json
 *
 * Prints `plain` and `tls` when so many are connected and have subscribed to what a device subscribes to, and goes on when it is
 * sent SIGUSR2; then each asks for its next job again and again for a while, so many at once, and the rate is printed as JSON.
 */
import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import mqttPacket from 'mqtt-packet';
import { connectBare } from './bare-device.mjs';

const { generate } = mqttPacket;
const { plain, tls, seconds, atOnce } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
/** Handshakes under way at the same time. */
const COMING_AT_ONCE = 64;
const devices = [];

await comeIn(plain.thingNames, () => connectTcp(plain.port, '127.0.0.1'));
await seen('plain');
const contexts = new Map();
await comeIn(tls.thingNames, (i) => {
  const { cert, key } = tls.certificates[i % tls.certificates.length];
  if (!contexts.has(cert)) contexts.set(cert, createSecureContext({ ca: tls.ca, cert, key }));
  return connectTls({ port: tls.port, host: '127.0.0.1', servername: 'localhost', secureContext: contexts.get(cert) });
});
await seen('tls');
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

async function comeOne(thingName, socket) {
  const device = { socket, answered: undefined, request: undefined };
  const topic = (levels) => `$aws/things/${thingName}/jobs/${levels}`;
  const clientToken = `token-${thingName}`;
  device.request = generate({
    cmd: 'publish',
    topic: topic('$next/get'),
    payload: JSON.stringify({ clientToken }),
    qos: 0,
  });
  const filters = ['notify-next', '+/get/+', '+/update/+'].map(topic);
  await connectBare(socket, thingName, filters, () => device.answered?.());
  return device;
}

async function seen(phase) {
  const goOn = new Promise((resolve) => process.once('SIGUSR2', resolve));
  console.log(`${phase} ${devices.length}`);
  await goOn; // once the broker's memory is read
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
