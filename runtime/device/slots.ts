import { crc32 } from '../crc32.ts';

/** Bytes of one slot. Two lie behind one another in the record's file. */
export const SLOT_BYTES = 16_384;
/** Where the record starts in a slot. */
const HEADER_BYTES = 12;
const CRC_BYTES = 4;
/** The largest record, bytes. */
export const RECORD_BYTES_MAX = SLOT_BYTES - HEADER_BYTES - CRC_BYTES;

const MAGIC = [0x45, 0x52, 0x4a, 0x31]; // ERJ1

/** What one slot remembers. */
export interface Slot {
  /** One more than that of the slot written before, modulo 2^32. */
  generation: number;
  record: Uint8Array;
}

/**
 * One slot of the record on disk, as much of it as is written:
 *
 *    0         4            8        12          12+n    16+n
 *    +---------+------------+--------+-----------+-------+
 *    | "ERJ1"  | generation | length | record, n | crc32 |   big-endian; crc32 of every byte before it
 *    +---------+------------+--------+-----------+-------+
 *
 * The checksum comes last, so that no beginning of a write passes for the whole.
 *
 * @throws RangeError when the record is larger than RECORD_BYTES_MAX
 */
export function encodeSlot({ generation, record }: Slot): Uint8Array {
  if (record.length > RECORD_BYTES_MAX) {
    throw new RangeError(`the record has ${record.length} bytes: at most ${RECORD_BYTES_MAX} fit into a slot`);
  }
  const bytes = new Uint8Array(HEADER_BYTES + record.length + CRC_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(4, generation);
  view.setUint32(8, record.length);
  bytes.set(record, HEADER_BYTES);
  view.setUint32(bytes.length - CRC_BYTES, crc32(bytes.subarray(0, -CRC_BYTES)));
  return bytes;
}

/**
 * Reads a slot; what lies behind its checksum is left over from longer records.
 *
 * @returns  `empty` when nothing was ever written (a header of zeros, or no bytes), `broken` when the write was torn or its bytes changed
 */
export function decodeSlot(bytes: Uint8Array): Slot | 'empty' | 'broken' {
  // The header tells; a loop over a whole slot would have the engine optimise it, which costs megabytes resident.
  if (bytes.subarray(0, HEADER_BYTES).every((byte) => byte === 0)) return 'empty';
  if (bytes.length < HEADER_BYTES + CRC_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) return 'broken';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = view.getUint32(8);
  if (length > RECORD_BYTES_MAX || length > bytes.length - HEADER_BYTES - CRC_BYTES) return 'broken';
  const end = HEADER_BYTES + length;
  if (view.getUint32(end) !== crc32(bytes.subarray(0, end))) return 'broken';
  return { generation: view.getUint32(4), record: bytes.slice(HEADER_BYTES, end) };
}

/**
 * Which of the two slots holds the newest record, and which is written next: never that one.
 *
 * Generations are compared as distances modulo 2^32: the two of one file are neighbours.
 */
export function chooseSlot(slots: readonly [Slot | string, Slot | string]): {
  newest: Slot | undefined;
  next: 0 | 1;
} {
  const [first, second] = slots;
  const isSecondNewer =
    typeof second !== 'string' && (typeof first === 'string' || ((second.generation - first.generation) | 0) > 0);
  const newest = isSecondNewer ? second : first;
  if (typeof newest === 'string') return { newest: undefined, next: 0 };
  return { newest, next: isSecondNewer ? 0 : 1 };
}
