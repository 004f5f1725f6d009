/**
 * The fields of which variable headers and payloads are made (MQTT 3.1.1 §1.5):
 *
 *    +------------------+     +----------------+-----------------+
 *    | integer, 2 bytes |     | length, 2 bytes | length bytes    |   numbers: most significant byte first
 *    +------------------+     +----------------+-----------------+   text: UTF-8, well formed, without U+0000
 */
import { malformed } from './packet.ts';

/** The longest text or string of bytes: its length has two bytes. */
const FIELD_BYTES_MAX = 65_535;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Where decoding stands in one whole packet. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

export function putUint16(body: number[], value: number): void {
  body.push(value >> 8, value & 255);
}

/** Appends length and UTF-8 to a packet's body. @throws ProtocolError when the text cannot be such a field */
export function putText(body: number[], text: string): void {
  const chars = utf8Chars(text);
  putUint16(body, chars.length);
  for (let i = 0; i < chars.length; i++) body.push(chars.charCodeAt(i));
}

/** The UTF-8 of a text, a character for each byte: ASCII is itself, and costs no typed array. */
export function utf8Chars(text: string): string {
  if (/\0|[\ud800-\udfff]/u.test(text)) throw malformed('1.5.3', `text ${JSON.stringify(text)}`);
  checkFieldSize(text.length);
  if (!/[^\0-\x7f]/.test(text)) return text;
  const bytes = encoder.encode(text);
  checkFieldSize(bytes.length);
  return String.fromCharCode(...bytes);
}

export function checkFieldSize(size: number): void {
  if (size > FIELD_BYTES_MAX) throw malformed('1.5.3', `field of ${size} bytes: expected at most ${FIELD_BYTES_MAX}`);
}

/** @throws ProtocolError when the packet ends before it, or it is no well-formed text */
export function takeText(cursor: Cursor): string {
  const bytes = takeField(cursor);
  let text = '\0';
  try {
    text = decoder.decode(bytes);
  } catch {}
  if (text.includes('\0')) throw malformed('1.5.3', 'text with U+0000, or not in UTF-8');
  return text;
}

/** Length and bytes: a text before it is decoded, a password, a will message. */
export function takeField(cursor: Cursor): Uint8Array {
  const size = takeUint16(cursor);
  const { bytes, at } = cursor;
  cursor.at += size;
  if (cursor.at > bytes.length) throw endsAt(cursor);
  return bytes.subarray(at, cursor.at);
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

/** §2.3.1: 1..65_535 */
export function checkPacketIdentifier(packetIdentifier = 0): number {
  if (packetIdentifier > 0 && packetIdentifier < 65_536) return packetIdentifier;
  throw malformed('2.3.1', `packet identifier ${packetIdentifier}: expected 1..65535`);
}

/** The name that a message is published under: not empty, no wildcard (§3.3.2.1, §4.7.3). */
export function checkTopicName(topicName: string): string {
  return checkTopic('3.3.2.1', /^[^+#]+$/, topicName);
}

/** What is subscribed to: `+` fills a level, `#` fills the last one (§4.7.1). */
export function checkTopicFilter(topicFilter: string): string {
  return checkTopic('4.7.1', /^(?!.*([^/][+#]|\+[^/]|#.))./s, topicFilter);
}

function checkTopic(section: string, expected: RegExp, topic: string): string {
  if (expected.test(topic)) return topic;
  throw malformed(section, `topic ${JSON.stringify(topic)}`);
}

function endsAt({ bytes, at }: Cursor) {
  return malformed('2.2.3', `packet of ${bytes.length} bytes: its fields end at ${at}`);
}
