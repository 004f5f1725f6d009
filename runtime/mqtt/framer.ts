/** Bytes in any portions -> whole packets (MQTT 3.1.1 §2.2). */
import { PACKET_BYTES_MAX } from '../limits.ts';
import { decodePacketSize } from './fixed-header.ts';
import { malformed } from './packet.ts';

/**
 * The bytes that have arrived and are not yet taken. Holds a buffer, so there is one owner and only the newest state
 * is of use. Memory: the last chunk offered and, when a packet lies over several chunks, one packet of its size.
 */
export interface Framer {
  /** Refuses a larger packet. Bytes, fixed header included. */
  readonly bytesMax: number;
  chunk: Uint8Array;
  /** What of the chunk is taken. */
  at: number;
  /** A packet of which the first `heldBytes` have arrived; while its size is unknown, room for a fixed header. */
  held: Uint8Array | undefined;
  heldBytes: number;
  sizeKnown: boolean;
}

const nothing = new Uint8Array(0);
/** The size of a packet is known from at most this many bytes. */
const FIXED_HEADER_BYTES_MAX = 5;

export function createFramer(bytesMax = PACKET_BYTES_MAX): Framer {
  return { bytesMax, chunk: nothing, at: 0, held: undefined, heldBytes: 0, sizeKnown: false };
}

/** Hands in bytes as they came. Take every packet with `nextPacket` before handing in more. */
export function offer(framer: Framer, chunk: Uint8Array): void {
  if (framer.at < framer.chunk.length)
    throw new Error('framer: packets wait to be taken before more bytes are offered');
  framer.chunk = chunk;
  framer.at = 0;
}

/**
 * Takes the next packet out. One that lies within a chunk is a view into it, not a copy.
 *
 * @returns a whole packet, fixed header included; undefined when more must arrive
 * @throws  ProtocolError when its header is wrong or names more than `bytesMax`: as soon as the header has arrived,
 *          nothing of the body is kept
 */
export function nextPacket(framer: Framer): Uint8Array | undefined {
  if (framer.held !== undefined) return continueHeld(framer, framer.held);
  const { chunk, at } = framer;
  const size = decodePacketSize(chunk, at);
  if (size !== undefined && at + checkSize(framer, size) <= chunk.length) {
    framer.at = at + size;
    const packet = size === chunk.length ? chunk : chunk.subarray(at, framer.at);
    if (framer.at === chunk.length) forgetChunk(framer);
    return packet;
  }
  if (at < chunk.length) {
    framer.held = new Uint8Array(size ?? FIXED_HEADER_BYTES_MAX);
    framer.sizeKnown = size !== undefined;
    framer.heldBytes = 0;
    hold(framer, framer.held, chunk.length - at);
  }
  return undefined;
}

function continueHeld(framer: Framer, header: Uint8Array): Uint8Array | undefined {
  let held = header;
  while (!framer.sizeKnown) {
    if (framer.at === framer.chunk.length) return undefined;
    hold(framer, held, 1);
    const size = decodePacketSize(held, 0, framer.heldBytes);
    if (size === undefined) continue;
    framer.held = new Uint8Array(checkSize(framer, size));
    framer.held.set(held.subarray(0, framer.heldBytes));
    framer.sizeKnown = true;
    held = framer.held;
  }
  hold(framer, held, Math.min(held.length - framer.heldBytes, framer.chunk.length - framer.at));
  if (framer.heldBytes < held.length) return undefined;
  framer.held = undefined;
  return held;
}

/** Moves `count` bytes of the chunk to the end of what is held. */
function hold(framer: Framer, held: Uint8Array, count: number): void {
  const { chunk, at, heldBytes } = framer;
  held.set(at === 0 && count === chunk.length ? chunk : chunk.subarray(at, at + count), heldBytes);
  framer.heldBytes = heldBytes + count;
  framer.at = at + count;
  if (framer.at === chunk.length) forgetChunk(framer);
}

/** So that an idle connection does not keep the transport's last buffer. */
function forgetChunk(framer: Framer): void {
  framer.chunk = nothing;
  framer.at = 0;
}

function checkSize({ bytesMax }: Framer, size: number): number {
  if (size > bytesMax) throw malformed('2.2.3', `packet of ${size} bytes: this device takes at most ${bytesMax}`);
  return size;
}
