import { crc32 } from '../../runtime/crc32.ts';
import { chooseSlot, decodeSlot, encodeSlot, SLOT_BYTES } from '../../runtime/device/slots.ts';
import { Broken } from './broken.ts';
import type { Chance } from './chance.ts';

/** The two slots of a board, which outlive its power. */
export interface Disk {
  slots: [Uint8Array, Uint8Array];
  generation: number;
  /** Checksums of all records that were ever to be written: nothing else may be read. */
  known: Set<number>;
  /** Checksums of what may be read now: the record that was written last, and the one whose writing power has cut. */
  present: readonly number[];
  /** Checksums of those that power has torn since the last whole write: the same slot is written next, and may make one whole again. */
  torn: readonly number[];
}

/** Of no record, which an empty one stands for too. */
const NOTHING = crc32(new Uint8Array(0));

export function emptyDisk(): Disk {
  return {
    slots: [new Uint8Array(SLOT_BYTES), new Uint8Array(SLOT_BYTES)],
    generation: 0,
    known: new Set([NOTHING]),
    present: [NOTHING],
    torn: [],
  };
}

/** What a boot finds, read by the agent's own codec. */
export function readDisk(disk: Disk): Uint8Array | undefined {
  const { newest } = chooseSlot([decodeSlot(disk.slots[0]), decodeSlot(disk.slots[1])]);
  disk.generation = newest?.generation ?? 0;
  if (newest !== undefined && !disk.known.has(crc32(newest.record)))
    throw new Broken('a record was read that was never written so');
  const found = newest === undefined ? NOTHING : crc32(newest.record);
  if (!disk.present.includes(found)) throw new Broken('a power cut has taken a record that was on disk before');
  disk.present = [found, ...disk.torn];
  return newest?.record.length ? newest.record : undefined;
}

/** Writes the whole record into the older slot. */
export function writeDisk(disk: Disk, record: Uint8Array): void {
  apply(disk, record, undefined);
  disk.present = [crc32(record)];
  disk.torn = [];
}

/**
 * Power goes while the record is written: any of its bytes may be there, in any order of its 512-byte sectors.
 *
 * @param garbled  how likely all of it is there, with some of its bits wrong
 */
export function tearDisk(disk: Disk, record: Uint8Array, chance: Chance, garbled: number): void {
  disk.torn = [...disk.torn, crc32(record)];
  disk.present = [...disk.present, crc32(record)];
  if (!chance.is(garbled)) {
    apply(disk, record, chance);
    return;
  }
  const { next } = apply(disk, record, undefined);
  const slot = disk.slots[next];
  for (let flips = chance.between(1, 3); flips > 0; flips--)
    slot[chance.between(0, record.length + SLOT_BYTES_AROUND)]! ^= 1 << chance.between(0, 7);
}

/** Bytes of a slot's header, where bits flip too. */
const SLOT_BYTES_AROUND = 11;

function apply(disk: Disk, record: Uint8Array, tornBy: Chance | undefined): { next: 0 | 1 } {
  const { next } = chooseSlot([decodeSlot(disk.slots[0]), decodeSlot(disk.slots[1])]);
  disk.known.add(crc32(record));
  const bytes = encodeSlot({ generation: (disk.generation = (disk.generation + 1) >>> 0), record });
  const slot = disk.slots[next].slice();
  for (let at = 0; at < bytes.length; at += 512) {
    const sector = bytes.subarray(at, at + 512);
    if (tornBy === undefined) slot.set(sector, at);
    else if (tornBy.is(0.5)) slot.set(sector.subarray(0, tornBy.between(0, sector.length)), at);
  }
  disk.slots[next] = slot;
  return { next };
}
