import { crc32 } from '../crc32.ts';
import { decodeCobs, encodeCobs } from './cobs.ts';
import { FRAME_BYTES_AROUND_BODY, FRAME_BYTES_MAX, SEQUENCE_NUMBERS } from './limits.ts';

/** The only device on its line. Devices on a bus have 1..246. */
export const ADDRESS_SINGLE = 0;
/** DATA for every device of a bus; never answered. */
export const ADDRESS_ALL = 255;

/** What a frame is, as the three bits of its type say: `FRAME_TYPES[type]`. */
export const FRAME_TYPES = ['HELLO', 'REQUEST', 'DATA'] as const;
export type FrameType = (typeof FRAME_TYPES)[number];

/** One frame, either way. A REQUEST from a device is its reply. */
export interface Frame {
  /** 0 the only device, 1..246 on a bus, 255 all; of a reply: whose it is. */
  readonly addr: number;
  readonly from: 'host' | 'device';
  readonly type: FrameType;
  /** 0..15 */
  readonly seq: number;
  /** The lowest byte of the device's boot-id, as the sender knows it. */
  readonly boot: number;
  readonly body: Uint8Array;
}

/**
 * The wire bytes of a frame, both delimiters included (README.md has the same picture):
 *
 *    00 | stuffed:   0      1                    2      3      n-4     n      | 00
 *                    +------+--------------------+------+------+-------+
 *                    | addr | dir:1 type:3 seq:4 | boot | body | crc32 |    crc32: little-endian, of all before it
 *                    +------+--------------------+------+------+-------+
 */
export function encodeFrame({ addr, from, type, seq, boot, body }: Frame): Uint8Array {
  const size = body.length + FRAME_BYTES_AROUND_BODY;
  if (size > FRAME_BYTES_MAX) throw new Error(`a frame of ${size} bytes: expected at most ${FRAME_BYTES_MAX}`);
  const bytes = new Uint8Array(size);
  bytes[0] = addr;
  bytes[1] = (from === 'device' ? 0x80 : 0) | (FRAME_TYPES.indexOf(type) << 4) | (seq % SEQUENCE_NUMBERS);
  bytes[2] = boot;
  bytes.set(body, 3);
  new DataView(bytes.buffer).setUint32(size - 4, crc32(bytes.subarray(0, -4)), true);
  const stuffed = encodeCobs(bytes);
  const wire = new Uint8Array(stuffed.length + 2);
  wire.set(stuffed, 1);
  return wire;
}

/**
 * @param stuffed  what lay between two delimiters
 * @returns        undefined when that is no frame: not stuffed, too short, too long, another checksum, a type of
 *                 another version. On a line with noise and text this is expected, so it is not an error.
 */
export function decodeFrame(stuffed: Uint8Array): Frame | undefined {
  const bytes = decodeCobs(stuffed);
  if (bytes === undefined || bytes.length < FRAME_BYTES_AROUND_BODY || bytes.length > FRAME_BYTES_MAX) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(bytes.length - 4, true) !== crc32(bytes.subarray(0, -4))) return undefined;
  const control = bytes[1]!;
  const type = FRAME_TYPES[(control >> 4) & 7];
  if (type === undefined) return undefined;
  const from = control & 0x80 ? 'device' : 'host';
  return { addr: bytes[0]!, from, type, seq: control & 15, boot: bytes[2]!, body: bytes.slice(3, -4) };
}
