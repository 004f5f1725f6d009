import { PAYLOAD_BYTES_MAX } from '../../../runtime/jobs/limits.ts';
import { authorisePublish } from './authorise.ts';
import type { GatewayEvent } from './events.ts';
import { expiryOf, type Message, ownPayload } from './message.ts';
import { encodeCorrelationData } from './properties.ts';
import { REASON, type ReasonCode, type Refusal } from './reasons.ts';
import { retain } from './retained.ts';
import { deliverKept, deliverOnce, type Encoded, subscriptionTo } from './session.ts';
import { type Connection, type Gateway, type Session, warn } from './state.ts';
import { type Subscription, subscribersOf } from './subscriptions.ts';
import { faultOfTopic } from './topicNames.ts';
import type { HeldWill } from './will.ts';

/**
 * Takes a client's message to where it goes.
 *
 * @param connection       whose it is: online, or just gone and this is its will
 * @param correlationData  of the message, for a request to the service
 * @returns why it is not taken; else what its PUBACK says
 */
export function publish(
  gateway: Gateway,
  connection: Connection,
  message: Message,
  correlationData?: Uint8Array,
): Refusal | ReasonCode {
  const { topic, payload } = message;
  const fault = faultOfTopic(topic);
  if (fault !== undefined) return { reasonCode: REASON.topicNameInvalid, reason: fault };
  if (payload.length > PAYLOAD_BYTES_MAX)
    return {
      reasonCode: REASON.quotaExceeded,
      reason: `a payload of ${payload.length} bytes: at most ${PAYLOAD_BYTES_MAX}`,
    };
  const verdict = authorisePublish(connection.principal, topic, message.retain);
  switch (verdict.to) {
    case 'refused':
      return { reasonCode: REASON.notAuthorized, reason: `${topic}: ${verdict.reason}` };
    case 'nobody':
      return REASON.noMatchingSubscribers;
    case 'service': {
      const { thingName, request } = verdict;
      const clientId = connection.online?.session.clientId as string;
      gateway.effects.push({
        do: 'request',
        connection: connection.number,
        clientId,
        thingName,
        topic,
        request,
        payload,
        ...(correlationData && { correlationData: new Uint8Array(correlationData) }),
      });
      return REASON.success;
    }
    case 'provisioning': {
      // Nobody is there to be answered.
      if (connection.online === undefined) return REASON.noMatchingSubscribers;
      gateway.effects.push({
        do: 'provision',
        connection: connection.number,
        clientId: connection.online.session.clientId,
        certificateId: connection.principal.certificateId,
        topic,
        request: verdict.request,
        payload,
        ...(correlationData && { correlationData: new Uint8Array(correlationData) }),
      });
      return REASON.success;
    }
    case 'subscribers':
      if (message.retain && !topic.startsWith('$') && !retain(gateway.retained, message, gateway.now))
        warn(gateway, connection, 'too many retained messages: this one was passed on and not kept', { topic });
      return fanOut(gateway, message, connection.online?.session.clientId)
        ? REASON.success
        : REASON.noMatchingSubscribers;
  }
}

/** A will is a message like any other; it was checked and authorised at CONNECT. */
export function publishWill(gateway: Gateway, { connection, will }: Pick<HeldWill, 'connection' | 'will'>): void {
  const expiresAt = expiryOf(will.expiryIntervalSeconds, gateway.now);
  publish(gateway, connection, { ...will.message, expiresAt }, will.correlationData);
}

/**
 * To all who subscribed.
 *
 * @param message  its `retain` is what it was published with
 * @param from     the client identifier of the publisher, for those who asked for none of their own (MQTT 5 §3.8.3.1)
 * @returns whether anybody subscribed
 */
export function fanOut(gateway: Gateway, message: Message, from?: string): boolean {
  const plain: Message = message.retain ? { ...message, retain: false } : message;
  const encoded: Encoded = {}; // of QoS 0: the same for all
  const subscribers = subscribersOf(gateway.subscriptions, message.topic);
  for (const [session, subscription] of subscribers) {
    if (subscription.noLocal && session.clientId === from) continue;
    if (message.qos === 1 && subscription.qos === 1)
      deliverKept(gateway, session, forSubscriber(plain, message.retain, subscription));
    else {
      const mine = forSubscriber(plain, message.retain, subscription);
      deliverOnce(gateway, session, mine, mine === plain ? encoded : undefined);
    }
  }
  return subscribers.size > 0;
}

/**
 * To the requester alone: at QoS 1 where it holds a subscription at QoS 1, else at QoS 0. When its connection is gone, a
 * persistent session that subscribed at QoS 1 gets it, now or later. It goes to the topic of AWS, `.../accepted` or
 * `.../rejected`, whatever response topic a client of MQTT 5 named; the correlation data of its request comes back.
 */
export function answer(
  gateway: Gateway,
  { connection: number, clientId, topic, payload, correlationData }: GatewayEvent & { on: 'answer' },
): void {
  const connection = gateway.connections.get(number);
  const session: Session | undefined = connection?.online?.session ?? gateway.sessions.get(clientId);
  if (session === undefined) return;
  const subscription = subscriptionTo(session, topic);
  const properties = correlationData && encodeCorrelationData(correlationData);
  const plain: Message = { topic, payload, qos: 1, retain: false, properties };
  const message = subscription ? forSubscriber(plain, false, subscription) : plain;
  if (subscription?.qos === 1) {
    if (connection !== undefined || session.expiryMillis > 0) deliverKept(gateway, session, message);
  } else if (connection !== undefined) deliverOnce(gateway, session, message);
}

/** The message itself, unless the subscription changes it. */
function forSubscriber(plain: Message, published: boolean, subscription: Subscription): Message {
  const retained = published && subscription.retainAsPublished;
  if (!retained && subscription.identifiers.length === 0) return plain;
  if (plain.qos === 1 && subscription.qos === 1) ownPayload(plain); // once for all of them
  return { ...plain, retain: retained, subscriptionIdentifiers: subscription.identifiers };
}
