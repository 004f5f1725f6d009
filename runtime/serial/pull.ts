/**
 * Firmware, asked for by the device in blocks: the bodies of PULL and BLOCK. Both say where in the image they are, so
 * each may be lost, doubled or late; README.md has the table of keys.
 */
import { ProtocolError } from '../errors.ts';
import { type CborMap, decodeBody, encodeBody } from './cbor.ts';

/** "All before `offset` is here; send `count` blocks of `length` bytes from there on." */
export interface Pull {
  readonly offset: number;
  /** Bytes in one block; the last of an image may be shorter. */
  readonly length: number;
  /** Blocks that the device can take before it asks again; 0: it has all, or nothing to take it with. */
  readonly count: number;
}

/** A piece of the image. */
export interface Block {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const OFFSET = 1;
const LENGTH = 2;
const COUNT = 3;
const BYTES = 2;

export function encodePull({ offset, length, count }: Pull): Uint8Array {
  return encodeBody(
    new Map([
      [OFFSET, offset],
      [LENGTH, length],
      [COUNT, count],
    ]),
  );
}

/** @throws ProtocolError when the body is broken, or a member is missing or negative; length 0 only with count 0 */
export function decodePull(body: Uint8Array): Pull {
  const map = decodeBody(body);
  const pull = { offset: natural(map, OFFSET), length: natural(map, LENGTH), count: natural(map, COUNT) };
  if (pull.length === 0 && pull.count > 0) throw broken(`${pull.count} blocks of 0 bytes`);
  return pull;
}

export function encodeBlock({ offset, bytes }: Block): Uint8Array {
  return encodeBody(
    new Map<number, number | Uint8Array>([
      [OFFSET, offset],
      [BYTES, bytes],
    ]),
  );
}

/** @throws ProtocolError when the body is broken, or a member is missing or of another type */
export function decodeBlock(body: Uint8Array): Block {
  const map = decodeBody(body);
  const bytes = map.get(BYTES);
  if (!(bytes instanceof Uint8Array)) throw broken(`key ${BYTES}: expected a byte string`);
  return { offset: natural(map, OFFSET), bytes };
}

/** The blocks that answer a PULL, in order; none when it asks for what lies behind the end. */
export function blocksOf(image: Uint8Array, { offset, length, count }: Pull): Block[] {
  const blocks: Block[] = [];
  for (let at = offset; blocks.length < count && at < image.length; at += length)
    blocks.push({ offset: at, bytes: image.subarray(at, at + length) });
  return blocks;
}

function natural(map: CborMap, key: number): number {
  const value = map.get(key);
  if (typeof value !== 'number' || value < 0) throw broken(`key ${key}: expected an integer from 0 on`);
  return value;
}

function broken(found: string): ProtocolError {
  return new ProtocolError('runtime/serial/README.md, firmware', found);
}
