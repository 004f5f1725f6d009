/**
 * The client's half of an MQTT 3.1.1 session: connect, subscribe, acknowledge, keep alive, back off. Events in,
 * effects out; the owner keeps the transport and one timer.
 */
import { HELD_BYTES_MAX, HELD_MESSAGES_MAX, SUBSCRIBES_MAX } from '../limits.ts';
import { take } from './arriving.ts';
import { encodeConnect } from './connect.ts';
import {
  inFlight,
  inSession,
  isConnected,
  open,
  opened,
  pingAt,
  retryLater,
  send,
  sendDue,
  stop,
  wake,
} from './connection.ts';
import { createFramer } from './framer.ts';
import { encodePublish } from './publish.ts';
import type { Client, ClientEffect, ClientEvent, ClientOptions, Unacknowledged } from './session.ts';
import { encodeSubscribe } from './subscribe.ts';

export type { Client, ClientEffect, ClientEvent, ClientOptions } from './session.ts';

/**
 * @param seed    any 32-bit integer, different on each device and boot: it spreads the pauses of a fleet
 * @throws ProtocolError when the client id cannot be put into CONNECT
 */
export function createClient(options: ClientOptions, seed: number): Client {
  return {
    options,
    connectPacket: encodeConnect(options, 0, []),
    at: 'stopped',
    untilMillis: Infinity,
    framer: createFramer(),
    sessionPresent: false,
    onlineSinceMillis: 0,
    sentAtMillis: 0,
    receivedAtMillis: 0,
    subscribes: options.subscribes,
    held: [],
    packetIdentifier: SUBSCRIBES_MAX,
    attempts: 0,
    chance: seed,
    now: 0,
    effects: [],
  };
}

/**
 * One of ClientOptions.subscribes.
 *
 * @param packetIdentifier  1..SUBSCRIBES_MAX, another one than the others have
 * @param filters            1 to SUBSCRIPTIONS_PER_SUBSCRIBE_MAX, each as §4.7.1 has it; at QoS 1
 * @throws ProtocolError when one of them cannot be put into SUBSCRIBE
 */
export function subscribeTo(packetIdentifier: number, filters: readonly string[]): Unacknowledged {
  const subscriptions = filters.map((topicFilter) => ({ topicFilter, qos: 1 as const }));
  const packet = encodeSubscribe({ packetIdentifier, subscriptions });
  return { packetIdentifier, packet, filters, resendAtMillis: 0, pauseMillis: 0 };
}

/**
 * @param now  milliseconds of a clock that only runs forward
 * @returns    the next state (the one before is of no more use: they share the framer's buffer) and what to do
 * @throws     ProtocolError when a message to publish is itself wrong; what the server does wrong closes instead
 */
export function stepClient(before: Client, event: ClientEvent, now: number): [Client, ClientEffect[]] {
  const client: Client = { ...before, now, effects: [] };
  const { at } = client;
  switch (event.on) {
    case 'start':
      if (at === 'stopped') open(client);
      break;
    case 'opened':
      if (at === 'opening') opened(client);
      break;
    case 'bytes':
      take(client, event.bytes);
      break;
    case 'closed':
      if (at === 'opening' || isConnected(client)) retryLater(client, event.reason ?? 'connection closed');
      break;
    case 'publish':
      publish(client, event);
      break;
    case 'stop':
      if (at !== 'stopped') stop(client);
      break;
    case 'wake':
      wake(client);
  }
  return [client, client.effects];
}

/** @returns the earliest time at which a `wake` is needed; Infinity: not before another event */
export function wakeAt(client: Client): number {
  const { untilMillis } = client;
  if (!inSession(client)) return untilMillis;
  const resends = inFlight(client).map(({ resendAtMillis }) => resendAtMillis);
  return Math.min(untilMillis === Infinity ? pingAt(client) : untilMillis, ...resends);
}

/** True from `publish` until it was acknowledged (or was not held in the first place). */
export function isInFlight({ held }: Client, key: string): boolean {
  return held.some((message) => message.key === key);
}

function publish(client: Client, { topic, payload, qos, key }: ClientEvent & { on: 'publish' }): void {
  const { held } = client;
  const packetIdentifier = qos && nextPacketIdentifier(client);
  const packet = encodePublish({ topicName: topic, payload, qos, packetIdentifier });
  if (!qos) {
    if (client.at === 'online') send(client, packet);
    return;
  }
  const heldBytes = held.reduce((sum, one) => sum + one.packet.length, packet.length);
  if (held.length >= HELD_MESSAGES_MAX || heldBytes > HELD_BYTES_MAX) return;
  client.held = [...held, { packetIdentifier, packet, key, resendAtMillis: 0, pauseMillis: 0 }];
  client.packetIdentifier = packetIdentifier;
  if (client.at === 'online') sendDue(client);
}

/** The next one that neither a SUBSCRIBE, which have the first ones, nor a message held has (§2.3.1). */
function nextPacketIdentifier({ held, packetIdentifier }: Client): number {
  let next = packetIdentifier;
  do next = next === 65_535 ? SUBSCRIBES_MAX + 1 : next + 1;
  while (held.some((message) => message.packetIdentifier === next));
  return next;
}
