import { generate, type IConnackPacket, type Packet, writeToStream } from 'mqtt-packet';
import type { Millis } from '../../../runtime/effects.ts';
import { variableByteInteger } from './fields.ts';
import { reasonStringCharsMax } from './limits.ts';
import type { Message } from './message.ts';
import type { ProtocolVersion } from './packet.ts';
import { REASON, type ReasonCode, type Refusal } from './reasons.ts';

// Otherwise the first packet written fills a table with every 16-bit number: 65,536 buffers, 6 MB resident.
writeToStream.cacheNumbers = false;

/** What CONNACK tells a client of MQTT 5; intervals are seconds (MQTT 5 §3.2.2.3). */
export type ConnackProperties = NonNullable<IConnackPacket['properties']>;

/** To a client of MQTT 3.1.1: 0 accepted, 1 protocol version, 2 client identifier, 5 not authorised (§3.2.2.3). */
export function encodeConnack(returnCode: 0 | 1 | 2 | 5, sessionPresent = false): Uint8Array {
  return generate({ cmd: 'connack', returnCode, sessionPresent });
}

/** To a client of MQTT 5 (§3.2). */
export function encodeConnack5(sessionPresent: boolean, properties: ConnackProperties): Uint8Array {
  return generate5({ cmd: 'connack', reasonCode: REASON.success, sessionPresent, properties });
}

/** @param bytesMax  the client's Maximum Packet Size: beyond, the sentence is left out (MQTT 5 §3.2.2.3.9) */
export function encodeConnackRefusal5({ reasonCode, reason }: Refusal, bytesMax: number): Uint8Array {
  return withReasonString(reason, bytesMax, (properties) =>
    generate5({ cmd: 'connack', reasonCode, sessionPresent: false, ...properties }),
  );
}

/** From the server, before it closes: only MQTT 5 has this (§3.14). */
export function encodeDisconnect({ reasonCode, reason }: Refusal, bytesMax: number): Uint8Array {
  return withReasonString(reason, bytesMax, (properties) =>
    generate5({ cmd: 'disconnect', reasonCode, ...properties }),
  );
}

/** @param reasonCode  not sent in MQTT 3.1.1 */
export function encodePuback(version: ProtocolVersion, messageId: number, reasonCode: ReasonCode): Uint8Array {
  return generate({ cmd: 'puback', messageId, reasonCode }, { protocolVersion: version });
}

/** @param granted  for each filter the QoS or the refusal, in the codes of `version` */
export function encodeSuback(version: ProtocolVersion, messageId: number, granted: number[]): Uint8Array {
  return generate({ cmd: 'suback', messageId, granted }, { protocolVersion: version });
}

/** @param reasonCodes  for each filter; not sent in MQTT 3.1.1 */
export function encodeUnsuback(version: ProtocolVersion, messageId: number, reasonCodes: ReasonCode[]): Uint8Array {
  return generate({ cmd: 'unsuback', messageId, granted: reasonCodes }, { protocolVersion: version });
}

export function encodePingresp(): Uint8Array {
  return generate({ cmd: 'pingresp' });
}

/**
 * @param now        for the time that is left until the message expires
 * @param messageId  1..65535 for QoS 1; undefined is QoS 0
 */
export function encodePublish(
  version: ProtocolVersion,
  message: Message,
  now: Millis,
  messageId?: number,
  dup = false,
): Uint8Array {
  if (version === 5) return encodePublish5(message, now, messageId, dup);
  return encodePublish4(message, messageId, dup);
}

/** By hand, because this is what the service says most: `mqtt-packet` joins it of many pieces, in three times the time. */
function encodePublish4({ topic, payload, retain }: Message, messageId: number | undefined, dup: boolean): Uint8Array {
  const topicBytes = Buffer.byteLength(topic);
  const rest = 2 + topicBytes + (messageId === undefined ? 0 : 2) + payload.length;
  const length = variableByteInteger(rest);
  const bytes = Buffer.allocUnsafe(1 + length.length + rest);
  bytes[0] = 0x30 | flagsOf(messageId, retain, dup);
  bytes.set(length, 1);
  let at = bytes.writeUInt16BE(topicBytes, 1 + length.length);
  at += bytes.write(topic, at);
  if (messageId !== undefined) at = bytes.writeUInt16BE(messageId, at);
  bytes.set(payload, at);
  return bytes;
}

function flagsOf(messageId: number | undefined, retain: boolean, dup: boolean): number {
  return (dup ? 0x08 : 0) | (messageId === undefined ? 0 : 0x02) | (retain ? 0x01 : 0);
}

/**
 * By hand, because the properties that came with a message leave as they came (MQTT 5 §3.3.2.3).
 *
 *     +-------+--------+-------+--------------------+------------------------------------------------+---------+
 *     | flags | length | topic | packet identifier? | length | expiry? | subscriptions | forwarded   | payload |
 *     +-------+--------+-------+--------------------+------------------------------------------------+---------+
 */
function encodePublish5(message: Message, now: Millis, messageId: number | undefined, dup: boolean): Uint8Array {
  const { retain, payload, properties, expiresAt, subscriptionIdentifiers = [] } = message;
  const topic = Buffer.from(message.topic);
  const own: number[] = [];
  if (expiresAt !== undefined) own.push(0x02, ...fourByteInteger(Math.max(0, Math.ceil((expiresAt - now) / 1_000))));
  for (const identifier of subscriptionIdentifiers) own.push(0x0b, ...variableByteInteger(identifier));
  const propertyBytes = own.length + (properties?.length ?? 0);
  const head = Buffer.concat([
    Uint8Array.from(twoByteInteger(topic.length)),
    topic,
    Uint8Array.from([
      ...(messageId === undefined ? [] : twoByteInteger(messageId)),
      ...variableByteInteger(propertyBytes),
      ...own,
    ]),
  ]);
  const flags = flagsOf(messageId, retain, dup);
  const length = variableByteInteger(head.length + (properties?.length ?? 0) + payload.length);
  return Buffer.concat([Uint8Array.of(0x30 | flags, ...length), head, ...(properties ? [properties] : []), payload]);
}

function twoByteInteger(value: number): number[] {
  return [value >> 8, value & 0xff];
}

function fourByteInteger(value: number): number[] {
  return [...twoByteInteger(Math.floor(value / 65_536)), ...twoByteInteger(value % 65_536)];
}

function withReasonString(
  reason: string,
  bytesMax: number,
  encode: (properties: { properties?: { reasonString: string } }) => Uint8Array,
): Uint8Array {
  const bytes = encode({ properties: { reasonString: reason.slice(0, reasonStringCharsMax) } });
  return bytes.length <= bytesMax ? bytes : encode({});
}

function generate5(packet: Packet): Uint8Array {
  return generate(packet, { protocolVersion: 5 });
}
