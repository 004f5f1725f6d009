import {
  type Cursor,
  checkTopicName,
  putField,
  putText,
  putUint16,
  takeByte,
  takeEnd,
  takeField,
  takeText,
  takeUint16,
} from './fields.ts';
import { encodeSmallPacket, openPacket } from './fixed-header.ts';
import { type Connack, type Connect, type ConnectReturnCode, malformed, type QoS, type Will } from './packet.ts';

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
 * All after the client id is there only when its flag is.
 *
 * @throws ProtocolError for a password without user name, a keep-alive outside 0..65_535, or a text that is none
 */
export function encodeConnect(connect: Connect): Uint8Array {
  const { keepAliveSeconds, will, username, password } = connect;
  if (!(keepAliveSeconds >= 0 && keepAliveSeconds < 65_536 && Number.isInteger(keepAliveSeconds)))
    throw malformed('3.1.2.10', `keep-alive ${keepAliveSeconds}: expected whole seconds, 0..65535`);
  if (password !== undefined && username === undefined) throw malformed('3.1.2.9', 'password without user name');
  const flags =
    (username === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40) |
    (will === undefined ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
    (connect.cleanSession ? 0x02 : 0);
  const body = [...PROTOCOL, flags];
  putUint16(body, keepAliveSeconds);
  putText(body, connect.clientId);
  if (will !== undefined) {
    putText(body, checkTopicName(will.topicName));
    putField(body, will.message);
  }
  if (username !== undefined) putText(body, username);
  if (password !== undefined) putField(body, password);
  return encodeSmallPacket(0x10, body);
}

/** @throws ProtocolError for another protocol or level, a reserved flag, or flags and fields that do not fit */
export function decodeConnect(bytes: Uint8Array): Connect {
  const cursor: Cursor = { bytes, at: openPacket(bytes, 'CONNECT') };
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
export function encodeConnack({ sessionPresent, returnCode }: Connack): Uint8Array {
  return encodeSmallPacket(0x20, [sessionPresent ? 1 : 0, returnCode]);
}

/** @throws ProtocolError for a reserved flag or return code, or a session present in a refusal */
export function decodeConnack(bytes: Uint8Array): Connack {
  const cursor: Cursor = { bytes, at: openPacket(bytes, 'CONNACK') };
  const flags = takeByte(cursor);
  const returnCode = takeByte(cursor);
  takeEnd(cursor);
  if (flags > 1) throw malformed('3.2.2.1', `CONNACK flags ${flags}: expected 0 or 1`);
  if (returnCode > 5) throw malformed('3.2.2.3', `CONNACK return code ${returnCode}: expected 0..5`);
  if (flags !== 0 && returnCode !== 0) throw malformed('3.2.2.2', 'session present in a CONNACK that refuses');
  return { type: 'CONNACK', sessionPresent: flags === 1, returnCode: returnCode as ConnectReturnCode };
}
