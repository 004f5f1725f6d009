import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from '../runtime/crc32.ts';
import { chooseSlot, decodeSlot, encodeSlot, SLOT_BYTES } from '../runtime/device/slots.ts';
import { WITH_GUARDS } from '../runtime/parts.ts';

/** The record of a device on disk: two slots in one file, written in place, always the older one. */
export interface RecordFile {
  /** The newest record that could be read when the file was opened; undefined when there is none, or it is empty. */
  readonly record: Uint8Array | undefined;
  /** One sentence when there was something, but none of it could be read. */
  readonly warning: string | undefined;
  /**
   * Puts `record` durably in the place of the one before: one write, one sync.
   *
   * @throws Error of the system (ENOSPC, EROFS, EIO), RangeError when it does not fit into a slot; the record before still stands
   */
  persist(record: Uint8Array): void;
  /** Names the newest record that is surely on disk by file, generation and checksum: no other one is called so. With the part guards. */
  mark?: () => string | undefined;
  close(): void;
}

/**
 * Opens the record, or makes its file at full length, so that no later write needs new space on the disk.
 *
 * @param file  in a folder that exists
 * @throws Error of the system
 */
export function openRecord(file: string): RecordFile {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  const bytes = readFileSync(fd);
  complete(file, fd, bytes.length);
  const slots = [decodeSlot(bytes.subarray(0, SLOT_BYTES)), decodeSlot(bytes.subarray(SLOT_BYTES))] as const;
  let { newest, next } = chooseSlot(slots);
  let generation = newest?.generation ?? 0;
  const broken = newest === undefined && slots.includes('broken');
  return {
    record: newest?.record.length ? newest.record : undefined,
    warning: broken ? `no readable record is left in ${file}: its job is forgotten` : undefined,
    persist: (record) => {
      // Moved on before the write: one that failed may be on disk all the same, and must lose against its repetition.
      generation += 1;
      const bytes = encodeSlot({ generation, record });
      try {
        writeAll(fd, bytes, next * SLOT_BYTES);
        fdatasyncSync(fd);
      } catch (error) {
        forget(fd, next * SLOT_BYTES);
        throw error;
      }
      if (WITH_GUARDS) newest = { generation, record };
      next = next ? 0 : 1;
    },
    ...(WITH_GUARDS && { mark: () => newest && `${file} ${newest.generation} ${crc32(newest.record)}` }),
    close: () => closeSync(fd),
  };
}

/** Makes a file that is new, or whose making was interrupted after `size` bytes, as long as it will ever be. */
function complete(file: string, fd: number, size: number): void {
  if (size >= 2 * SLOT_BYTES) return;
  // Zeros are written, not skipped: a hole takes its space only later.
  writeAll(fd, new Uint8Array(2 * SLOT_BYTES - size), size);
  fsyncSync(fd);
  syncFolder(dirname(file));
}

/**
 * Makes a folder and those above it, private, and their names durable. One after the other: below /proc, where no folder can be
 * made, Node's `recursive` never ends.
 *
 * @throws Error of the system; nothing is changed of a folder that is there
 */
export function makeFolders(folder: string): void {
  if (existsSync(folder)) return;
  const above = dirname(folder);
  makeFolders(above);
  mkdirSync(folder, 0o700);
  syncFolder(above);
}

/** Makes a file's name as durable as its content. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Puts a text (mode 0600) durably in the place of what a file has: after a power cut it has one or the other. */
export function replaceFile(file: string, text: string): void {
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  const fd = openSync(fresh, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, file);
  syncFolder(dirname(file));
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

/** After a failed sync the kernel may still hold the new bytes and show them to the next start of the agent. */
function forget(fd: number, position: number): void {
  try {
    writeSync(fd, new Uint8Array(4), 0, 4, position);
  } catch {
    // The disk takes nothing at all, so it did not take the record either.
  }
}
