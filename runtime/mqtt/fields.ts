/**
 * The fields of which variable headers and payloads are made (MQTT 3.1.1 §1.5):
 *
 *    +------------------+     +----------------+-----------------+
 *    | integer, 2 bytes |     | length, 2 bytes | length bytes    |   numbers: most significant byte first
 *    +------------------+     +----------------+-----------------+   text: UTF-8, well formed, without U+0000
 */
import { malformed } from './packet.ts';

/** The longest text or string of bytes: its length has two bytes. */
export const FIELD_BYTES_MAX = 65_535;

/** `encodeInto` is as old as TextEncoder wherever there is one; it spares a typed array for each text. */
const encoder = new TextEncoder() as unknown as {
  encode(text: string): Uint8Array;
  encodeInto(text: string, bytes: Uint8Array): { read: number };
};
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Where decoding stands in one whole packet. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Appends length and UTF-8 to a packet's body. @throws ProtocolError when the text cannot be such a field */
export function putText(body: number[], text: string): void {
  putField(body, encodeText(text));
}

export function putField(body: number[], bytes: Uint8Array): void {
  putUint16(body, checkFieldSize(bytes).length);
  for (const byte of bytes) body.push(byte);
}

export function putUint16(body: number[], value: number): void {
  body.push(value >> 8, value & 255);
}

export function encodeText(text: string): Uint8Array {
  if (text.includes('\0') || /[\ud800-\udfff]/u.test(text))
    throw malformed('1.5.3', `text ${JSON.stringify(text)}: expected Unicode without U+0000`);
  return checkFieldSize(encoder.encode(text));
}

/** Writes ASCII in place. @returns false when `text` is something else, and what was written is of no use */
export function writeAscii(text: string, bytes: Uint8Array, at: number): boolean {
  return encoder.encodeInto(text, bytes.subarray(at, at + text.length)).read === text.length;
}

/** @throws ProtocolError when `bytes` end before it or are no well-formed text */
export function takeText(cursor: Cursor): string {
  return decodeText(takeField(cursor));
}

export function decodeText(bytes: Uint8Array): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw malformed('1.5.3', 'bytes that are not well-formed UTF-8');
  }
  if (text.includes('\0')) throw malformed('1.5.3', 'U+0000 in a text');
  return text;
}

/** Length and bytes: a text before it is decoded, a password, a will message. */
export function takeField(cursor: Cursor): Uint8Array {
  const from = cursor.at + 2;
  const to = from + takeUint16(cursor);
  if (to > cursor.bytes.length) throw tooShort(cursor.bytes, to);
  cursor.at = to;
  return cursor.bytes.subarray(from, to);
}

export function takeUint16(cursor: Cursor): number {
  const { bytes, at } = cursor;
  if (at + 2 > bytes.length) throw tooShort(bytes, at + 2);
  cursor.at = at + 2;
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function takeByte(cursor: Cursor): number {
  const { bytes, at } = cursor;
  if (at >= bytes.length) throw tooShort(bytes, at + 1);
  cursor.at = at + 1;
  return bytes[at]!;
}

/** @throws ProtocolError when the packet goes on after its last field */
export function takeEnd({ bytes, at }: Cursor): void {
  if (at !== bytes.length) throw malformed('2.2.3', `packet of ${bytes.length} bytes: its fields end at ${at}`);
}

export function takePacketIdentifier(cursor: Cursor): number {
  return checkPacketIdentifier(takeUint16(cursor));
}

/** §2.3.1: 1..65_535 */
export function checkPacketIdentifier(packetIdentifier: number): number {
  if (!(packetIdentifier > 0 && packetIdentifier < 65_536))
    throw malformed('2.3.1', `packet identifier ${packetIdentifier}: expected 1..65535`);
  return packetIdentifier;
}

function checkFieldSize(bytes: Uint8Array): Uint8Array {
  if (bytes.length > FIELD_BYTES_MAX)
    throw malformed('1.5.3', `field of ${bytes.length} bytes: expected at most ${FIELD_BYTES_MAX}`);
  return bytes;
}

/** The name that a message is published under: not empty, no wildcard, no U+0000 (§3.3.2.1, §4.7.3). */
export function checkTopicName(topicName: string): string {
  if (topicName === '' || topicName.includes('+') || topicName.includes('#') || topicName.includes('\0'))
    throw malformed('3.3.2.1', `topic name ${JSON.stringify(topicName)}: expected one or more characters, no + or #`);
  return topicName;
}

/** What is subscribed to: `+` fills a level, `#` fills the last one (§4.7.1). */
export function checkTopicFilter(topicFilter: string): string {
  if (topicFilter === '' || /[^/][+#]|\+[^/]|#./s.test(topicFilter))
    throw malformed('4.7.1', `topic filter ${JSON.stringify(topicFilter)}: expected + to fill a level, # the last one`);
  return topicFilter;
}

function tooShort(bytes: Uint8Array, expected: number) {
  return malformed('2.2.3', `packet of ${bytes.length} bytes: its fields need ${expected}`);
}
