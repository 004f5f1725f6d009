import { packetIdentifierField, takeEnd, takePacketIdentifier } from './fields.ts';
import { encodeSmallPacket, openPacket } from './fixed-header.ts';

/**
 * PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK (MQTT 3.1.1 §3.4 to §3.7, §3.11):
 *
 *    +--------------+---+-------------------+
 *    | type:4 f:4   | 2 | packet identifier |   f: 2 in PUBREL, 0 in the others
 *    +--------------+---+-------------------+
 *
 * @throws ProtocolError when the packet identifier is not 1..65_535
 */
export function encodeAcknowledgement(type: number, packetIdentifier: number): Uint8Array {
  return encodeSmallPacket(type, packetIdentifierField(packetIdentifier));
}

/** @returns the packet identifier. @throws ProtocolError when it has another size, or packet identifier 0 */
export function decodeAcknowledgement(bytes: Uint8Array): number {
  const cursor = openPacket(bytes);
  const packetIdentifier = takePacketIdentifier(cursor);
  takeEnd(cursor);
  return packetIdentifier;
}

/**
 * PINGREQ, PINGRESP, DISCONNECT (MQTT 3.1.1 §3.12 to §3.14): encodeSmallPacket of the type, and
 *
 *    +-----------+---+
 *    | type:4  0 | 0 |
 *    +-----------+---+
 *
 * @throws ProtocolError when it has a body
 */
export function decodeSignal(bytes: Uint8Array): void {
  takeEnd(openPacket(bytes));
}
