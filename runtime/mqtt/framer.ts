/** Bytes in any portions -> whole packets (MQTT 3.1.1 §2.2). */
import { PACKET_BYTES_MAX } from '../limits.ts';
import { joined } from './bytes.ts';
import { decodePacketSize } from './fixed-header.ts';
import { malformed } from './packet.ts';

/**
 * The bytes that have arrived and are not yet taken. Holds a buffer, so there is one owner and only the newest state
 * is of use. Memory: what was offered and not taken, and one packet of its own size when it lies over several chunks.
 */
export interface Framer {
  chunk: Uint8Array;
  /** What of the chunk is taken. */
  at: number;
  /** A packet of which the first `heldBytes` have arrived. */
  held: Uint8Array | undefined;
  heldBytes: number;
}

const NOTHING = new Uint8Array(0);

export function createFramer(): Framer {
  return { chunk: NOTHING, at: 0, held: undefined, heldBytes: 0 };
}

/** Hands in bytes as they came. Only what is left of the chunk before, part of a fixed header, is copied with it. */
export function offer(framer: Framer, chunk: Uint8Array): void {
  const { chunk: before, at } = framer;
  keep(framer, at < before.length ? joined([before.subarray(at), chunk]) : chunk);
}

/**
 * Takes the next packet out; to be called until there is none. One that lies within a chunk is a view into it.
 *
 * @returns a whole packet, fixed header included; undefined when more must arrive
 * @throws  ProtocolError when its header is wrong or names more than PACKET_BYTES_MAX: as soon as the header has arrived,
 *          nothing of the body is kept
 */
export function nextPacket(framer: Framer): Uint8Array | undefined {
  const { chunk, at } = framer;
  if (at === chunk.length) return keep(framer, NOTHING);
  if (!framer.held) {
    const size = decodePacketSize(chunk, at);
    // A copy (`slice` of a Buffer is none): an idle connection does not keep the transport's buffer.
    if (!size) return keep(framer, new Uint8Array(chunk.subarray(at)));
    if (size > PACKET_BYTES_MAX)
      throw malformed('2.2.3', `packet of ${size} bytes: expected at most ${PACKET_BYTES_MAX}`);
    const end = at + size;
    if (end <= chunk.length) {
      framer.at = end;
      return size === chunk.length ? chunk : chunk.subarray(at, end);
    }
    framer.held = new Uint8Array(size);
    framer.heldBytes = 0;
  }
  const { held, heldBytes } = framer;
  const part = chunk.subarray(at, at + held.length - heldBytes);
  held.set(part, heldBytes);
  framer.at += part.length;
  framer.heldBytes += part.length;
  if (framer.heldBytes < held.length) return keep(framer, NOTHING);
  framer.held = undefined;
  return held;
}

function keep(framer: Framer, chunk: Uint8Array): undefined {
  framer.chunk = chunk;
  framer.at = 0;
}
