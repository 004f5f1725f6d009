import { checkPacketIdentifier, putUint16, takeEnd, takePacketIdentifier } from './fields.ts';
import { encodeSmallPacket, openPacket } from './fixed-header.ts';
import type { Acknowledgement, Signal } from './packet.ts';

/**
 * PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK (MQTT 3.1.1 §3.4 to §3.7, §3.11):
 *
 *    +--------------+---+-------------------+
 *    | type:4 f:4   | 2 | packet identifier |   f: 2 in PUBREL, 0 in the others
 *    +--------------+---+-------------------+
 *
 * @throws ProtocolError when the packet identifier is not 1..65_535
 */
export function encodeAcknowledgement({ type, packetIdentifier }: Acknowledgement): Uint8Array {
  const body: number[] = [];
  putUint16(body, checkPacketIdentifier(packetIdentifier));
  return encodeSmallPacket(type, body);
}

/** @throws ProtocolError when it is another type, has another size, or packet identifier 0 */
export function decodeAcknowledgement(bytes: Uint8Array, type: Acknowledgement['type']): Acknowledgement {
  const cursor = openPacket(bytes, type);
  const packetIdentifier = takePacketIdentifier(cursor);
  takeEnd(cursor);
  return { type, packetIdentifier };
}

/**
 * PINGREQ, PINGRESP, DISCONNECT (MQTT 3.1.1 §3.12 to §3.14):
 *
 *    +-----------+---+
 *    | type:4  0 | 0 |
 *    +-----------+---+
 */
export function encodeSignal({ type }: Signal): Uint8Array {
  return encodeSmallPacket(type, []);
}

/** @throws ProtocolError when it is another type or has a body */
export function decodeSignal(bytes: Uint8Array, type: Signal['type']): Signal {
  takeEnd(openPacket(bytes, type));
  return { type };
}
