import {
  checkTopicFilter,
  packetIdentifierField,
  takeByte,
  takePacketIdentifier,
  takeText,
  textField,
} from './fields.ts';
import { encodeSmallPacket, openPacket } from './fixed-header.ts';
import {
  malformed,
  PACKET_TYPE,
  type QoS,
  type Suback,
  type Subscribe,
  type Subscription,
  type Unsubscribe,
} from './packet.ts';

/**
 * SUBSCRIBE (MQTT 3.1.1 §3.8):
 *
 *    +------+-----------+--------------+---------------------------------------------+
 *    | 0x82 | remaining | packet id,   | one or more of                              |
 *    |      | length    | 2 B          | topic filter (length, UTF-8), 0:6 qos:2     |
 *    +------+-----------+--------------+---------------------------------------------+
 *
 * Its topic filters are checked where they are read.
 */
export function encodeSubscribe({ packetIdentifier, subscriptions }: Omit<Subscribe, 'type'>): Uint8Array {
  const fields = subscriptions.flatMap(({ topicFilter, qos }) => [...textField(topicFilter), qos]);
  return encodeFilters(PACKET_TYPE.SUBSCRIBE, packetIdentifier, fields);
}

/** @throws ProtocolError for QoS 3, reserved bits, no subscription, or a wrong topic filter */
export function decodeSubscribe(bytes: Uint8Array): Subscribe {
  const cursor = openPacket(bytes);
  const packetIdentifier = takePacketIdentifier(cursor);
  const subscriptions: Subscription[] = [];
  do {
    const topicFilter = checkTopicFilter(takeText(cursor));
    const qos = takeByte(cursor);
    if (qos > 2) throw malformed('3.8.3', `requested QoS byte ${qos}: expected 0..2`);
    subscriptions.push({ topicFilter, qos: qos as QoS });
  } while (cursor.at < bytes.length);
  return { type: 'SUBSCRIBE', packetIdentifier, subscriptions };
}

/**
 * SUBACK (MQTT 3.1.1 §3.9):
 *
 *    +------+------------------+-----------+--------------------------------------------+
 *    | 0x90 | remaining length | packet id | one or more return codes: QoS granted, 0x80 |
 *    +------+------------------+-----------+--------------------------------------------+
 */
export function encodeSuback({ packetIdentifier, returnCodes }: Suback): Uint8Array {
  return encodeSmallPacket(PACKET_TYPE.SUBACK, [...packetIdentifierField(packetIdentifier), ...returnCodes]);
}

/** @throws ProtocolError for a return code that is not 0, 1, 2 or 0x80, or none at all */
export function decodeSuback(bytes: Uint8Array): Omit<Suback, 'type'> {
  const cursor = openPacket(bytes);
  const packetIdentifier = takePacketIdentifier(cursor);
  const returnCodes = [takeByte(cursor), ...bytes.subarray(cursor.at)];
  const wrong = returnCodes.find((code) => code > 2 && code !== 0x80);
  if (wrong) throw malformed('3.9.3', `SUBACK return code ${wrong}`);
  return { packetIdentifier, returnCodes: returnCodes as (QoS | 0x80)[] };
}

/**
 * UNSUBSCRIBE (MQTT 3.1.1 §3.10):
 *
 *    +------+------------------+-----------+---------------------------------------------+
 *    | 0xa2 | remaining length | packet id | one or more topic filters (length, UTF-8)   |
 *    +------+------------------+-----------+---------------------------------------------+
 *
 * Its topic filters are checked where they are read.
 */
export function encodeUnsubscribe({ packetIdentifier, topicFilters }: Unsubscribe): Uint8Array {
  const fields = topicFilters.flatMap(textField);
  return encodeFilters(PACKET_TYPE.UNSUBSCRIBE, packetIdentifier, fields);
}

/** @throws ProtocolError for no topic filter or a wrong one */
export function decodeUnsubscribe(bytes: Uint8Array): Unsubscribe {
  const cursor = openPacket(bytes);
  const packetIdentifier = takePacketIdentifier(cursor);
  const topicFilters: string[] = [];
  do topicFilters.push(checkTopicFilter(takeText(cursor)));
  while (cursor.at < bytes.length);
  return { type: 'UNSUBSCRIBE', packetIdentifier, topicFilters };
}

function encodeFilters(type: number, packetIdentifier: number, fields: readonly number[]): Uint8Array {
  return encodeSmallPacket(type, [...packetIdentifierField(packetIdentifier), ...fields]);
}
