/**
 * Reads what a client of MQTT 5 sends. `mqtt-packet` reads MQTT 5 too, but lets through what the standard wants refused
 * and nobody can check afterwards: properties of other packets, twice, with impossible values, or longer than all
 * of them together; bytes that are not UTF-8; bytes behind the last field. And it sorts user properties by name, where
 * their order has to be kept (MQTT 5 §3.3.2.3.7). So it is the writer here, and in the tests the second opinion.
 */
import {
  type Fields,
  isAtEnd,
  malformed,
  protocolError,
  takeBinary,
  takeByte,
  takeBytes,
  takeString,
  takeTwoByteInteger,
  takeVariableByteInteger,
} from './fields.ts';
import type { ClientPacket, ConnectPacket, RequestedSubscription } from './packet.ts';
import { takeProperties } from './properties.ts';

type PublishPacket = ClientPacket & { cmd: 'publish' };

/** What a PUBACK of a client may say (MQTT 5 §3.4.2.1). */
const PUBACK_REASONS = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
/** What a DISCONNECT of a client may say (MQTT 5 §3.14.2.1). */
const DISCONNECT_REASONS = new Set([
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
]);
/** By packet type: the lower half of the first byte (MQTT 5 §2.1.3). */
const FLAGS: Partial<Record<number, number>> = { 1: 0, 4: 0, 8: 2, 10: 2, 12: 0, 14: 0 };

/**
 * @param bytes  one whole packet, of protocol level 5
 * @throws ReasonedError
 *
 *     10 len | 00 04 'M' 'Q' 'T' 'T' | 05 | flags | keep alive | properties | client identifier | ...   MQTT 5 §3.1
 */
export function decodeConnect5(bytes: Uint8Array): ConnectPacket {
  const fields = bodyOf(bytes);
  if (takeString(fields) !== 'MQTT') throw protocolError('§3.1.2.1', 'a protocol name of MQTT 3.1 with level 5');
  takeByte(fields); // the level
  const flags = takeByte(fields);
  const [hasUserName, hasPassword, hasWill] = [flags & 0x80, flags & 0x40, flags & 0x04];
  const qos = (flags >> 3) & 3;
  if (flags & 0x01) throw malformed('§3.1.2.3', 'CONNECT with its reserved flag');
  if (!hasWill && flags & 0x38) throw malformed('§3.1.2.6', 'CONNECT with the QoS or RETAIN of a will and no will');
  if (qos === 3) throw malformed('§3.1.2.6', 'CONNECT has a will of QoS 3');
  const packet: ConnectPacket = {
    clean: (flags & 0x02) !== 0,
    keepalive: takeTwoByteInteger(fields),
    properties: takeProperties(fields, 'CONNECT'),
    clientId: takeString(fields),
    will: hasWill ? takeWill(fields, qos as 0 | 1 | 2, (flags & 0x20) !== 0) : undefined,
  };
  if (hasUserName) takeString(fields);
  if (hasPassword) takeBinary(fields);
  endOf(fields, 'CONNECT');
  const { authenticationData, authenticationMethod } = packet.properties ?? {};
  if (authenticationData !== undefined && authenticationMethod === undefined)
    throw protocolError('§3.1.2.11.10', 'authentication data without a method');
  return packet;
}

/**
 * Reads one whole packet of a connected client, but for CONNECT and what a server never gets.
 *
 * @throws ReasonedError
 */
export function decodePacket5(bytes: Uint8Array): ClientPacket {
  const first = bytes[0] as number;
  const fields = bodyOf(bytes);
  const expected = FLAGS[first >> 4];
  if (expected !== undefined && (first & 0x0f) !== expected)
    throw malformed('§2.1.3', `flags ${first & 0x0f} of a packet of type ${first >> 4}: expected ${expected}`);
  switch (first >> 4) {
    case 3:
      return decodePublish(first, fields);
    case 4:
      return decodePuback(fields);
    case 8:
      return decodeSubscribe(fields);
    case 10:
      return decodeUnsubscribe(fields);
    case 12:
      endOf(fields, 'PINGREQ');
      return { cmd: 'pingreq' };
    case 14:
      return decodeDisconnect(fields);
    case 15:
      throw protocolError('§4.12', 'AUTH without an authentication method in CONNECT');
    default:
      throw protocolError('§2.1.2', `a packet of type ${first >> 4}: expected one that a client sends, QoS 0 or 1`);
  }
}

