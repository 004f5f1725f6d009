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

/**
 * A packet with its fixed header written and the rest zero.
 *
 * @param firstByte        type and flags
 * @param remainingLength  bytes that follow the fixed header, at most 268_435_455
 */
export function encodeFixedHeader(firstByte: number, remainingLength: number): Uint8Array {
  let headerBytes = 2;
  for (let rest = remainingLength; rest > 127; rest >>= 7) headerBytes++;
  const bytes = allocate(headerBytes + remainingLength);
  bytes[0] = firstByte;
  let at = 1;
  for (; remainingLength > 127; remainingLength >>= 7) bytes[at++] = (remainingLength & 127) | 128;
  bytes[at] = remainingLength;
  return bytes;
}

/** A whole packet of few bytes, with the flags that its type must carry. */
export function encodeSmallPacket(type: number, body: readonly number[] = []): Uint8Array {
  const bytes = encodeFixedHeader((type << 4) | flagsOf(type), body.length);
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
  const flags = firstByte & 15;
  const wrong = type % 15 === 0 ? 1 : type !== PACKET_TYPE.PUBLISH && flags !== flagsOf(type) ? 2 : 0;
  if (wrong) throw malformed(`2.2.${wrong}`, `packet type ${type} with flags ${flags}`);
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const byte = bytes[++at];
    if (byte === undefined) return undefined;
    length |= (byte & 127) << (7 * index);
    if (byte < 128) return 2 + index + length;
  }
  throw malformed('2.2.3', 'length of 5 bytes: expected 1..4');
}

/** The body, from its beginning. @param bytes  one whole packet, as the framer gives it */
export function openPacket(bytes: Uint8Array): Cursor {
  let at = 2;
  while (bytes[at - 1]! > 127) at++;
  return { bytes, at };
}

/** The flags that a packet must carry (§2.2.2); in PUBLISH alone they mean something. */
function flagsOf(type: number): number {
  return (FLAGGED >> type) & 2;
}

/** The flags of all types: those of one are the lowest bits once it is shifted right by the number of the type. */
const FLAGGED = (2 << PACKET_TYPE.PUBREL) | (2 << PACKET_TYPE.SUBSCRIBE) | (2 << PACKET_TYPE.UNSUBSCRIBE);
