/**
 * The client's half of an MQTT 3.1.1 session: connect, subscribe, acknowledge, keep alive, back off. Events in,
 * effects out; the owner keeps the transport and one timer.
 */
import { HELD_BYTES_MAX, HELD_MESSAGES_MAX } from '../limits.ts';
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
import type { Client, ClientEffect, ClientEvent, ClientOptions } from './session.ts';
import { encodeSubscribe } from './subscribe.ts';

export type { Client, ClientEffect, ClientEvent, ClientOptions } from './session.ts';

/**
 * @param seed    any 32-bit integer, different on each device and boot: it spreads the pauses of a fleet
 * @throws ProtocolError when a text among the options cannot be put into CONNECT or SUBSCRIBE
 */
export function createClient(options: ClientOptions, seed: number): Client {
  const { filters: subscriptions } = options;
  return {
    options,
    connectPacket: encodeConnect(options, 0, []),
    subscribePacket: subscriptions.length ? encodeSubscribe({ packetIdentifier: 1, subscriptions }) : undefined,
    at: 'stopped',
    untilMillis: Infinity,
    framer: createFramer(),
    sessionPresent: false,
    onlineSinceMillis: 0,
    sentAtMillis: 0,
    receivedAtMillis: 0,
    subscribes: [],
    held: [],
    packetIdentifier: 1,
    subscribed: false,
    attempts: 0,
    chance: seed,
    now: 0,
    effects: [],
  };
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

/** The next one that neither SUBSCRIBE, which has 1, nor a message held has (§2.3.1). */
function nextPacketIdentifier({ held, packetIdentifier }: Client): number {
  let next = packetIdentifier;
  do next = next === 65_535 ? 2 : next + 1;
  while (held.some((message) => message.packetIdentifier === next));
  return next;
}
