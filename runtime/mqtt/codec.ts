/** Every packet in every direction. A device imports only the halves that it needs. */
import { decodeAcknowledgement, decodeSignal, encodeAcknowledgement } from './acknowledgement.ts';
import { decodeConnack, decodeConnect, encodeConnack, encodeWholeConnect } from './connect.ts';
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

/** Flags of a PUBLISH that a device neither sets at first nor looks at (§3.3.1.1, §3.3.1.3). */
const DUP = 8;
const RETAIN = 1;

function marked(packet: Uint8Array, flags: number): Uint8Array {
  packet[0]! |= flags;
  return packet;
}

/**
 * @returns the packet's bytes, fixed header included
 * @throws  ProtocolError when the value cannot be such a packet
 */
export function encodePacket(packet: Packet): Uint8Array {
  switch (packet.type) {
    case 'CONNECT':
      return encodeWholeConnect(packet);
    case 'CONNACK':
      return encodeConnack(packet);
    case 'PUBLISH':
      return marked(encodePublish(packet), (packet.dup ? DUP : 0) | (packet.retain ? RETAIN : 0));
    case 'SUBSCRIBE':
      return readable(encodeSubscribe(packet));
    case 'SUBACK':
      return encodeSuback(packet);
    case 'UNSUBSCRIBE':
      return readable(encodeUnsubscribe(packet));
    case 'PINGREQ':
    case 'PINGRESP':
    case 'DISCONNECT':
      return encodeSmallPacket(PACKET_TYPE[packet.type]);
    default:
      return encodeAcknowledgement(PACKET_TYPE[packet.type], packet.packetIdentifier);
  }
}

/** Throws what its reader would. */
function readable(packet: Uint8Array): Uint8Array {
  decodePacket(packet);
  return packet;
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
      const { packetIdentifier, qos, ...publish } = decodePublish(bytes);
      const dup = (bytes[0]! & DUP) > 0;
      const retain = (bytes[0]! & RETAIN) > 0;
      return qos === 0
        ? { type, qos, dup: false, retain, ...publish }
        : { type, qos, dup, retain, packetIdentifier, ...publish };
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
