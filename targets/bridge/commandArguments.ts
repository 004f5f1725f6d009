/**
 * Words of a job document or a command line -> arguments of a device's command, and the body that carries them.
 *
 *     7  -3            integers, -2^31..2^32-1
 *     true  false      booleans
 *     hex:00ff         bytes
 *     [1,"a"]  {"1":2} arrays, and maps with integer keys, as JSON
 *     "7"              text that would be something else without the quotes
 *     all others       text
 */
import { Encoder } from 'cbor-x';
import { ProtocolError } from '../../runtime/errors.ts';
import { type Cbor, decodeBody } from '../../runtime/serial/cbor.ts';
import { askingMap } from '../../runtime/serial/jobs.ts';

/** Integer keys, definite lengths, no tags: what runtime/serial/README.md allows. */
const encoder = new Encoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false, variableMapSize: true });

/** An argument that cannot be sent; the message is one sentence. */
export class WrongWord extends Error {}

/** @throws WrongWord */
export function readArguments(words: readonly string[]): Cbor[] {
  return words.map((word, i) => {
    try {
      return readWord(word);
    } catch (error) {
      throw new WrongWord(`argument ${i + 1} '${word.slice(0, 40)}': ${(error as Error).message}`);
    }
  });
}

function readWord(word: string): Cbor {
  if (word === 'true' || word === 'false') return word === 'true';
  if (/^-?\d+$/.test(word)) return Number(word);
  if (/^-?\d+\.\d+$/.test(word)) throw new Error('only whole numbers can be sent; scale it');
  const [, hex] = /^hex:((?:[0-9a-f]{2})*)$/i.exec(word) ?? [];
  if (hex !== undefined) return Uint8Array.from(Buffer.from(hex, 'hex'));
  return /^["[{]/.test(word) ? fromJson(JSON.parse(word)) : word;
}

function fromJson(value: unknown): Cbor {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) {
    if (value === null) throw new Error('null cannot be sent');
    return value as string | number | boolean;
  }
  return new Map(
    Object.entries(value).map(([key, item]) => {
      if (!/^-?\d+$/.test(key)) throw new Error(`key '${key}': expected a whole number`);
      return [Number(key), fromJson(item)];
    }),
  );
}

/**
 * The body of RUN.
 *
 * @throws WrongWord when an argument is outside of what crosses the line
 */
export function encodeRun(run: number, command: string, args: readonly Cbor[]): Uint8Array {
  const body = Uint8Array.from(encoder.encode(askingMap({ operation: 'RUN', run, command, args })));
  try {
    decodeBody(body);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new WrongWord(`the arguments of '${command}' cannot be sent: ${error.message}`);
  }
  return body;
}

/** A value for people: JSON, with bytes as in `hex:00ff`. */
export function showValue(value: Cbor): string {
  if (typeof value === 'string') return value;
  return JSON.stringify(toJson(value));
}

function toJson(value: Cbor): unknown {
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`;
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, toJson(item)]));
  return Array.isArray(value) ? value.map(toJson) : value;
}
