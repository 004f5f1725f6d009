import {
  checkPacketIdentifier,
  checkTopicName,
  decodeText,
  encodeText,
  FIELD_BYTES_MAX,
  writeAscii,
} from './fields.ts';
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
  const topicName = checkTopicName(publish.topicName);
  if (topicName.length <= FIELD_BYTES_MAX) {
    const bytes = publishWithRoom(publish, topicName.length);
    if (writeAscii(topicName, bytes, bytes.length - topicName.length - afterTopic(publish))) return bytes;
  }
  const topicBytes = encodeText(topicName);
  const bytes = publishWithRoom(publish, topicBytes.length);
  bytes.set(topicBytes, bytes.length - topicBytes.length - afterTopic(publish));
  return bytes;
}

/** @throws ProtocolError for QoS 3, DUP at QoS 0, a wrong topic name, packet identifier 0, or missing bytes */
export function decodePublish(bytes: Uint8Array): Publish {
  const from = openPacket(bytes, 'PUBLISH') + 2;
  if (from > bytes.length) throw malformed('3.3.2.1', 'PUBLISH without topic name');
  let to = from + ((bytes[from - 2]! << 8) | bytes[from - 1]!);
  if (to > bytes.length) throw malformed('3.3.2.1', `topic name to byte ${to} in a packet of ${bytes.length}`);
  const topicName = checkTopicName(decodeText(bytes.subarray(from, to)));
  const flags = bytes[0]!;
  const qos = ((flags >> 1) & 3) as QoS | 3;
  const retain = (flags & 1) !== 0;
  const dup = (flags & 8) !== 0;
  if (qos === 0) {
    if (dup) throw malformed('3.3.1.1', 'DUP in a PUBLISH at QoS 0');
    return { type: 'PUBLISH', topicName, payload: bytes.subarray(to), retain, qos, dup };
  }
  if (qos === 3) throw malformed('3.3.1.2', 'PUBLISH at QoS 3: expected 0..2');
  if (to + 2 > bytes.length) throw malformed('3.3.2.2', 'PUBLISH without packet identifier');
  const packetIdentifier = checkPacketIdentifier((bytes[to]! << 8) | bytes[++to]!);
  return { type: 'PUBLISH', topicName, payload: bytes.subarray(to + 1), retain, qos, dup, packetIdentifier };
}

/** Everything but the topic name, for whose bytes room is left. */
function publishWithRoom(publish: Publish, topicBytes: number): Uint8Array {
  const { payload, qos, dup, retain } = publish;
  const size = 2 + topicBytes + afterTopic(publish);
  const bytes = encodeFixedHeader(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0), size);
  let at = bytes.length - size;
  bytes[at++] = topicBytes >> 8;
  bytes[at++] = topicBytes;
  at += topicBytes;
  if (publish.qos !== 0) {
    const packetIdentifier = checkPacketIdentifier(publish.packetIdentifier);
    bytes[at++] = packetIdentifier >> 8;
    bytes[at++] = packetIdentifier;
  }
  bytes.set(payload, at);
  return bytes;
}

/** Bytes behind the topic name. */
function afterTopic({ qos, payload }: Publish): number {
  return (qos === 0 ? 0 : 2) + payload.length;
}
