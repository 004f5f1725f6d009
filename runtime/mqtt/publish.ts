import { checkPacketIdentifier, checkTopicName, takePacketIdentifier, takeTopicName, utf8Chars } from './fields.ts';
import { encodeFixedHeader, openPacket } from './fixed-header.ts';
import { malformed, type QoS } from './packet.ts';

/**
 * PUBLISH (MQTT 3.1.1 §3.3):
 *
 *    +---+-------+-------+----------+-------------------+---------------------+------------------+---------+
 *    | 3 | dup:1 | qos:2 | retain:1 | remaining length  | topic name (length, | packet id, 2 B,  | payload |
 *    |   |       |       |          | 1..4 B            | UTF-8)              | only at QoS 1, 2 |         |
 *    +---+-------+-------+----------+-------------------+---------------------+------------------+---------+
 *
 * @throws ProtocolError when the topic name has a wildcard, is empty or too long, or the packet identifier is 0
 */
export function encodePublish({ topicName, payload, qos, packetIdentifier }: Published): Uint8Array {
  const topic = utf8Chars(checkTopicName(topicName));
  const size = 2 + topic.length + (qos ? 2 : 0) + payload.length;
  const bytes = encodeFixedHeader(0x30 | (qos << 1), size);
  let at = bytes.length - size;
  bytes[at++] = topic.length >> 8;
  bytes[at++] = topic.length;
  for (let i = 0; i < topic.length; i++) bytes[at++] = topic.charCodeAt(i);
  if (qos) {
    const identifier = checkPacketIdentifier(packetIdentifier);
    bytes[at++] = identifier >> 8;
    bytes[at++] = identifier;
  }
  bytes.set(payload, at);
  return bytes;
}

/** A PUBLISH but for DUP and RETAIN; its packet identifier means something only at QoS 1 and 2. */
export interface Published {
  topicName: string;
  payload: Uint8Array;
  qos: QoS;
  packetIdentifier?: number;
}

/** @throws ProtocolError for QoS 3, DUP at QoS 0, a wrong topic name, packet identifier 0, or missing bytes */
export function decodePublish(bytes: Uint8Array): Required<Published> {
  const cursor = openPacket(bytes);
  const topicName = takeTopicName(cursor);
  const flags = bytes[0]! & 15;
  const qos = (flags >> 1) & 3;
  const wrong = qos === 3 ? 2 : flags > 7 && qos === 0 ? 1 : 0;
  if (wrong) throw malformed(`3.3.1.${wrong}`, `PUBLISH at QoS ${qos} with flags ${flags}`);
  const packetIdentifier = qos ? takePacketIdentifier(cursor) : 0;
  return { topicName, payload: bytes.subarray(cursor.at), qos: qos as QoS, packetIdentifier };
}
