/** Bytes from which packets are cut, and what of them is given away. */
const SLAB_BYTES = 4096;
/** What a typed array has room for without memory of its own beside the heap (V8). */
const IN_HEAP_BYTES_MAX = 64;
let slab: Uint8Array;
/** Infinity: there is no block yet. */
let used = Infinity;

/**
 * Zeroed bytes of the given size, which nobody else has or will have.
 *
 * A typed array of more than 64 bytes costs most engines a call to the system's allocator: longer than encoding the
 * packet (800 ns against 30 ns on Node 20). Packets that are larger, but small, are therefore cut one after another from
 * a block of 4 KiB, and a block that is used up is left to whoever still holds a part. No part is given twice, so nobody
 * can notice.
 *
 * Acknowledgements are not cut from it: a block would last for hundreds, grow old meanwhile, and then wait for a
 * collection that comes after many megabytes of them (4 bytes for every message that arrives).
 */
export function allocate(size: number): Uint8Array {
  if (size <= IN_HEAP_BYTES_MAX || size > SLAB_BYTES / 4) return new Uint8Array(size);
  if (used + size > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    used = 0;
  }
  return slab.subarray(used, (used += size));
}

/** All bytes in one piece, in memory of their own; a single part is itself, not a copy. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
