import { parser as createParser, type IConnectPacket, type Packet, type Parser } from 'mqtt-packet';
import { ProtocolError } from '../../../runtime/errors.ts';
import { decodeConnect5, decodePacket5 } from './packet5.ts';
import type { Properties } from './properties.ts';
import { REASON, ReasonedError } from './reasons.ts';

/** The versions that a connection can speak, as on the wire: 4 is MQTT 3.1.1. */
export type ProtocolVersion = 4 | 5;

/** What a client may send once it is connected, in the words of `mqtt-packet`. What only MQTT 5 has is undefined in 3.1.1. */
export type ClientPacket =
  | {
      cmd: 'publish';
      topic: string;
      payload: Uint8Array;
      qos: 0 | 1 | 2;
      retain: boolean;
      /** 1..65535; undefined for QoS 0. */
      messageId: number | undefined;
      properties?: Properties;
    }
  | { cmd: 'puback'; messageId: number }
  | {
      cmd: 'subscribe';
      messageId: number;
      subscriptions: RequestedSubscription[];
      subscriptionIdentifier?: number | undefined;
    }
  | { cmd: 'unsubscribe'; messageId: number; unsubscriptions: string[] }
  | { cmd: 'pingreq' }
  | { cmd: 'disconnect'; reasonCode?: number; sessionExpiryInterval?: number | undefined };

/** A filter and its options: no local, retain as published, retain handling 0..2 (MQTT 5 §3.8.3.1). */
export interface RequestedSubscription {
  topic: string;
  qos: 0 | 1 | 2;
  nl?: boolean;
  rap?: boolean;
  rh?: number;
}

export interface ConnectPacket {
  clientId: string;
  /** CleanSession of MQTT 3.1.1, Clean Start of MQTT 5. */
  clean: boolean;
  /** Seconds. */
  keepalive: number;
  will:
    | { topic: string; payload: Uint8Array; qos: 0 | 1 | 2; retain: boolean; properties?: Properties | undefined }
    | undefined;
  properties?: Properties;
}

const CONNECT = 1;
/** Packet types of `ClientPacket`: the upper half of the first byte (MQTT 3.1.1 §2.2.1). */
const FROM_CLIENT = new Set([3, 4, 8, 10, 12, 14]);
const REMAINING_LENGTH: Partial<Record<Packet['cmd'], number>> = { puback: 2, pingreq: 0, disconnect: 0 };

/**
 * The protocol level of a CONNECT, which decides how the rest is read: 3 (MQTT 3.1), 4 (3.1.1), 5, or one we have not heard of.
 *
 *     10 len | 00 04 'M' 'Q' 'T' 'T' | level | ...     MQTT 3.1.1 §3.1.2
 *     10 len | 00 06 'M' 'Q' 'I' 's' 'd' 'p' | 03 | ...     MQTT 3.1
 *
 * @param bytes  one whole packet
 * @throws ProtocolError when it is not a CONNECT of MQTT
 */
