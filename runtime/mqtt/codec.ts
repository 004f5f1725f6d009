/** Every packet in every direction. A device imports only the halves that it needs. */
import { decodeAcknowledgement, decodeSignal, encodeAcknowledgement, encodeSignal } from './acknowledgement.ts';
import { decodeConnack, decodeConnect, encodeConnack, encodeConnect, encodeConnectExtras } from './connect.ts';
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
      return encodeSignal(packet);
    default:
      return encodeAcknowledgement(packet);
  }
}

/**
 * @param bytes  one whole packet, as the framer gives it
 * @throws       ProtocolError when it breaks the standard, with the section
 */
export function decodePacket(bytes: Uint8Array): Packet {
  const type = TYPES[((bytes[0] ?? 0) >> 4) - 1];
  switch (type) {
    case undefined:
      throw malformed('2.2.1', `first byte ${bytes[0]}: expected a packet type 1..14`);
    case 'CONNECT':
      return decodeConnect(bytes);
    case 'CONNACK':
      return decodeConnack(bytes);
    case 'PUBLISH':
      return decodePublish(bytes);
    case 'SUBSCRIBE':
      return decodeSubscribe(bytes);
    case 'SUBACK':
      return decodeSuback(bytes);
    case 'UNSUBSCRIBE':
      return decodeUnsubscribe(bytes);
    case 'PINGREQ':
    case 'PINGRESP':
    case 'DISCONNECT':
      return decodeSignal(bytes, type);
    default:
      return decodeAcknowledgement(bytes, type);
  }
}
