import { isUtf8 } from 'node:buffer';
import { REASON, ReasonedError } from './reasons.ts';

/** The fields of one packet of MQTT 5, taken from the front. Whatever ends early, or is not what it should be, throws. */
export interface Fields {
  readonly bytes: Uint8Array;
  at: number;
  /** Where the packet, or its properties, end. */
  readonly end: number;
}

export function isAtEnd({ at, end }: Fields): boolean {
  return at === end;
}

export function takeByte(fields: Fields): number {
  return takeBytes(fields, 1)[0] as number;
}

/** MQTT 5 §1.5.2 */
export function takeTwoByteInteger(fields: Fields): number {
  const [high, low] = takeBytes(fields, 2) as unknown as [number, number];
  return (high << 8) | low;
}

/** MQTT 5 §1.5.3 */
export function takeFourByteInteger(fields: Fields): number {
  return takeTwoByteInteger(fields) * 65_536 + takeTwoByteInteger(fields);
}

/** MQTT 5 §1.5.5: one to four bytes, and never more than the value needs. */
export function takeVariableByteInteger(fields: Fields): number {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = takeByte(fields);
    value += (byte & 0x7f) * 128 ** i;
    if (byte >= 0x80) continue;
    if (byte === 0 && i > 0) throw malformed('§1.5.5', 'a variable byte integer longer than it need be');
    return value;
  }
  throw malformed('§1.5.5', 'a variable byte integer of more than four bytes');
}

/** MQTT 5 §1.5.6 */
export function takeBinary(fields: Fields): Uint8Array {
  return takeBytes(fields, takeTwoByteInteger(fields));
}

/** MQTT 5 §1.5.4 */
export function takeString(fields: Fields): string {
  const bytes = takeBinary(fields);
  if (!isUtf8(bytes) || bytes.includes(0))
    throw malformed('§1.5.4', 'a string with U+0000 or bytes that are not UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

export function takeBytes(fields: Fields, count: number): Uint8Array {
  const end = fields.at + count;
  if (end > fields.end) throw malformed('§4.13', 'a packet, or its properties, that ends early');
  const bytes = fields.bytes.subarray(fields.at, end);
  fields.at = end;
  return bytes;
}

export function variableByteInteger(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...variableByteInteger(Math.floor(value / 128))];
}

export function malformed(section: string, found: string): ReasonedError {
  return new ReasonedError(REASON.malformedPacket, `MQTT 5 ${section}`, found);
}

export function protocolError(section: string, found: string): ReasonedError {
  return new ReasonedError(REASON.protocolError, `MQTT 5 ${section}`, found);
}
