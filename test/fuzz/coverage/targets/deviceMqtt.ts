import { ProtocolError } from '../../../../runtime/errors.ts';
import { PACKET_BYTES_MAX } from '../../../../runtime/limits.ts';
import { createClient, stepClient, subscribeTo } from '../../../../runtime/mqtt/client.ts';
import { decodePacket, encodePacket } from '../../../../runtime/mqtt/codec.ts';
import { createFramer, nextPacket, offer } from '../../../../runtime/mqtt/framer.ts';
import { bytes, packet } from '../bytes.ts';
import { holds, portionsOf, same, shown, type Target } from '../target.ts';

/** Where the header of a packet may still be short: its first byte and three of its length. */
const HEADER_REST_BYTES_MAX = 4;

export const target: Target = {
  name: 'device-mqtt',
  about: "the agent's framer, decoders and client",
  inputs: 'bytes',
  bytesMax: 400,
  seeds: [
    packet(0x20, 0, 0),
    bytes(0x20, 2, 0, 0, 0x90, 3, 0, 1, 1, 0x40, 2, 0, 2),
    bytes(0x20, 2, 1, 0, 0x90, 3, 0, 1, 1, 0x30, 6, 0, 1, 'ab{}'),
    packet(0x32, 0, 3, 'a/b', 0, 7, '{}'),
    packet(0x10, 0, 4, 'MQTT', 4, 2, 0, 60, 0, 4, 'name'),
    packet(0x10, 0, 4, 'MQTT', 4, 0xee, 0, 60, 0, 1, 'n', 0, 2, 'wt', 0, 3, 'msg', 0, 1, 'u', 0, 3, 'pwd'),
    packet(0x82, 0, 1, 0, 3, 'a/+', 1),
    packet(0xa2, 0, 1, 0, 3, 'a/#'),
    bytes(0x40, 2, 0, 1, 0x50, 2, 0, 1, 0x62, 2, 0, 1, 0x70, 2, 0, 1, 0xb0, 2, 0, 1, 0xd0, 0, 0xc0, 0, 0xe0, 0),
  ],
  words: [
    bytes(0x30),
    bytes(0x32),
    bytes(0x34),
    bytes(0x80, 1),
    bytes(0xff, 0xff, 0xff, 0x7f),
    '$aws/things/T/jobs/',
    'ä',
    '+',
    '#',
    '/',
    bytes(0xef, 0xbb, 0xbf),
    bytes(0xef, 0xbf, 0xbd),
  ],
  run(input) {
    const whole = packetsIn([input]);
    const inPortions = packetsIn(portionsOf(input));
    same('framed in portions', inPortions, whole);
    for (const packet of whole.packets) checkPacket(packet);
    same('client told in portions', told(portionsOf(input)), told([input]));
  },
};

function packetsIn(portions: readonly Uint8Array[]): { packets: Uint8Array[]; error: string | undefined } {
  const framer = createFramer();
  const packets: Uint8Array[] = [];
  let error: string | undefined;
  try {
    for (const portion of portions) {
      offer(framer, portion);
      for (let packet = nextPacket(framer); packet !== undefined; packet = nextPacket(framer)) packets.push(packet);
      holds('more of a header is kept than there can be', framer.chunk.length - framer.at <= HEADER_REST_BYTES_MAX);
      holds('a packet is held that is too large', (framer.held?.length ?? 0) <= PACKET_BYTES_MAX);
    }
  } catch (thrown) {
    error = messageOf(thrown);
  }
  return { packets, error };
}

/** A packet is refused, or is the same after it was written and read again; written it has the bytes it came in. */
function checkPacket(packet: Uint8Array): void {
  let decoded: ReturnType<typeof decodePacket>;
  try {
    decoded = decodePacket(packet);
  } catch (error) {
    messageOf(error);
    return;
  }
  const again = encodePacket(decoded);
  same(`${decoded.type} written and read again`, decodePacket(again), decoded);
  if (again.length === packet.length) same(`${decoded.type} written again`, again, packet);
  else holds('written longer than it came', again.length < packet.length && packet[1]! >= 0x80);
}

/** All that a client does with the bytes once it has said CONNECT: writes joined, as portions part them elsewhere. */
function told(portions: readonly Uint8Array[]): string {
  let client = createClient(
    { clientId: 'T', keepAliveSeconds: 60, subscribes: [subscribeTo(1, ['a/b'])], retryMaxMillis: 60_000 },
    1,
  );
  const said: string[] = [];
  const step = (event: Parameters<typeof stepClient>[1]) => {
    const [next, effects] = stepClient(client, event, 1_000);
    client = next;
    for (const effect of effects)
      if (effect.do === 'write') said.push(Buffer.from(effect.bytes).toString('hex'));
      else said.push(`(${shown(effect)})`);
  };
  step({ on: 'start' });
  step({ on: 'opened' });
  step({ on: 'publish', topic: 'a', payload: bytes('b'), qos: 1 });
  const from = said.length;
  for (const portion of portions) step({ on: 'bytes', bytes: portion });
  // Messages are told before what is written in the same step, so each kind has an order of its own.
  const lines = said.slice(from);
  return lines.filter((line) => line.startsWith('(')).join('') + lines.filter((line) => !line.startsWith('(')).join('');
}

function messageOf(error: unknown): string {
  if (error instanceof ProtocolError) return error.message;
  throw error;
}
