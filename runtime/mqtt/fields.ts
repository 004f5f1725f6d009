/**
 * The fields of which variable headers and payloads are made (MQTT 3.1.1 §1.5):
 *
 *    +------------------+     +----------------+-----------------+
 *    | integer, 2 bytes |     | length, 2 bytes | length bytes    |   numbers: most significant byte first
 *    +------------------+     +----------------+-----------------+   text: UTF-8, well formed, without U+0000
 */

import type { ProtocolError } from '../errors.ts';
import { utf8Decoder, utf8Encoder } from '../utf8.ts';
import { malformed } from './packet.ts';

/** The longest text or string of bytes: its length has two bytes. */
const FIELD_BYTES_MAX = 65_535;

/** Where decoding stands in one whole packet. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

export function uint16(value: number): number[] {
  return [value >> 8, value & 255];
}

/** Length and UTF-8. @throws ProtocolError when the text cannot be such a field */
export function textField(text: string): number[] {
  return [...uint16(utf8Chars(text).length), ...utf8Encoder.encode(text)];
}

/** The UTF-8 of a text, a character for each byte: ASCII is itself, and costs no typed array. */
export function utf8Chars(text: string): string {
  if (/\0|[\ud800-\udfff]/u.test(text)) throw noText();
  const chars = /[^\0-\x7f]/.test(text)
    ? utf8Encoder.encode(text).reduce((before, byte) => before + String.fromCharCode(byte), '')
    : text;
  checkFieldSize(chars.length);
  return chars;
}

export function checkFieldSize(size: number): void {
  if (size > FIELD_BYTES_MAX) throw malformed('1.5.3', `field of ${size} bytes: expected at most ${FIELD_BYTES_MAX}`);
}

/** @throws ProtocolError when the packet ends before it, or it is no well-formed text */
export function takeText(cursor: Cursor): string {
  return textOf(takeField(cursor));
}

function textOf(bytes: Uint8Array): string {
  let text = '\0';
  try {
    text = utf8Decoder.decode(bytes);
  } catch {}
  if (text.includes('\0')) throw noText();
  return text;
}

/** What takeTopicName took last, and of how many bytes: at most one of each, of whatever connection. */
let lastTopicName = '';
let lastSize = -1;

/**
 * The topic name of a message. Devices hear the same few again and again: to compare with the last one costs a tenth of
 * decoding and checking it, and no memory.
 *
 * No byte of UTF-8 beyond ASCII is mistaken for a character: a last name that has one has fewer characters than bytes, so
 * that not all of its `lastSize` bytes can be compared.
 */
export function takeTopicName(cursor: Cursor): string {
  const size = skipField(cursor);
  const { bytes, at } = cursor;
  let back = 1;
  while (back <= size && bytes[at - back] === lastTopicName.charCodeAt(size - back)) back++;
  if (back <= size || size !== lastSize) {
    lastTopicName = checkTopicName(textOf(bytes.subarray(at - size, at)));
    lastSize = size;
  }
  return lastTopicName;
}

function noText() {
  return malformed('1.5.3', 'text: expected UTF-8 without U+0000');
}

/** Length and bytes: a text before it is decoded, a password, a will message. */
export function takeField(cursor: Cursor): Uint8Array {
  const size = skipField(cursor);
  return cursor.bytes.subarray(cursor.at - size, cursor.at);
}

/** @returns how many bytes a field has. The cursor goes behind the last of them, or of the length when there is none. */
function skipField(cursor: Cursor): number {
  const size = takeUint16(cursor);
  cursor.at += size - 1;
  takeByte(cursor);
  return size;
}

export function takeUint16(cursor: Cursor): number {
  return (takeByte(cursor) << 8) | takeByte(cursor);
}

export function takeByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at++];
  if (byte === undefined) throw endsAt(cursor);
  return byte;
}

/** @throws ProtocolError when the packet goes on after its last field */
export function takeEnd(cursor: Cursor): void {
  if (cursor.at !== cursor.bytes.length) throw endsAt(cursor);
}

export function takePacketIdentifier(cursor: Cursor): number {
  return checkPacketIdentifier(takeUint16(cursor));
}

/** As two bytes. @throws ProtocolError when it is none */
export function packetIdentifierField(packetIdentifier: number): number[] {
  return uint16(checkPacketIdentifier(packetIdentifier));
}

/** §2.3.1: 1..65_535 */
export function checkPacketIdentifier(packetIdentifier = 0): number {
  if (packetIdentifier > 0 && packetIdentifier < 65_536) return packetIdentifier;
  throw malformed('2.3.1', `packet identifier ${packetIdentifier}: expected 1..65535`);
}

/** The name that a message is published under: not empty, no wildcard (§3.3.2.1, §4.7.3). */
export function checkTopicName(topicName: string): string {
  if (/^[^+#]+$/.test(topicName)) return topicName;
  throw wrongTopic('3.3.2.1', topicName);
}

/** What is subscribed to: `+` fills a level, `#` fills the last one (§4.7.1). */
export function checkTopicFilter(topicFilter: string): string {
  if (/^(?!.*([^/][+#]|\+[^/]|#.))./s.test(topicFilter)) return topicFilter;
  throw wrongTopic('4.7.1', topicFilter);
}

function wrongTopic(section: string, topic: string): ProtocolError {
  return malformed(section, `topic ${JSON.stringify(topic)}`);
}

function endsAt({ bytes, at }: Cursor) {
  return malformed('2.2.3', `packet of ${bytes.length} bytes: expected ${at}`);
}
