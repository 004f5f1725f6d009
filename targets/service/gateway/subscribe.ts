import { ProtocolError } from '../../../runtime/errors.ts';
import { refusalOfSubscribe } from './authorise.ts';
import { encodeSuback, encodeUnsuback } from './encode.ts';
import { subscriptionsPerSessionMax, subscriptionsPerSubscribeMax } from './limits.ts';
import type { ClientPacket, ProtocolVersion, RequestedSubscription } from './packet.ts';
import { REASON, type Refusal } from './reasons.ts';
import { retainedFor } from './retained.ts';
import { deliverKept, deliverOnce } from './session.ts';
import { type Connection, type Gateway, type Online, type Session, warn, write } from './state.ts';
import { PLAIN, type Subscription, subscribe, unsubscribe } from './subscriptions.ts';
import { faultOfSize, isMalformedFilter } from './topicNames.ts';

/** What SUBACK says of a filter that is refused in MQTT 3.1.1 (§3.9.3). */
const FAILURE = 0x80;

/**
 * SUBSCRIBE (MQTT 3.1.1 §3.8, MQTT 5 §3.8): each filter is granted or refused by itself, SUBACK says which, and the
 * retained messages of those granted follow it. QoS 2 is granted as QoS 1 in MQTT 5 (§3.2.2.3.4).
 *
 * @throws ProtocolError for a filter that MQTT forbids
 */
export function subscribeTo(
  gateway: Gateway,
  connection: Connection,
  { protocolVersion, session }: Online,
  packet: ClientPacket & { cmd: 'subscribe' },
): void {
  for (const { topic } of packet.subscriptions) checkFilter(topic, protocolVersion);
  const atQos2 = packet.subscriptions.find(({ qos }) => qos === 2);
  if (atQos2 && protocolVersion === 4)
    return warn(gateway, connection, 'SUBSCRIBE at QoS 2 is not acknowledged', { filter: atQos2.topic });
  const wanted: (() => void)[] = [];
  const granted = packet.subscriptions.map((requested, i) => {
    const { topic: filter, rh = 0 } = requested;
    const refusal = refusalOf(session, filter, i);
    if (refusal !== undefined) {
      warn(gateway, connection, 'subscription refused', { filter, reason: refusal.reason });
      return protocolVersion === 5 ? refusal.reasonCode : FAILURE;
    }
    const subscription = subscriptionOf(requested, packet.subscriptionIdentifier);
    if (rh === 0 || (rh === 1 && !session.subscriptions.has(filter)))
      wanted.push(() => sendRetained(gateway, session, filter, subscription));
    session.subscriptions.set(filter, subscription);
    subscribe(gateway.subscriptions, filter, session, subscription);
    return subscription.qos;
  });
  write(gateway, connection, encodeSuback(protocolVersion, packet.messageId, granted));
  for (const send of wanted) send();
}

/** @throws ProtocolError for a filter that MQTT forbids, in MQTT 5 */
export function unsubscribeFrom(
  gateway: Gateway,
  connection: Connection,
  { protocolVersion, session }: Online,
  { messageId, unsubscriptions }: ClientPacket & { cmd: 'unsubscribe' },
): void {
  if (protocolVersion === 5) for (const filter of unsubscriptions) checkFilter(filter, protocolVersion);
  const reasonCodes = unsubscriptions.map((filter) => {
    if (!session.subscriptions.delete(filter)) return REASON.noSubscriptionExisted;
    unsubscribe(gateway.subscriptions, filter, session);
    return REASON.success;
  });
  write(gateway, connection, encodeUnsuback(protocolVersion, messageId, reasonCodes));
}

function checkFilter(filter: string, protocolVersion: ProtocolVersion): void {
  if (isMalformedFilter(filter))
    throw new ProtocolError(
      `MQTT ${protocolVersion === 5 ? '5' : '3.1.1'} §4.7.1`,
      `topic filter ${JSON.stringify(filter)}`,
    );
}

function subscriptionOf(requested: RequestedSubscription, identifier: number | undefined): Subscription {
  const { qos, nl: noLocal = false, rap: retainAsPublished = false } = requested;
  const granted = qos === 0 ? 0 : 1;
  if (!noLocal && !retainAsPublished && identifier === undefined) return PLAIN[granted];
  return { qos: granted, noLocal, retainAsPublished, identifiers: identifier === undefined ? [] : [identifier] };
}

function refusalOf(session: Session, filter: string, index: number): Refusal | undefined {
  if (index >= subscriptionsPerSubscribeMax)
    return {
      reasonCode: REASON.quotaExceeded,
      reason: `more than ${subscriptionsPerSubscribeMax} filters in one SUBSCRIBE`,
    };
  if (session.subscriptions.size >= subscriptionsPerSessionMax && !session.subscriptions.has(filter))
    return {
      reasonCode: REASON.quotaExceeded,
      reason: `more than ${subscriptionsPerSessionMax} filters for one client`,
    };
  const fault = faultOfSize(filter);
  if (fault !== undefined) return { reasonCode: REASON.topicFilterInvalid, reason: fault };
  const reason = refusalOfSubscribe(session.principal, filter);
  if (reason === undefined) return undefined;
  const shared = filter.startsWith('$share/');
  return { reasonCode: shared ? REASON.sharedSubscriptionsNotSupported : REASON.notAuthorized, reason };
}

/** RETAIN is set whatever the options say (MQTT 5 §3.3.1.3). */
function sendRetained(gateway: Gateway, session: Session, filter: string, { qos, identifiers }: Subscription): void {
  for (const kept of retainedFor(gateway.retained, filter, gateway.now)) {
    const message = identifiers.length > 0 ? { ...kept, subscriptionIdentifiers: identifiers } : kept;
    if (qos === 1 && message.qos === 1) deliverKept(gateway, session, message);
    else deliverOnce(gateway, session, message);
  }
}
