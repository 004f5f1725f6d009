/** What a client does with the bytes that its server sends. */
import { ProtocolError } from '../errors.ts';
import { decodeAcknowledgement, decodeSignal, encodeAcknowledgement } from './acknowledgement.ts';
import { decodeConnack } from './connect.ts';
import { accepted, fail, inFlight, inSession, isConnected, onlineIfSubscribed, send, sendDue } from './connection.ts';
import { nextPacket, offer } from './framer.ts';
import { malformed, PACKET_TYPE } from './packet.ts';
import { decodePublish } from './publish.ts';
import type { Client } from './session.ts';
import { decodeSuback } from './subscribe.ts';

/** Takes bytes in any portions; those of a connection that we gave up are passed over. What breaks the protocol closes. */
export function take(client: Client, bytes: Uint8Array): void {
  if (!isConnected(client)) return;
  client.receivedAtMillis = client.now;
  try {
    offer(client.framer, bytes);
    while (isConnected(client)) {
      const packet = nextPacket(client.framer);
      if (!packet) return;
      takePacket(client, packet, packet[0]! >> 4);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    fail(client, error.message);
  }
}

/** CONNACK comes first, and once (§3.2). */
function takePacket(client: Client, packet: Uint8Array, type: number): void {
  if (inSession(client) !== (type === PACKET_TYPE.CONNACK)) {
    switch (type) {
      case PACKET_TYPE.CONNACK:
        return takeConnack(client, packet);
      case PACKET_TYPE.PUBLISH:
        return takePublish(client, packet);
      case PACKET_TYPE.PUBACK:
        return takePuback(client, packet);
      case PACKET_TYPE.SUBACK:
        return takeSuback(client, packet);
      case PACKET_TYPE.PINGRESP:
        decodeSignal(packet);
        client.untilMillis = Infinity;
        return;
    }
  }
  throw malformed('2.2.1', `packet type ${type}: not expected here`);
}

function takeConnack(client: Client, packet: Uint8Array): void {
  const { returnCode, sessionPresent } = decodeConnack(packet);
  if (returnCode) fail(client, `CONNACK ${returnCode}: ${REFUSALS[returnCode - 1]}`);
  else accepted(client, sessionPresent);
}

/** Return codes 1 to 5 (§3.2.2.3). */
const REFUSALS = [
  'not this protocol version',
  'not this client identifier',
  'server unavailable',
  'not this user name or password',
  'not authorized',
];

function takePublish(client: Client, packet: Uint8Array): void {
  const { topicName: topic, payload, qos, packetIdentifier } = decodePublish(packet);
  if (qos > 1) throw malformed('3.8.4', 'PUBLISH at QoS 2: expected 0..1');
  client.effects.push({ do: 'message', topic, payload, qos });
  if (qos) send(client, encodeAcknowledgement(PACKET_TYPE.PUBACK, packetIdentifier));
}

/** A PUBACK for nothing is the second one of a message that was sent twice. So is a SUBACK. */
function takePuback(client: Client, packet: Uint8Array): void {
  const packetIdentifier = decodeAcknowledgement(packet);
  const acknowledged = inFlight(client).find((one) => one.packetIdentifier === packetIdentifier);
  client.held = client.held.filter((one) => one !== acknowledged);
  sendDue(client);
}

function takeSuback(client: Client, packet: Uint8Array): void {
  const { packetIdentifier, returnCodes } = decodeSuback(packet);
  const acknowledged = inFlight(client).find((one) => one.packetIdentifier === packetIdentifier);
  const filters = acknowledged?.filters;
  if (!filters) return;
  const refused = filters.filter((_, n) => returnCodes[n] === 0x80);
  const message = `SUBACK refuses ${refused}`;
  // Those with + are for answers, which come to who asked all the same (data-plane §2): a policy need not allow them.
  if (!refused.every((filter) => filter.includes('+'))) return fail(client, message);
  if (refused[0]) client.effects.push({ do: 'log', level: 'warn', message });
  if (returnCodes.length !== filters.length || returnCodes.includes(2))
    throw malformed('3.9.3', `SUBACK return codes ${returnCodes}: expected ${filters.length}, 0..1`);
  client.subscribes = client.subscribes.filter((one) => one !== acknowledged);
  onlineIfSubscribed(client);
}
