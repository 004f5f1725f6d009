/** What a client does with the bytes that its server sends. */
import { ProtocolError } from '../errors.ts';
import { decodeAcknowledgement, decodeSignal } from './acknowledgement.ts';
import { decodeConnack } from './connect.ts';
import {
  accepted,
  fail,
  filtersOf,
  inSession,
  isConnected,
  onlineIfSubscribed,
  sendDuePackets,
  tell,
} from './connection.ts';
import { putUint16 } from './fields.ts';
import { encodeSmallPacket } from './fixed-header.ts';
import { nextPacket, offer } from './framer.ts';
import { malformed, PACKET_TYPE } from './packet.ts';
import { decodePublish } from './publish.ts';
import type { Turn } from './session.ts';
import { decodeSuback } from './subscribe.ts';
import { findInFlight } from './unacknowledged.ts';

/** Takes bytes in any portions; those of a connection that we gave up are passed over. What breaks the protocol closes. */
export function take(turn: Turn, bytes: Uint8Array): void {
  const { client } = turn;
  if (!isConnected(client)) return;
  client.receivedAtMillis = turn.now;
  try {
    offer(client.framer, bytes);
    while (isConnected(client)) {
      const packet = nextPacket(client.framer);
      if (packet === undefined) return;
      if (inSession(client)) takePacket(turn, packet);
      else takeConnack(turn, packet);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    fail(turn, error.message);
  }
}

function takePacket(turn: Turn, packet: Uint8Array): void {
  const type = packet[0]! >> 4;
  switch (type) {
    case PACKET_TYPE.PUBLISH:
      return takePublish(turn, packet);
    case PACKET_TYPE.PUBACK:
      return takePuback(turn, packet);
    case PACKET_TYPE.SUBACK:
      return takeSuback(turn, packet);
    case PACKET_TYPE.PINGRESP:
      decodeSignal(packet, 'PINGRESP');
      turn.client.untilMillis = Infinity;
      return;
  }
  throw malformed('2.2.1', `packet type ${type}: expected PUBLISH, PUBACK, SUBACK or PINGRESP`);
}

function takeConnack(turn: Turn, packet: Uint8Array): void {
  const { returnCode, sessionPresent } = decodeConnack(packet);
  if (sessionPresent && turn.client.options.cleanSession)
    throw malformed('3.2.2.2', 'session present after clean session');
  if (returnCode === 0) accepted(turn, sessionPresent);
  else refuse(turn, `CONNACK ${returnCode}: ${REFUSALS[returnCode - 1]}`);
}

/** Return codes 1 to 5 (§3.2.2.3). */
const REFUSALS = [
  'protocol version not accepted',
  'client identifier not accepted',
  'server unavailable',
  'bad user name or password',
  'not authorized',
];

function takePublish(turn: Turn, packet: Uint8Array): void {
  const publish = decodePublish(packet);
  const { topicName: topic, payload, qos } = publish;
  if (qos === 2) throw malformed('3.8.4', 'PUBLISH at QoS 2: expected the QoS subscribed');
  tell(turn, { what: 'message', topic, payload, qos });
  if (qos === 0) return;
  const body: number[] = [];
  putUint16(body, publish.packetIdentifier);
  turn.packets.push(encodeSmallPacket('PUBACK', body));
}

/** A PUBACK for nothing is the second one of a message that was sent twice. So is a SUBACK. */
function takePuback(turn: Turn, packet: Uint8Array): void {
  const { client } = turn;
  const found = findInFlight(client.held, decodeAcknowledgement(packet, 'PUBACK').packetIdentifier);
  if (found === undefined) return;
  client.held = client.held.filter((message) => message !== found);
  tell(turn, { what: 'acknowledged', key: found.key });
  if (client.at === 'online') sendDuePackets(turn);
}

function takeSuback(turn: Turn, packet: Uint8Array): void {
  const { client } = turn;
  const { packetIdentifier, returnCodes } = decodeSuback(packet);
  const found = findInFlight(client.subscribes, packetIdentifier);
  if (found === undefined) return;
  const filters = filtersOf(client.options, packetIdentifier);
  if (returnCodes.length !== filters.length)
    throw malformed('3.9.3', `SUBACK with ${returnCodes.length} return codes: expected ${filters.length}`);
  for (const [index, { topicFilter, qos }] of filters.entries()) {
    const code = returnCodes[index]!;
    if (code === 0x80) return refuse(turn, `SUBACK refuses ${topicFilter}`);
    if (code > qos) throw malformed('3.9.3', `SUBACK return code ${code}: expected at most ${qos}`);
  }
  client.subscribes = client.subscribes.filter((one) => one !== found);
  onlineIfSubscribed(turn);
}

function refuse(turn: Turn, reason: string): void {
  tell(turn, { what: 'refused', reason });
  fail(turn, reason);
}
