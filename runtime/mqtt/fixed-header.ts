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
import { malformed, PACKET_TYPE } from './packet.ts';

/** The largest remaining length that four bytes hold: 256 MB less one byte. */
const REMAINING_LENGTH_MAX = 268_435_455;

/** The flags that each type must carry, by type (§2.2.2); undefined: they mean something (PUBLISH). */
const FLAGS = [0, 0, 0, undefined, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0] as const;

/**
 * A packet with its fixed header written and the rest zero.
 *
 * @param firstByte        type and flags
 * @param remainingLength  bytes that follow the fixed header
 * @throws ProtocolError when more than 268_435_455 bytes follow
 */
export function encodeFixedHeader(firstByte: number, remainingLength: number): Uint8Array {
  if (remainingLength > REMAINING_LENGTH_MAX)
    throw malformed('2.2.3', `remaining length ${remainingLength}: expected at most ${REMAINING_LENGTH_MAX}`);
  const lengthBytes = remainingLength < 128 ? 1 : remainingLength < 16_384 ? 2 : remainingLength < 2_097_152 ? 3 : 4;
  const bytes = allocate(1 + lengthBytes + remainingLength);
  bytes[0] = firstByte;
  let at = 1;
  for (; remainingLength > 127; remainingLength >>= 7) bytes[at++] = (remainingLength & 127) | 128;
  bytes[at] = remainingLength;
  return bytes;
}

/** A whole packet of few bytes. */
export function encodeSmallPacket(firstByte: number, body: readonly number[]): Uint8Array {
  const bytes = encodeFixedHeader(firstByte, body.length);
  bytes.set(body, bytes.length - body.length);
  return bytes;
}

/**
 * The size of the whole packet that begins at `at`, known from its first 2..5 bytes.
 *
 * @param end  where the bytes that have arrived end
 * @returns    bytes from the first of the header to the last of the body; undefined when more must arrive
 * @throws     ProtocolError for a reserved type, wrong flags, or a remaining length of five bytes
 */
export function decodePacketSize(bytes: Uint8Array, at = 0, end = bytes.length): number | undefined {
  if (at >= end) return undefined;
  checkFirstByte(bytes[at]!);
  let length = 0;
  for (let index = 0; index < 4; index++) {
    const from = at + 1 + index;
    if (from >= end) return undefined;
    const byte = bytes[from]!;
    length |= (byte & 127) << (7 * index);
    if (byte < 128) return 2 + index + length;
  }
  throw malformed('2.2.3', 'remaining length of five bytes: expected at most four');
}

/**
 * Checks that `bytes` are one whole packet of the type.
 *
 * @returns where the body begins
 * @throws  ProtocolError when they are another type, fewer or more than the packet, or the header is wrong
 */
export function openPacket(bytes: Uint8Array, type: keyof typeof PACKET_TYPE): number {
  const size = decodePacketSize(bytes);
  if (size !== bytes.length) throw malformed('2.2.3', `${bytes.length} bytes: expected ${size ?? 'a whole header'}`);
  const found = bytes[0]! >> 4;
  if (found !== PACKET_TYPE[type]) throw malformed('2.2.1', `packet type ${found}: expected ${type}`);
  let at = 1;
  while (bytes[at]! > 127) at++;
  return at + 1;
}

function checkFirstByte(firstByte: number): void {
  const type = firstByte >> 4;
  if (type === 0 || type === 15) throw malformed('2.2.1', `reserved packet type ${type}`);
  const flags = FLAGS[type];
  if (flags !== undefined && flags !== (firstByte & 15))
    throw malformed('2.2.2', `flags ${firstByte & 15} in packet type ${type}: expected ${flags}`);
}
