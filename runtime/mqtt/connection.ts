/** The life of a connection: it is made, kept alive, lost, and made again after a pause. */
import {
  CONNACK_MILLIS_MAX,
  OPEN_MILLIS_MAX,
  PINGRESP_MILLIS_MAX,
  RETRY_MILLIS_BASE,
  RETRY_MILLIS_MIN,
  STABLE_MILLIS,
  SUBSCRIPTIONS_PER_SUBSCRIBE_MAX,
} from '../limits.ts';
import { randomUnit } from '../random.ts';
import { joined } from './bytes.ts';
import { encodeSmallPacket } from './fixed-header.ts';
import { createFramer } from './framer.ts';
import type { Client, ClientEffect, ClientOptions, Turn } from './session.ts';
import { sendDue } from './unacknowledged.ts';

export function open({ client, now, effects }: Turn): void {
  enter(client, 'opening', now + OPEN_MILLIS_MAX);
  effects.push({ do: 'open' });
}

/** The transport stands. */
export function opened({ client, now, packets }: Turn): void {
  enter(client, 'connecting', now + CONNACK_MILLIS_MAX);
  packets.push(client.connectPacket);
}

/** Nothing of the connection before is kept. */
function enter(client: Client, at: Client['at'], untilMillis: number): void {
  client.at = at;
  client.untilMillis = untilMillis;
  client.framer = createFramer();
}

/** Accepted by CONNACK: subscribes where that is needed, or is online at once. */
export function accepted(turn: Turn, sessionPresent: boolean): void {
  const { client, now } = turn;
  client.subscribed &&= sessionPresent;
  client.at = 'subscribing';
  client.untilMillis = Infinity;
  client.sessionPresent = sessionPresent;
  client.subscribes = client.subscribed
    ? []
    : client.subscribePackets.map((packet, index) => ({ packetIdentifier: index + 1, packet }));
  client.sentAtMillis = client.receivedAtMillis = now;
  onlineIfSubscribed(turn);
}

/** Every filter is subscribed: answers will come back, so what waits may go. */
export function onlineIfSubscribed(turn: Turn): void {
  const { client, now } = turn;
  const { sessionPresent } = client;
  const isOnline = client.subscribes.length === 0;
  if (isOnline) {
    client.at = 'online';
    client.onlineSinceMillis = now;
    client.subscribed = true;
    tell(turn, { what: 'online', sessionPresent });
  }
  sendDuePackets(turn, isOnline);
}

export function stop(turn: Turn): void {
  const { client, packets, effects } = turn;
  if (isConnected(client)) packets.push(encodeSmallPacket('DISCONNECT', []));
  flush(turn);
  if (client.at !== 'waiting') effects.push({ do: 'close' });
  enter(client, 'stopped', Infinity);
  tell(turn, { what: 'offline', reason: 'stopped', retryAtMillis: undefined });
}

/** Ends the connection from this side, and tries again later. */
export function fail(turn: Turn, reason: string): void {
  flush(turn);
  turn.effects.push({ do: 'close' });
  retryLater(turn, reason);
}

/**
 * Full jitter: a pause uniform between 0 and an end that doubles with each attempt, so that a fleet that lost its
 * server together does not come back together. A connection that did not last counts as a failed attempt.
 */
export function retryLater(turn: Turn, reason: string): void {
  const { client, now } = turn;
  if (client.at === 'online' && now - client.onlineSinceMillis >= STABLE_MILLIS) client.attempts = 0;
  // CONNECT may have made a new session, and its CONNACK be lost: 'session present' would then mean that empty one.
  if (client.at === 'connecting') client.subscribed = false;
  const [unit, chance] = randomUnit(client.chance);
  const pauseMillis = unit * Math.min(client.options.retryMaxMillis, RETRY_MILLIS_BASE * 2 ** client.attempts++);
  const retryAtMillis = now + Math.max(RETRY_MILLIS_MIN, pauseMillis);
  client.chance = chance;
  enter(client, 'waiting', retryAtMillis);
  tell(turn, { what: 'offline', reason, retryAtMillis });
}

/** Does what is due, each by its own deadline. */
export function wake(turn: Turn): void {
  const { client, now, packets } = turn;
  const { at, untilMillis } = client;
  if (now >= untilMillis) {
    const awaited = at === 'opening' ? 'connection' : at === 'connecting' ? 'CONNACK' : 'PINGRESP';
    if (at === 'waiting') open(turn);
    else fail(turn, `no ${awaited} in time`);
  } else if (inSession(client)) {
    sendDuePackets(turn);
    if (untilMillis === Infinity && now >= pingAt(client)) {
      packets.push(encodeSmallPacket('PINGREQ', []));
      // With the keep-alive before it less than 1.5 times the keep-alive, when the server gives up too (§3.1.2.10).
      client.untilMillis = now + Math.min(PINGRESP_MILLIS_MAX, client.options.keepAliveSeconds * 400);
    }
  }
}

/** Messages only when online: before, their answers would find nobody subscribed. */
export function sendDuePackets({ client, now, packets }: Turn, newConnection = false): void {
  const isOnline = client.at === 'online';
  const [list, due] = sendDue(isOnline ? client.held : client.subscribes, now, newConnection);
  if (isOnline) client.held = list;
  else client.subscribes = list;
  packets.push(...due);
}

/** The packets of this step leave as one write: with one each, every second one waits for a delayed ACK. */
export function flush({ client, now, packets, effects }: Turn): void {
  if (packets.length === 0) return;
  effects.push({ do: 'write', bytes: joined(packets.splice(0)) });
  client.sentAtMillis = now;
}

export function tell({ effects }: Turn, told: Untold<ClientEffect>): void {
  effects.push({ do: 'tell', ...told });
}

type Untold<E> = E extends { do: 'tell' } ? Omit<E, 'do'> : never;

/** CONNACK has accepted. */
export function inSession({ at }: Client): boolean {
  return at === 'subscribing' || at === 'online';
}

export function isConnected(client: Client): boolean {
  return client.at === 'connecting' || inSession(client);
}

/** A keep-alive after the last packet sent, as the server demands; or received, so that a dead peer is noticed. */
export function pingAt({ sentAtMillis, receivedAtMillis, options }: Client): number {
  return Math.min(sentAtMillis, receivedAtMillis) + (options.keepAliveSeconds * 1000 || Infinity);
}

/** The filters of the SUBSCRIBE with that packet identifier. */
export function filtersOf({ filters }: ClientOptions, packetIdentifier: number): ClientOptions['filters'] {
  const end = packetIdentifier * SUBSCRIPTIONS_PER_SUBSCRIBE_MAX;
  return filters.slice(end - SUBSCRIPTIONS_PER_SUBSCRIBE_MAX, end);
}
