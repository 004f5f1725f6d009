import { utf8Decoder, utf8Encoder } from '../utf8.ts';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [member: string]: JsonValue };
export type JsonObject = { [member: string]: JsonValue };

/** True for `{...}`: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for a whole number that JSON carries exactly. */
export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** The object that a payload holds; undefined when it is not UTF-8, not JSON (RFC 8259), or not an object. */
export function decodeObject(payload: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(utf8Decoder.decode(payload));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A payload: JSON in UTF-8; members that are undefined are left out, never null. No bytes for undefined itself. */
export function encodeObject(value: object | undefined): Uint8Array {
  return utf8Encoder.encode(JSON.stringify(value));
}
