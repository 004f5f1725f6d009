let table: Uint32Array | undefined;

/**
 * CRC-32 as in zlib and Ethernet: polynomial 0x04C11DB7 reflected, all ones before and after.
 *
 * @returns  0..4_294_967_295; of the ASCII digits `123456789` it is 0xCBF43926
 *
 * ISO 3309, RFC 1952 §8
 */
export function crc32(bytes: Uint8Array): number {
  table ??= makeTable();
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
}
