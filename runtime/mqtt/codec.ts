/** Every packet in every direction. A device imports only the halves that it needs. */
import { decodeAcknowledgement, decodeSignal, encodeAcknowledgement } from './acknowledgement.ts';
import { decodeConnack, decodeConnect, encodeConnack, encodeConnect, encodeConnectExtras } from './connect.ts';
import { decodePacketSize, encodeSmallPacket } from './fixed-header.ts';
import { malformed, PACKET_TYPE, type Packet } from './packet.ts';
import { decodePublish, encodePublish } from './publish.ts';
import {
  decodeSuback,
  decodeSubscribe,
  decodeUnsubscribe,
  encodeSuback,
  encodeSubscribe,
  encodeUnsubscribe,
} from './subscribe.ts';

const TYPES = Object.keys(PACKET_TYPE) as Packet['type'][];

/**
 * @returns the packet's bytes, fixed header included
 * @throws  ProtocolError when the value cannot be such a packet
 */
export function encodePacket(packet: Packet): Uint8Array {
  switch (packet.type) {
    case 'CONNECT':
      return encodeConnect(packet, encodeConnectExtras(packet));
    case 'CONNACK':
      return encodeConnack(packet);
    case 'PUBLISH':
      return encodePublish(packet);
    case 'SUBSCRIBE':
      return encodeSubscribe(packet);
    case 'SUBACK':
      return encodeSuback(packet);
    case 'UNSUBSCRIBE':
      return encodeUnsubscribe(packet);
    case 'PINGREQ':
    case 'PINGRESP':
    case 'DISCONNECT':
      return encodeSmallPacket(PACKET_TYPE[packet.type]);
    default:
      return encodeAcknowledgement(PACKET_TYPE[packet.type], packet.packetIdentifier);
  }
}

/**
 * @param bytes  one whole packet, as the framer gives it
 * @throws       ProtocolError when it breaks the standard, with the section; also when it is not one whole packet
 */
export function decodePacket(bytes: Uint8Array): Packet {
  const size = decodePacketSize(bytes);
  if (size !== bytes.length) throw malformed('2.2.3', `${bytes.length} bytes: expected ${size ?? 'a header'}`);
  const type = TYPES[(bytes[0]! >> 4) - 1]!;
  switch (type) {
    case 'CONNECT':
      return decodeConnect(bytes);
    case 'CONNACK':
      return { type, ...decodeConnack(bytes) };
    case 'PUBLISH': {
      const { packetIdentifier, qos, dup, ...publish } = decodePublish(bytes);
      return qos === 0 ? { type, qos, dup: false, ...publish } : { type, qos, dup, packetIdentifier, ...publish };
    }
    case 'SUBSCRIBE':
      return decodeSubscribe(bytes);
    case 'SUBACK':
      return { type, ...decodeSuback(bytes) };
    case 'UNSUBSCRIBE':
      return decodeUnsubscribe(bytes);
    case 'PINGREQ':
    case 'PINGRESP':
    case 'DISCONNECT':
      decodeSignal(bytes);
      return { type };
    default:
      return { type, packetIdentifier: decodeAcknowledgement(bytes) };
  }
}
