/**
 * Many MQTT devices in one process, each waiting for one message.
 *
 *   node delivery-load.mjs SETTINGS.json      { "port": N, "devices": [{ "clientId": "...", "filter": "..." }, ...] }
 *
 * Prints `subscribed N`, and when each has had a message the time of the last as JSON, milliseconds since the Unix epoch.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connectBare } from './bare-device.mjs';

/** Coming at the same time. */
const COMING_AT_ONCE = 64;
const { port, devices } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
let next = 0;
let left = devices.length;

const keepComing = async () => {
  while (next < devices.length) {
    const { clientId, filter } = devices[next++];
    let had = false;
    await connectBare(connect(port, '127.0.0.1'), clientId, [filter], () => {
      if (had) return;
      had = true;
      if (--left === 0) console.log(JSON.stringify({ lastAt: performance.timeOrigin + performance.now() }));
    });
  }
};
await Promise.all(Array.from({ length: COMING_AT_ONCE }, keepComing));
console.log(`subscribed ${devices.length}`);
