/**
 * What every control packet begins with (MQTT 3.1.1 §2.2):
 *
 *    0                1
 *    +----------------+--------------------------+------------------+
 *    | type:4 flags:4 | remaining length, 1..4 B | all that follows |
 *    +----------------+--------------------------+------------------+
 *
 * Remaining length: 7 bits a byte, lowest first; the high bit says that another byte follows.
 */
import { allocate } from './bytes.ts';
import type { Cursor } from './fields.ts';
import { malformed, PACKET_TYPE } from './packet.ts';

/** The largest remaining length that four bytes hold: 256 MB less one byte. */
const REMAINING_LENGTH_MAX = 268_435_455;

/**
 * A packet with its fixed header written and the rest zero.
 *
 * @param firstByte        type and flags
 * @param remainingLength  bytes that follow the fixed header
 * @throws ProtocolError when more than 268_435_455 bytes follow
 */
export function encodeFixedHeader(firstByte: number, remainingLength: number): Uint8Array {
  if (remainingLength > REMAINING_LENGTH_MAX) throw malformed('2.2.3', `remaining length ${remainingLength}`);
  let headerBytes = 2;
  for (let rest = remainingLength >> 7; rest > 0; rest >>= 7) headerBytes++;
  const bytes = allocate(headerBytes + remainingLength);
  bytes[0] = firstByte;
  let at = 1;
  for (; remainingLength > 127; remainingLength >>= 7) bytes[at++] = (remainingLength & 127) | 128;
  bytes[at] = remainingLength;
  return bytes;
}

/** A whole packet of few bytes, with the flags that its type must carry. */
export function encodeSmallPacket(type: keyof typeof PACKET_TYPE, body: readonly number[]): Uint8Array {
  const number = PACKET_TYPE[type];
  const bytes = encodeFixedHeader((number << 4) | flagsOf(number), body.length);
  bytes.set(body, bytes.length - body.length);
  return bytes;
}

/**
 * The size of the whole packet that begins at `at`, known from its first 2..5 bytes.
 *
 * @returns    bytes from the first of the header to the last of the body; undefined when more must arrive
 * @throws     ProtocolError for a reserved type, wrong flags, or a remaining length of five bytes
 */
export function decodePacketSize(bytes: Uint8Array, at = 0): number | undefined {
  const firstByte = bytes[at];
  if (firstByte === undefined) return undefined;
  const type = firstByte >> 4;
  if (type === 0 || type === 15) throw malformed('2.2.1', `reserved packet type ${type}`);
  if (type !== PACKET_TYPE.PUBLISH && (firstByte & 15) !== flagsOf(type))
    throw malformed('2.2.2', `packet type ${type} with flags ${firstByte & 15}`);
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[++at];
    if (byte === undefined) return undefined;
    length |= (byte & 127) << (7 * index);
    if (byte < 128) return 2 + index + length;
  }
  throw malformed('2.2.3', 'remaining length of five bytes');
}

/**
 * Checks that `bytes` are one whole packet of the type.
 *
 * @returns the body, from its beginning
 * @throws  ProtocolError when they are another type, fewer or more than the packet, or the header is wrong
 */
export function openPacket(bytes: Uint8Array, type: keyof typeof PACKET_TYPE): Cursor {
  const size = decodePacketSize(bytes);
  if (size !== bytes.length) throw malformed('2.2.3', `${bytes.length} bytes: expected ${size ?? 'a header'}`);
  const found = bytes[0]! >> 4;
  if (found !== PACKET_TYPE[type]) throw malformed('2.2.1', `packet type ${found}: expected ${type}`);
  let at = 2;
  while (bytes[at - 1]! > 127) at++;
  return { bytes, at };
}

/** The flags that a packet must carry (§2.2.2); in PUBLISH alone they mean something. */
function flagsOf(type: number): number {
  return type === PACKET_TYPE.PUBREL || type === PACKET_TYPE.SUBSCRIBE || type === PACKET_TYPE.UNSUBSCRIBE ? 2 : 0;
}