export function decodeConnectLevel(bytes: Uint8Array): number {
  if (bytes[0] !== CONNECT << 4)
    throw new ProtocolError('MQTT 3.1.1 §3.1', `the first packet begins with ${hex(bytes[0])}: expected CONNECT, 0x10`);
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at++;
  const start = at + 3;
  const end = start + (((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0));
  const name = Buffer.from(bytes.subarray(start, end)).toString('latin1');
  const level = bytes[end];
  if (level === undefined || (name !== 'MQTT' && name !== 'MQIsdp'))
    throw new ProtocolError(
      'MQTT 3.1.1 §3.1.2.1',
      `protocol name ${JSON.stringify(name.slice(0, 8))}: expected "MQTT"`,
    );
  return level;
}

/**
 * @param protocolVersion  what `decodeConnectLevel` found
 * @throws ProtocolError
 */
export function decodeConnect(bytes: Uint8Array, protocolVersion: ProtocolVersion): ConnectPacket {
  if (protocolVersion === 5) return decodeConnect5(bytes);
  const packet = parse(createDecoder(), bytes) as IConnectPacket & ConnectPacket;
  const { clientId, username, password, will } = packet;
  for (const text of [clientId, username, will?.topic]) checkText(text);
  if (username === undefined && password !== undefined)
    throw new ProtocolError('MQTT 3.1.1 §3.1.2.9', 'CONNECT has a password and no user name');
  if (will !== undefined && (will.qos as number) > 2)
    throw new ProtocolError('MQTT 3.1.1 §3.1.2.6', 'CONNECT has a will of QoS 3');
  checkEnd(packet, [clientId, will?.topic, will?.payload, username, password]);
  return packet;
}

/** Protocol name, level, flags and keep-alive, then each field behind its length; `mqtt-packet` passes over what follows. */
function checkEnd({ length }: IConnectPacket, fields: readonly (string | Uint8Array | undefined)[]): void {
  const given = fields.filter((field) => field !== undefined);
  const expected = given.reduce((sum, field) => sum + 2 + Buffer.byteLength(field), 10);
  if (length !== expected)
    throw new ProtocolError('MQTT 3.1.1 §3.1.3', `CONNECT of ${length} bytes: its fields end at ${expected}`);
}

/** One parser for all connections of MQTT 3.1.1, for it is only given whole packets, and what it gave last. */
export interface Decoder {
  parser: Parser;
  packet: Packet | undefined;
  failure: Error | undefined;
}

export function createDecoder(): Decoder {
  const decoder: Decoder = { parser: createParser({ protocolVersion: 4 }), packet: undefined, failure: undefined };
  decoder.parser.on('packet', (packet) => (decoder.packet = packet));
  decoder.parser.on('error', (error: Error) => (decoder.failure ??= error));
  return decoder;
}

/**
 * Reads one whole packet of a connected client.
 *
 * @param decoder  not to be used again once this has thrown: mqtt-packet then reads the next length at the old place
 * @throws ProtocolError for all that the server must not be sent, is malformed, or belongs to QoS 2
 */
export function decodePacket(decoder: Decoder, bytes: Uint8Array, protocolVersion: ProtocolVersion): ClientPacket {
  const type = (bytes[0] as number) >> 4;
  if (type === CONNECT)
    throw new ReasonedError(
      REASON.protocolError,
      `MQTT ${protocolVersion === 5 ? 5 : '3.1.1'} §3.1`,
      'a second CONNECT',
    );
  if (protocolVersion === 5) return decodePacket5(bytes);
  if (!FROM_CLIENT.has(type))
    throw new ProtocolError(
      'MQTT 3.1.1 §2.2.1',
      `a packet of type ${type}: expected one that a client sends, QoS 0 or 1`,
    );
  const packet = parse(decoder, bytes) as Packet & ClientPacket;
  check(packet);
  return packet;
}

/** What `mqtt-packet` lets through. */
function check(packet: Packet & ClientPacket): void {
  const expected = REMAINING_LENGTH[packet.cmd];
  if (expected !== undefined && packet.length !== expected)
    throw new ProtocolError('MQTT 3.1.1 §3', `${packet.cmd} of ${packet.length} bytes: expected ${expected}`);
  const numbered = packet.cmd === 'publish' ? packet.qos > 0 : 'messageId' in packet;
  if (numbered && !((packet.messageId ?? 0) > 0))
    throw new ProtocolError('MQTT 3.1.1 §2.3.1', `${packet.cmd} without a packet identifier: expected 1..65535`);
  if (packet.cmd === 'publish') {
    if (packet.qos === 0 && packet.dup) throw new ProtocolError('MQTT 3.1.1 §3.3.1.1', 'PUBLISH of QoS 0 with DUP');
    checkText(packet.topic);
  }
  if (packet.cmd === 'subscribe') {
    if (packet.subscriptions.length === 0) throw new ProtocolError('MQTT 3.1.1 §3.8.3', 'SUBSCRIBE without a filter');
    for (const { topic } of packet.subscriptions) checkText(topic);
  }
  if (packet.cmd === 'unsubscribe') {
    if (packet.unsubscriptions.length === 0)
      throw new ProtocolError('MQTT 3.1.1 §3.10.3', 'UNSUBSCRIBE without a filter');
    for (const topic of packet.unsubscriptions) checkText(topic);
  }
}

/** U+FFFD is what decoding leaves of ill-formed UTF-8, so it is refused wherever it stands. */
function checkText(text: string | undefined): void {
  if (text !== undefined && /[\0\uFFFD]/.test(text))
    throw new ProtocolError('MQTT 3.1.1 §1.5.3', 'a string with U+0000 or bytes that are not UTF-8');
}

function parse(decoder: Decoder, bytes: Uint8Array): Packet {
  decoder.packet = undefined;
  try {
    decoder.parser.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    decoder.failure ??= error as Error; // a read past the end of the packet
  }
  const { packet, failure } = decoder;
  decoder.packet = undefined;
  if (packet === undefined || failure !== undefined)
    throw new ProtocolError('MQTT 3.1.1 §4.8', `a malformed packet: ${failure?.message ?? 'it ends early'}`);
  return packet;
}

function hex(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, '0')}`;
}
