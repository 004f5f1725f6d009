import {
  type Cursor,
  checkFieldSize,
  checkTopicName,
  takeByte,
  takeEnd,
  takeField,
  takeText,
  takeUint16,
  textField,
  uint16,
} from './fields.ts';
import { encodeSmallPacket, openPacket } from './fixed-header.ts';
import {
  type Connack,
  type Connect,
  type ConnectReturnCode,
  malformed,
  PACKET_TYPE,
  type QoS,
  type Will,
} from './packet.ts';

/** Length and `MQTT`, then the protocol level of 3.1.1 (§3.1.2.1, §3.1.2.2). */
const PROTOCOL = [0, 4, 0x4d, 0x51, 0x54, 0x54, 4];

/**
 * CONNECT (MQTT 3.1.1 §3.1):
 *
 *    +------+-----------+----------------+-------+---------------+------------------------------------------+
 *    | 0x10 | remaining | 0 4 M Q T T, 4 | flags | keep-alive,   | client id, will topic, will message,     |
 *    |      | length    | 7 B            |       | seconds, 2 B  | user name, password: each length + bytes |
 *    +------+-----------+----------------+-------+---------------+------------------------------------------+
 *
 *    flags:  user name:1  password:1  will retain:1  will qos:2  will:1  clean session:1  0
 *
 * All after the client id is there only when its flag is. Of a device nothing is: its session is kept while it is away.
 *
 * @throws ProtocolError when the client id is no text
 */
export function encodeConnect(
  { clientId, keepAliveSeconds }: Pick<Connect, 'clientId' | 'keepAliveSeconds'>,
  flags: number,
  extras: readonly number[],
): Uint8Array {
  const body = [...PROTOCOL, flags, ...uint16(keepAliveSeconds), ...textField(clientId), ...extras];
  return encodeSmallPacket(PACKET_TYPE.CONNECT, body);
}

/**
 * A CONNECT with all that it may have.
 *
 * @throws ProtocolError for a keep-alive outside 0..65_535, a password without user name, a wrong topic name, or a text
 *         that is none
 */
export function encodeWholeConnect(connect: Connect): Uint8Array {
  const { keepAliveSeconds, cleanSession, will, username, password } = connect;
  if (keepAliveSeconds !== (keepAliveSeconds & 0xffff)) throw malformed('3.1.2.10', `keep-alive ${keepAliveSeconds}`);
  if (password !== undefined && username === undefined) throw malformed('3.1.2.9', 'password without user name');
  const body: number[] = [];
  let flags = cleanSession ? 2 : 0;
  if (will !== undefined) {
    flags |= 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0);
    body.push(...textField(checkTopicName(will.topicName)), ...bytesField(will.message));
  }
  if (username !== undefined) {
    flags |= 0x80;
    body.push(...textField(username));
  }
  if (password !== undefined) {
    flags |= 0x40;
    body.push(...bytesField(password));
  }
  return encodeConnect(connect, flags, body);
}

function bytesField(bytes: Uint8Array): number[] {
  checkFieldSize(bytes.length);
  return [...uint16(bytes.length), ...bytes];
}

/** @throws ProtocolError for another protocol or level, a reserved flag, or flags and fields that do not fit */
export function decodeConnect(bytes: Uint8Array): Connect {
  const cursor = openPacket(bytes);
  if (!PROTOCOL.every((byte) => takeByte(cursor) === byte))
    throw malformed('3.1.2.1', 'another protocol name or level: expected MQTT, 4');
  const flags = takeByte(cursor);
  if ((flags & 1) !== 0) throw malformed('3.1.2.3', 'the reserved connect flag is set');
  if ((flags & 0xc0) === 0x40) throw malformed('3.1.2.9', 'password without user name');
  const keepAliveSeconds = takeUint16(cursor);
  const clientId = takeText(cursor);
  const will = takeWill(cursor, flags);
  const username = (flags & 0x80) !== 0 ? takeText(cursor) : undefined;
  const password = (flags & 0x40) !== 0 ? takeField(cursor) : undefined;
  takeEnd(cursor);
  return { type: 'CONNECT', clientId, cleanSession: (flags & 2) !== 0, keepAliveSeconds, will, username, password };
}

function takeWill(cursor: Cursor, flags: number): Will | undefined {
  const qos = (flags >> 3) & 3;
  const retain = (flags & 0x20) !== 0;
  if ((flags & 4) === 0) {
    if (qos !== 0 || retain) throw malformed('3.1.2.6', 'will QoS or will retain without will');
    return undefined;
  }
  if (qos === 3) throw malformed('3.1.2.6', 'will QoS 3: expected 0..2');
  return { topicName: checkTopicName(takeText(cursor)), message: takeField(cursor), qos: qos as QoS, retain };
}

/**
 * CONNACK (MQTT 3.1.1 §3.2):
 *
 *    +------+---+---------------------+-------------+
 *    | 0x20 | 2 | 0:7 session present | return code |
 *    +------+---+---------------------+-------------+
 */
export function encodeConnack({ sessionPresent, returnCode }: Omit<Connack, 'type'>): Uint8Array {
  return encodeSmallPacket(PACKET_TYPE.CONNACK, [sessionPresent ? 1 : 0, returnCode]);
}

/** @throws ProtocolError for a reserved flag or return code, or a session present in a refusal */
export function decodeConnack(bytes: Uint8Array): Omit<Connack, 'type'> {
  const cursor = openPacket(bytes);
  const flags = takeByte(cursor);
  const returnCode = takeByte(cursor);
  takeEnd(cursor);
  // 1: session present, which a refusal cannot have
  const wrong = flags > 1 ? 1 : returnCode > 5 ? 3 : flags === 1 && returnCode > 0 ? 2 : 0;
  if (wrong) throw malformed(`3.2.2.${wrong}`, `CONNACK with flags ${flags}, return code ${returnCode}`);
  return { sessionPresent: flags === 1, returnCode: returnCode as ConnectReturnCode };
}
