import type { ISubscribePacket } from 'mqtt-packet';
import { ProtocolError } from '../../../runtime/errors.ts';
import { refusalOfSubscribe } from './authorise.ts';
import { subscriptionsPerSessionMax, subscriptionsPerSubscribeMax } from './limits.ts';
import { encodePublish, encodeSuback } from './packet.ts';
import { retainedFor } from './retained.ts';
import { deliverKept, deliverOnce } from './session.ts';
import { type Connection, type Gateway, type Session, warn, write } from './state.ts';
import { subscribe } from './subscriptions.ts';
import { faultOfSize, isMalformedFilter } from './topicNames.ts';

const FAILURE = 0x80;

/**
 * SUBSCRIBE (MQTT 3.1.1 §3.8): each filter is granted or refused by itself, SUBACK says which, and the retained messages
 * of those granted follow it.
 *
 * @throws ProtocolError for a filter that MQTT forbids
 */
export function subscribeTo(
  gateway: Gateway,
  connection: Connection,
  session: Session,
  packet: ISubscribePacket,
): void {
  for (const { topic } of packet.subscriptions)
    if (isMalformedFilter(topic)) throw new ProtocolError('MQTT 3.1.1 §4.7.1', `topic filter ${JSON.stringify(topic)}`);
  const atQos2 = packet.subscriptions.find(({ qos }) => qos === 2);
  if (atQos2) return warn(gateway, connection, 'SUBSCRIBE at QoS 2 is not acknowledged', { filter: atQos2.topic });
  const granted = packet.subscriptions.map(({ topic: filter, qos }, i) => {
    const reason = refusal(session, filter, i);
    if (reason !== undefined) {
      warn(gateway, connection, 'subscription refused', { filter, reason });
      return FAILURE;
    }
    session.subscriptions.set(filter, qos as 0 | 1);
    subscribe(gateway.subscriptions, filter, session, qos as 0 | 1);
    return qos;
  });
  write(gateway, connection, encodeSuback(packet.messageId as number, granted));
  packet.subscriptions.forEach(({ topic: filter, qos }, i) => {
    if (granted[i] !== FAILURE) sendRetained(gateway, session, filter, qos as 0 | 1);
  });
}

function refusal(session: Session, filter: string, index: number): string | undefined {
  if (index >= subscriptionsPerSubscribeMax)
    return `more than ${subscriptionsPerSubscribeMax} filters in one SUBSCRIBE`;
  if (session.subscriptions.size >= subscriptionsPerSessionMax && !session.subscriptions.has(filter))
    return `more than ${subscriptionsPerSessionMax} filters for one client`;
  return faultOfSize(filter) ?? refusalOfSubscribe(session.principal, filter);
}

function sendRetained(gateway: Gateway, session: Session, filter: string, qos: 0 | 1): void {
  for (const message of retainedFor(gateway.retained, filter)) {
    if (qos === 1 && message.qos === 1) deliverKept(gateway, session, message);
    else deliverOnce(gateway, session, encodePublish(message.topic, message.payload, true));
  }
}
