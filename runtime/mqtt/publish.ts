import { checkPacketIdentifier, checkTopicName, takePacketIdentifier, takeText, utf8Chars } from './fields.ts';
import { encodeFixedHeader, openPacket } from './fixed-header.ts';
import { malformed, type Publish, type QoS } from './packet.ts';

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
export function encodePublish(publish: Publish): Uint8Array {
  const { payload, qos, dup, retain } = publish;
  const topic = utf8Chars(checkTopicName(publish.topicName));
  const size = 2 + topic.length + (qos === 0 ? 0 : 2) + payload.length;
  const bytes = encodeFixedHeader(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), size);
  let at = bytes.length - size;
  bytes[at++] = topic.length >> 8;
  bytes[at++] = topic.length;
  for (let i = 0; i < topic.length; i++) bytes[at++] = topic.charCodeAt(i);
  if (qos !== 0) {
    const packetIdentifier = checkPacketIdentifier(publish.packetIdentifier);
    bytes[at++] = packetIdentifier >> 8;
    bytes[at++] = packetIdentifier;
  }
  bytes.set(payload, at);
  return bytes;
}

/** @throws ProtocolError for QoS 3, DUP at QoS 0, a wrong topic name, packet identifier 0, or missing bytes */
export function decodePublish(bytes: Uint8Array): Publish {
  const cursor = openPacket(bytes, 'PUBLISH');
  const topicName = checkTopicName(takeText(cursor));
  const flags = bytes[0]!;
  const qos = ((flags >> 1) & 3) as QoS | 3;
  const dup = (flags & 8) !== 0;
  const retain = (flags & 1) !== 0;
  if (qos === 3) throw malformed('3.3.1.2', 'PUBLISH at QoS 3');
  if (qos === 0) {
    if (dup) throw malformed('3.3.1.1', 'PUBLISH at QoS 0 with DUP');
    return { type: 'PUBLISH', topicName, payload: bytes.subarray(cursor.at), retain, qos, dup };
  }
  const packetIdentifier = takePacketIdentifier(cursor);
  return { type: 'PUBLISH', topicName, payload: bytes.subarray(cursor.at), retain, qos, dup, packetIdentifier };
}
