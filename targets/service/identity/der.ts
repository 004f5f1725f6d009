/**
 * Writes DER (X.690), as much of it as a certificate needs: each value is a tag, a length and its content.
 *
 *   +-----+--------+---------...
 *   | tag | length | content      length: one byte up to 127, else 0x80 + n and n bytes, big-endian
 *   +-----+--------+---------...
 */
export function value(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), length(content.length), content]);
}

export const sequence = (...items: Uint8Array[]): Buffer => value(0x30, ...items);
export const set = (...items: Uint8Array[]): Buffer => value(0x31, ...items);
export const octetString = (bytes: Uint8Array): Buffer => value(0x04, bytes);
export const utf8String = (text: string): Buffer => value(0x0c, Buffer.from(text));
export const TRUE = value(0x01, Buffer.from([0xff]));

/** A positive integer from its bytes, big-endian. */
export function integer(bytes: Uint8Array): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const significant = start === -1 ? Buffer.from([0]) : bytes.subarray(start);
  return significant[0]! > 0x7f ? value(0x02, Buffer.from([0]), significant) : value(0x02, significant);
}

/** @param unusedBits  how many bits of the last byte do not count */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return value(0x03, Buffer.from([unusedBits]), bytes);
}

/** @param dotted  such as `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  return value(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTCTime up to 2049, GeneralizedTime from then on, without fraction (RFC 5280 §4.1.2.5). */
export function time(millis: number): Buffer {
  const text = `${new Date(millis).toISOString().replace(/[-:T]|\..*/g, '')}Z`;
  return text < '2050' ? value(0x17, Buffer.from(text.slice(2))) : value(0x18, Buffer.from(text));
}

function length(count: number): Buffer {
  if (count < 0x80) return Buffer.from([count]);
  const bytes = count < 0x100 ? [count] : [count >> 8, count & 0xff];
  if (count > 0xffff) throw new Error(`DER: ${count} bytes in one value: a certificate stays below 65536`);
  return Buffer.from([0x80 + bytes.length, ...bytes]);
}

function base128(part: number): number[] {
  const bytes = [part & 0x7f];
  for (let rest = Math.floor(part / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}
