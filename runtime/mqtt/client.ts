/**
 * The client's half of an MQTT 3.1.1 session: connect, subscribe, acknowledge, keep alive, back off. Events in,
 * effects out; the owner keeps the transport and one timer.
 */
import { HELD_BYTES_MAX, HELD_MESSAGES_MAX } from '../limits.ts';
import { take } from './arriving.ts';
import { encodeConnect } from './connect.ts';
import {
  filtersOf,
  flush,
  inSession,
  isConnected,
  open,
  opened,
  pingAt,
  retryLater,
  sendDuePackets,
  stop,
  tell,
  wake,
} from './connection.ts';
import { createFramer } from './framer.ts';
import { encodePublish } from './publish.ts';
import type { Client, ClientEffect, ClientEvent, ClientOptions, Turn } from './session.ts';
import { encodeSubscribe } from './subscribe.ts';
import { resendAt } from './unacknowledged.ts';

export type { Client, ClientEffect, ClientEvent, ClientOptions } from './session.ts';

/**
 * @param seed    any 32-bit integer, different on each device and boot: it spreads the pauses of a fleet
 * @throws ProtocolError when an option cannot be put into CONNECT or SUBSCRIBE
 */
export function createClient(options: ClientOptions, seed: number): Client {
  const subscribePackets: Uint8Array[] = [];
  for (;;) {
    const packetIdentifier = subscribePackets.length + 1;
    const subscriptions = filtersOf(options, packetIdentifier);
    if (subscriptions.length === 0) break;
    subscribePackets.push(encodeSubscribe({ type: 'SUBSCRIBE', packetIdentifier, subscriptions }));
  }
  return {
    options,
    connectPacket: encodeConnect(options, options.extras),
    subscribePackets,
    at: 'stopped',
    untilMillis: Infinity,
    framer: createFramer(),
    sessionPresent: false,
    subscribes: [],
    onlineSinceMillis: 0,
    sentAtMillis: 0,
    receivedAtMillis: 0,
    held: [],
    packetIdentifier: 65_535,
    subscribed: false,
    attempts: 0,
    chance: seed,
  };
}

/**
 * @param now  milliseconds of a clock that only runs forward
 * @returns    the next state (the one before is of no more use: they share the framer's buffer) and what to do
 * @throws     ProtocolError when a message to publish is itself wrong; what the server does wrong closes instead
 */
export function stepClient(before: Client, event: ClientEvent, now: number): [Client, ClientEffect[]] {
  const client = { ...before };
  const turn: Turn = { client, now, effects: [], packets: [] };
  const { at } = client;
  switch (event.on) {
    case 'start':
      if (at === 'stopped') open(turn);
      break;
    case 'opened':
      if (at === 'opening') opened(turn);
      break;
    case 'bytes':
      take(turn, event.bytes);
      break;
    case 'closed':
      if (at === 'opening' || isConnected(client)) retryLater(turn, event.reason ?? 'connection closed');
      break;
    case 'publish':
      publish(turn, event);
      break;
    case 'stop':
      if (at !== 'stopped') stop(turn);
      break;
    case 'wake':
      wake(turn);
  }
  flush(turn);
  return [client, turn.effects];
}

/** @returns the earliest time at which a `wake` is needed; undefined: not before another event */
export function wakeAt(client: Client): number | undefined {
  let at = client.untilMillis;
  if (inSession(client)) {
    if (at === Infinity) at = pingAt(client);
    at = Math.min(at, resendAt(client.at === 'online' ? client.held : client.subscribes));
  }
  return at === Infinity ? undefined : at;
}

/** True from `publish` until it was told `acknowledged` (or was not held in the first place). */
export function isInFlight({ held }: Client, key: string): boolean {
  return held.some((message) => message.key === key);
}

function publish(turn: Turn, { topic: topicName, payload, qos, key }: ClientEvent & { on: 'publish' }): void {
  const { client, packets } = turn;
  const { held } = client;
  const drop = (reason: string) => tell(turn, { what: 'dropped', key, reason });
  const message = { type: 'PUBLISH', topicName, payload, retain: false, dup: false } as const;
  if (qos === 0) {
    const packet = encodePublish({ ...message, qos });
    if (client.at === 'online') packets.push(packet);
    else drop('QoS 0 while not online');
    return;
  }
  const packetIdentifier = nextPacketIdentifier(client);
  const packet = encodePublish({ ...message, qos, packetIdentifier });
  const heldBytes = held.reduce((sum, one) => sum + one.packet.length, packet.length);
  if (held.length >= HELD_MESSAGES_MAX || heldBytes > HELD_BYTES_MAX)
    return drop(`${held.length} messages wait to be acknowledged`);
  client.held = [...held, { packetIdentifier, packet, key }];
  client.packetIdentifier = packetIdentifier;
  if (client.at === 'online') sendDuePackets(turn);
}

/** The next one that no SUBSCRIBE and no message held has (§2.3.1). */
function nextPacketIdentifier({ held, packetIdentifier, subscribePackets }: Client): number {
  let next = packetIdentifier;
  do next = next === 65_535 ? subscribePackets.length + 1 : next + 1;
  while (held.some((message) => message.packetIdentifier === next));
  return next;
}
