import { ProtocolError } from '../../../runtime/errors.ts';
import { packetBytesMax } from './limits.ts';
import { REASON, ReasonedError } from './reasons.ts';

/** A packet that has begun and not ended. `mqtt-packet` takes any length it is told, so lengths are read here, before it. */
export interface Framer {
  /** Grows by doubling as bytes come: a length that is only announced costs no memory. */
  held: Uint8Array;
  heldBytes: number;
}

const NOTHING = new Uint8Array(0);

export function createFramer(): Framer {
  return { held: NOTHING, heldBytes: 0 };
}

/**
 * Cuts a stream into packets, each given whole: fixed header and all. A packet may share memory with `bytes`.
 *
 * @throws ProtocolError when a length takes five bytes or is more than `packetBytesMax`; the packets before are given first
 *
 *     +------+----------------------------+------------------------+
 *     | type | remaining length, 1..4     | as many bytes          |   MQTT 3.1.1 §2.2.3
 *     +------+----------------------------+------------------------+
 */
export function* takePackets(framer: Framer, bytes: Uint8Array): Generator<Uint8Array, void> {
  let rest = bytes;
  while (framer.heldBytes > 0 && rest.length > 0) {
    const total = packetLength(framer.held.subarray(0, framer.heldBytes));
    // While the length is unknown one byte more is taken at a time: at most four.
    const wanted = total === undefined ? 1 : total - framer.heldBytes;
    hold(framer, rest.subarray(0, wanted), total);
    rest = rest.subarray(wanted);
    if (framer.heldBytes !== packetLength(framer.held.subarray(0, framer.heldBytes))) continue;
    const packet = framer.held.subarray(0, framer.heldBytes);
    framer.held = NOTHING;
    framer.heldBytes = 0;
    yield packet;
  }
  for (;;) {
    const total = packetLength(rest);
    if (total === undefined || total > rest.length) break;
    yield rest.subarray(0, total);
    rest = rest.subarray(total);
  }
  if (rest.length > 0) hold(framer, rest, packetLength(rest));
}

/** Bytes of the packet that begins here, header included; undefined when more must arrive to know. */
function packetLength(bytes: Uint8Array): number | undefined {
  let length = 0;
  for (let i = 1; i < bytes.length; i++) {
    if (i > 4) throw new ProtocolError('MQTT 3.1.1 §2.2.3', 'a remaining length of more than four bytes');
    const byte = bytes[i] as number;
    length += (byte & 0x7f) * 128 ** (i - 1);
    if (byte >= 0x80) continue;
    const total = 1 + i + length;
    if (total > packetBytesMax)
      throw new ReasonedError(
        REASON.packetTooLarge,
        'AWS IoT Core quotas',
        `a packet of ${total} bytes: at most ${packetBytesMax} are taken`,
      );
    return total;
  }
  return undefined;
}

function hold(framer: Framer, bytes: Uint8Array, total = 8): void {
  const needed = framer.heldBytes + bytes.length;
  if (needed > framer.held.length) {
    const grown = new Uint8Array(Math.max(needed, Math.min(2 * framer.held.length, total)));
    grown.set(framer.held.subarray(0, framer.heldBytes));
    framer.held = grown;
  }
  framer.held.set(bytes, framer.heldBytes);
  framer.heldBytes = needed;
}
