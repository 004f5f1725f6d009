/**
 * Consistent overhead byte stuffing: bytes without any 0x00, so that 0x00 can part frames.
 *
 *    11 22 00 33            ->   03 11 22 02 33            each code says how far the next 0x00 is;
 *    254 bytes, no zero     ->   ff (the 254 bytes) 01     ff: 254 bytes, and no 0x00 behind them
 *
 * One more 0x00 is imagined behind the last byte, and every group but ff ends with one. So the last group is never ff:
 * there is exactly one way to stuff given bytes, and a decoder that holds to it refuses all others.
 *
 * S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2), 1999
 */

const GROUP_BYTES_MAX = 254;

/** The delimiters are not part of it. */
export function encodeCobs(bytes: Uint8Array): Uint8Array {
  const stuffed = new Uint8Array(bytes.length + Math.floor(bytes.length / GROUP_BYTES_MAX) + 1);
  let used = 0;
  let at = 0;
  while (at <= bytes.length) {
    const zero = bytes.subarray(at, at + GROUP_BYTES_MAX).indexOf(0);
    const size = zero < 0 ? Math.min(GROUP_BYTES_MAX, bytes.length - at) : zero;
    stuffed[used] = size + 1;
    stuffed.set(bytes.subarray(at, at + size), used + 1);
    used += 1 + size;
    at += size < GROUP_BYTES_MAX ? size + 1 : size;
  }
  return stuffed.subarray(0, used);
}

/** @returns undefined when it was never stuffed like this: empty, with a 0x00 inside, or cut off */
export function decodeCobs(stuffed: Uint8Array): Uint8Array | undefined {
  if (stuffed.includes(0)) return undefined;
  const bytes = new Uint8Array(stuffed.length);
  let used = 0;
  let at = 0;
  let full = true;
  while (at < stuffed.length) {
    const end = at + stuffed[at]!;
    if (end > stuffed.length) return undefined;
    bytes.set(stuffed.subarray(at + 1, end), used);
    full = end - at > GROUP_BYTES_MAX;
    used += end - at - (full ? 1 : 0); // the 0x00 behind the group stays what it is
    at = end;
  }
  return full ? undefined : bytes.subarray(0, used - 1);
}
