/** An MQTT device on a bare socket: what it costs is hardly more than the kernel's part. */
import mqttPacket from 'mqtt-packet';

const { generate } = mqttPacket;
const CONNACK = 2;
const PUBLISH = 3;
/** Of QoS 1. */
const ACKNOWLEDGED = 0x02;
const SUBACK = 9;

/** Connects and subscribes at QoS 1, acknowledges what comes, and calls `published` for each. Resolves when it has subscribed. */
export function connectBare(socket, clientId, filters, published) {
  const subscriptions = filters.map((topic) => ({ topic, qos: 1 }));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the broker closed ${clientId}`)));
    const packets = framer((packet) => {
      const type = packet[0] >> 4;
      if (type === PUBLISH && packet[0] & ACKNOWLEDGED) socket.write(acknowledgementOf(packet));
      if (type === CONNACK) socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions }));
      else if (type === SUBACK) resolve();
      else if (type === PUBLISH) published();
    });
    socket.on('data', packets);
    socket.setNoDelay(true);
    const protocol = { protocolId: 'MQTT', protocolVersion: 4 };
    socket.write(generate({ cmd: 'connect', clientId, clean: true, keepalive: 1200, ...protocol }));
  });
}

/** Tells each whole packet. */
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
      const packet = held.subarray(0, at + length);
      held = held.subarray(at + length);
      tell(packet);
    }
  };
}

function acknowledgementOf(publish) {
  let at = 1;
  while (publish[at++] & 0x80);
  const identifier = at + 2 + publish.readUInt16BE(at);
  return Buffer.from([0x40, 2, publish[identifier], publish[identifier + 1]]);
}
