import { thingOfTopic } from '../../../runtime/jobs/topics.ts';
import type { GatewayEffect } from '../gateway/events.ts';
import { decodeConnect, decodeConnectLevel, type ProtocolVersion } from '../gateway/packet.ts';
import type { Connection } from '../gateway/state.ts';
import type { Exchange, Occasion } from './rule.ts';

/** Packet types: the upper half of the first byte (MQTT 3.1.1 §2.2.1), what is sent and what acknowledges it. */
const EXCHANGE_TYPES: Readonly<Record<number, { operation: Exchange; acknowledgementType: number }>> = {
  1: { operation: 'connect', acknowledgementType: 2 },
  3: { operation: 'publish', acknowledgementType: 4 },
  8: { operation: 'subscribe', acknowledgementType: 9 },
  12: { operation: 'ping', acknowledgementType: 13 },
};

/**
 * What a client's packet begins, as rules look at it.
 *
 * @param packet  one whole packet
 * @returns undefined for one that nothing answers, and for a CONNECT that the gateway will not take anyway
 */
export function exchangeOf(connection: Connection, packet: Uint8Array) {
  const type = packet[0]! >> 4;
  const known = EXCHANGE_TYPES[type];
  const isFirst = connection.online === undefined;
  if (known === undefined || isFirst !== (known.operation === 'connect')) return undefined;
  const connect = isFirst ? readConnect(packet) : undefined;
  if (isFirst && connect === undefined) return undefined;
  const { operation, acknowledgementType } = known;
  const acknowledged = operation !== 'publish' || ((packet[0]! >> 1) & 3) > 0;
  const occasion: Occasion = { plane: 'mqtt', operation, things: thingsOf(connection, packet, connect), acknowledged };
  return { occasion, acknowledgementType, connect };
}

function readConnect(packet: Uint8Array): { clientId: string; protocolVersion: ProtocolVersion } | undefined {
  try {
    const level = decodeConnectLevel(packet);
    if (level !== 4 && level !== 5) return undefined;
    return { clientId: decodeConnect(packet, level).clientId, protocolVersion: level };
  } catch {
    return undefined; // the gateway says what is wrong with it
  }
}

/** Those of the certificate; of a client without one, what its topic names, and its client identifier. */
function thingsOf(
  { principal, online }: Connection,
  packet: Uint8Array,
  connect: { clientId: string } | undefined,
): readonly string[] {
  if (!principal.open) return principal.thingNames;
  const clientId = connect?.clientId ?? online?.session.clientId ?? '';
  const thingName = packet[0]! >> 4 === 3 ? thingOfTopic(topicOf(packet)) : undefined;
  return thingName === undefined ? [clientId] : [thingName, clientId];
}

/** The topic of a PUBLISH (MQTT 3.1.1 §3.3.2): behind the remaining length, after its own length. */
function topicOf(packet: Uint8Array): string {
  let at = 1;
  while ((packet[at] ?? 0) >= 0x80) at++;
  const length = ((packet[at + 1] ?? 0) << 8) | (packet[at + 2] ?? 0);
  return Buffer.from(packet.subarray(at + 3, at + 3 + length)).toString();
}

/** Takes the packets of one type out of what is written to a connection. */
export function withoutPackets(effects: readonly GatewayEffect[], connection: number, type: number): GatewayEffect[] {
  return effects.flatMap((effect) => {
    if (effect.do !== 'write' || effect.connection !== connection) return [effect];
    const bytes = Buffer.concat(split(effect.bytes).filter((packet) => packet[0]! >> 4 !== type));
    return bytes.length === 0 ? [] : [{ ...effect, bytes }];
  });
}

/** Lets so many bytes through of what is written to a connection. */
export function truncated(effects: readonly GatewayEffect[], connection: number, bytesMax: number): GatewayEffect[] {
  let left = bytesMax;
  return effects.flatMap((effect) => {
    if (effect.do !== 'write' || effect.connection !== connection) return [effect];
    const bytes = effect.bytes.subarray(0, left);
    left -= bytes.length;
    return bytes.length === 0 ? [] : [{ ...effect, bytes }];
  });
}

/** Whole packets, of our own making. */
function split(bytes: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    let at = from + 1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    packets.push(bytes.subarray(from, at + length));
    from = at + length;
  }
  return packets;
}