/** The rules for a topic, or an alias in its place, are the gateway's (MQTT 5 §3.3.2). */
function decodePublish(first: number, fields: Fields): PublishPacket {
  const qos = (first >> 1) & 3;
  if (qos === 3) throw malformed('§3.3.1.2', 'PUBLISH of QoS 3');
  if (qos === 0 && first & 0x08) throw malformed('§3.3.1.1', 'PUBLISH of QoS 0 with DUP');
  const topic = takeString(fields);
  if (/[+#]/.test(topic)) throw malformed('§3.3.2.1', 'PUBLISH on a topic with a wildcard');
  const messageId = qos === 0 ? undefined : takePacketIdentifier(fields, 'PUBLISH');
  const properties = takeProperties(fields, 'PUBLISH');
  const payload = takeBytes(fields, fields.end - fields.at);
  return { cmd: 'publish', topic, payload, qos: qos as 0 | 1 | 2, retain: (first & 1) === 1, messageId, properties };
}

/** MQTT 5 §3.4: reason and properties may be left out. Whatever the reason, the message is done with. */
function decodePuback(fields: Fields): ClientPacket {
  const messageId = takePacketIdentifier(fields, 'PUBACK');
  takeReason(fields, 'PUBACK', PUBACK_REASONS);
  if (!isAtEnd(fields)) takeProperties(fields, 'PUBACK');
  endOf(fields, 'PUBACK');
  return { cmd: 'puback', messageId };
}

/** MQTT 5 §3.8 */
function decodeSubscribe(fields: Fields): ClientPacket {
  const messageId = takePacketIdentifier(fields, 'SUBSCRIBE');
  const { subscriptionIdentifier } = takeProperties(fields, 'SUBSCRIBE');
  const subscriptions: RequestedSubscription[] = [];
  while (!isAtEnd(fields)) subscriptions.push(takeSubscription(fields));
  if (subscriptions.length === 0) throw protocolError('§3.8.3', 'SUBSCRIBE without a filter');
  return { cmd: 'subscribe', messageId, subscriptions, subscriptionIdentifier };
}

/**
 *       7 6   5 4               3                     2          1 0
 *     +-----+-----------------+---------------------+----------+-----+
 *     | 0 0 | retain handling | retain as published | no local | QoS |   MQTT 5 §3.8.3.1
 *     +-----+-----------------+---------------------+----------+-----+
 */
function takeSubscription(fields: Fields): RequestedSubscription {
  const topic = takeString(fields);
  const options = takeByte(fields);
  const [qos, rh] = [options & 3, (options >> 4) & 3];
  if (options & 0xc0) throw malformed('§3.8.3.1', 'subscription options with reserved bits');
  if (qos === 3 || rh === 3) throw protocolError('§3.8.3.1', `a subscription of QoS ${qos}, retain handling ${rh}`);
  const nl = (options & 0x04) !== 0;
  if (nl && topic.startsWith('$share/')) throw protocolError('§3.8.3.1', 'no local on a shared subscription');
  return { topic, qos: qos as 0 | 1 | 2, nl, rap: (options & 0x08) !== 0, rh };
}

/** MQTT 5 §3.10 */
function decodeUnsubscribe(fields: Fields): ClientPacket {
  const messageId = takePacketIdentifier(fields, 'UNSUBSCRIBE');
  takeProperties(fields, 'UNSUBSCRIBE');
  const unsubscriptions: string[] = [];
  while (!isAtEnd(fields)) unsubscriptions.push(takeString(fields));
  if (unsubscriptions.length === 0) throw protocolError('§3.10.3', 'UNSUBSCRIBE without a filter');
  return { cmd: 'unsubscribe', messageId, unsubscriptions };
}

/** MQTT 5 §3.14 */
function decodeDisconnect(fields: Fields): ClientPacket {
  const reasonCode = takeReason(fields, 'DISCONNECT', DISCONNECT_REASONS);
  const { sessionExpiryInterval } = isAtEnd(fields) ? {} : takeProperties(fields, 'DISCONNECT');
  endOf(fields, 'DISCONNECT');
  return { cmd: 'disconnect', reasonCode, sessionExpiryInterval };
}

function takeWill(fields: Fields, qos: 0 | 1 | 2, retain: boolean): NonNullable<ConnectPacket['will']> {
  return {
    properties: takeProperties(fields, 'WILL'),
    topic: takeString(fields),
    payload: takeBinary(fields),
    qos,
    retain,
  };
}

function takeReason(fields: Fields, packet: string, reasons: ReadonlySet<number>): number {
  if (isAtEnd(fields)) return 0;
  const reason = takeByte(fields);
  if (!reasons.has(reason)) throw protocolError('§2.4', `${packet} with reason ${reason}: not one of a client`);
  return reason;
}

function takePacketIdentifier(fields: Fields, packet: string): number {
  const packetIdentifier = takeTwoByteInteger(fields);
  if (packetIdentifier === 0) throw protocolError('§2.2.1', `${packet} without a packet identifier: expected 1..65535`);
  return packetIdentifier;
}

/** What follows the fixed header. */
function bodyOf(bytes: Uint8Array): Fields {
  const fields: Fields = { bytes, at: 1, end: bytes.length };
  takeVariableByteInteger(fields);
  return fields;
}

function endOf(fields: Fields, packet: string): void {
  if (!isAtEnd(fields))
    throw malformed('§4.13', `${packet} with ${fields.end - fields.at} bytes behind its last field`);
}
