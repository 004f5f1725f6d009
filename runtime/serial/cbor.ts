/**
 * The part of CBOR that crosses the serial line: a body is one map.
 *
 *    integers -2^31..2^32-1, byte strings, text, booleans, arrays, maps with integer keys; definite lengths; at most
 *    three containers within one another. No tags, no floats, no null.
 *
 * RFC 8949 §3; what is written is the shortest form with the keys as the map has them (§4.2 when those ascend)
 */
import { ProtocolError } from '../errors.ts';
import { CBOR_DEPTH_MAX } from './limits.ts';

export type Cbor = number | boolean | string | Uint8Array | readonly Cbor[] | CborMap;
export type CborMap = ReadonlyMap<number, Cbor>;

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const FALSE = 0xf4;
const TRUE = 0xf5;

const INTEGER_MIN = -(2 ** 31);
const INTEGER_MAX = 2 ** 32 - 1;

/** A key whose value is undefined is left out. Keeps the order of the keys. */
export function cborMap(entries: readonly (readonly [key: number, value: Cbor | undefined])[]): CborMap {
  return new Map(entries.filter((entry): entry is readonly [number, Cbor] => entry[1] !== undefined));
}

/** @throws Error on what the subset has no words for: that is our own mistake */
export function encodeBody(body: CborMap): Uint8Array {
  const bytes: number[] = [];
  write(bytes, body, 0);
  return Uint8Array.from(bytes);
}

function write(bytes: number[], value: Cbor, depth: number): void {
  if (typeof value === 'boolean') {
    bytes.push(value ? TRUE : FALSE);
  } else if (typeof value === 'number') {
    writeInteger(bytes, value);
  } else if (typeof value === 'string') {
    const text = new TextEncoder().encode(value);
    writeHead(bytes, TEXT, text.length);
    for (const byte of text) bytes.push(byte);
  } else if (value instanceof Uint8Array) {
    writeHead(bytes, BYTES, value.length);
    for (const byte of value) bytes.push(byte);
  } else {
    if (depth === CBOR_DEPTH_MAX) throw new Error(`containers nested deeper than ${CBOR_DEPTH_MAX}`);
    if (value instanceof Map) {
      writeHead(bytes, MAP, value.size);
      for (const [key, item] of value) {
        writeInteger(bytes, key);
        write(bytes, item, depth + 1);
      }
    } else {
      const items = value as readonly Cbor[];
      writeHead(bytes, ARRAY, items.length);
      for (const item of items) write(bytes, item, depth + 1);
    }
  }
}

function writeInteger(bytes: number[], value: number): void {
  if (!Number.isInteger(value) || value < INTEGER_MIN || value > INTEGER_MAX)
    throw new Error(`${value}: expected an integer from ${INTEGER_MIN} to ${INTEGER_MAX}`);
  if (value < 0) writeHead(bytes, NEGATIVE, -1 - value);
  else writeHead(bytes, UNSIGNED, value);
}

function writeHead(bytes: number[], major: number, value: number): void {
  const first = major << 5;
  if (value < 24) bytes.push(first | value);
  else if (value < 0x100) bytes.push(first | 24, value);
  else if (value < 0x10000) bytes.push(first | 25, value >> 8, value & 255);
  else bytes.push(first | 26, value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255);
}

/**
 * Reads a body, checks all of it. Of equal keys in one map the first counts.
 *
 * @throws ProtocolError when bytes are missing or left over, and on anything outside the subset
 */
export function decodeBody(bytes: Uint8Array): CborMap {
  const from = { bytes, at: 0 };
  const body = read(from, 0);
  if (!(body instanceof Map)) throw broken('a body that is not a map');
  if (from.at !== bytes.length) throw broken(`${bytes.length - from.at} bytes behind the body`);
  return body;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function read(from: Cursor, depth: number): Cbor {
  const first = take(from, 1)[0]!;
  if (first === TRUE || first === FALSE) return first === TRUE;
  const major = first >> 5;
  const value = readHead(from, first);
  switch (major) {
    case UNSIGNED:
    case NEGATIVE:
      return integer(major, value);
    case BYTES:
      return take(from, value).slice();
    case TEXT:
      return text(take(from, value));
  }
  if (major > MAP) throw broken(`first byte 0x${first.toString(16)}: no tags, floats or null`);
  if (depth === CBOR_DEPTH_MAX) throw broken(`containers nested deeper than ${CBOR_DEPTH_MAX}`);
  // A lie about the number of items ends at the last byte, so no loop is longer than the body.
  if (major === ARRAY) {
    const items: Cbor[] = [];
    for (let i = 0; i < value; i += 1) items.push(read(from, depth + 1));
    return items;
  }
  const map = new Map<number, Cbor>();
  for (let i = 0; i < value; i += 1) {
    const key = readKey(from);
    const item = read(from, depth + 1);
    if (!map.has(key)) map.set(key, item);
  }
  return map;
}

function readKey(from: Cursor): number {
  const first = take(from, 1)[0]!;
  const major = first >> 5;
  if (major !== UNSIGNED && major !== NEGATIVE)
    throw broken(`a key that begins with 0x${first.toString(16)}: no integer`);
  return integer(major, readHead(from, first));
}

function integer(major: number, value: number): number {
  if (major === UNSIGNED) return value;
  if (-1 - value < INTEGER_MIN) throw broken(`${-1 - value}: expected at least ${INTEGER_MIN}`);
  return -1 - value;
}

function readHead(from: Cursor, first: number): number {
  const short = first & 31;
  if (short < 24) return short;
  if (short > 26) throw broken(`first byte 0x${first.toString(16)}: lengths and integers have 4 bytes at most`);
  let value = 0;
  for (const byte of take(from, 1 << (short - 24))) value = value * 256 + byte;
  return value;
}

function take(from: Cursor, size: number): Uint8Array {
  if (from.bytes.length - from.at < size)
    throw broken(`${size} bytes expected, ${from.bytes.length - from.at} are left`);
  from.at += size;
  return from.bytes.subarray(from.at - size, from.at);
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw broken('text that is not UTF-8');
  }
}

function broken(found: string): ProtocolError {
  return new ProtocolError('RFC 8949 §3, subset of runtime/serial/cbor.ts', found);
}
