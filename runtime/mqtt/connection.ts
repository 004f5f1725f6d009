/** The life of a connection: it is made, kept alive, lost, and made again after a pause. */
import {
  CONNACK_MILLIS_MAX,
  IN_FLIGHT_MAX,
  OPEN_MILLIS_MAX,
  PINGRESP_MILLIS_MAX,
  RESEND_MILLIS_MAX,
  RESEND_MILLIS_MIN,
  RETRY_MILLIS_BASE,
  RETRY_MILLIS_MIN,
  STABLE_MILLIS,
} from '../limits.ts';
import { draw } from '../random.ts';
import { encodeSmallPacket } from './fixed-header.ts';
import { createFramer } from './framer.ts';
import { PACKET_TYPE } from './packet.ts';
import type { Client, Unacknowledged } from './session.ts';

export function open(client: Client): void {
  enter(client, 'opening', client.now + OPEN_MILLIS_MAX);
  client.effects.push({ do: 'open' });
}

/** The transport stands. */
export function opened(client: Client): void {
  enter(client, 'connecting', client.now + CONNACK_MILLIS_MAX);
  send(client, client.connectPacket);
}

/** Nothing of the connection before is kept. */
function enter(client: Client, at: Client['at'], untilMillis: number): void {
  client.at = at;
  client.untilMillis = untilMillis;
  client.framer = createFramer();
}

/** Accepted by CONNACK: subscribes where that is needed, or is online at once. */
export function accepted(client: Client, sessionPresent: boolean): void {
  if (!sessionPresent) client.subscribes = client.options.subscribes;
  client.at = 'subscribing';
  client.untilMillis = Infinity;
  client.sessionPresent = sessionPresent;
  sendDue(client, true);
  onlineIfSubscribed(client);
}

/** Every filter is subscribed: answers will come back, so what waits may go. */
export function onlineIfSubscribed(client: Client): void {
  if (client.subscribes.length) return;
  client.at = 'online';
  client.onlineSinceMillis = client.now;
  client.effects.push({ do: 'online', sessionPresent: client.sessionPresent });
  sendDue(client, true);
}

export function stop(client: Client): void {
  if (isConnected(client)) send(client, encodeSmallPacket(PACKET_TYPE.DISCONNECT));
  if (client.at !== 'waiting') client.effects.push({ do: 'close' });
  offline(client, 'stopped', 'stopped', Infinity);
}

/** Ends the connection from this side, and tries again later. */
export function fail(client: Client, reason: string): void {
  client.effects.push({ do: 'close' });
  retryLater(client, reason);
}

/**
 * Full jitter: a pause uniform between 0 and an end that doubles with each attempt, so that a fleet that lost its
 * server together does not come back together. A connection that did not last counts as a failed attempt.
 */
export function retryLater(client: Client, reason: string): void {
  const { now, options } = client;
  if (client.at === 'online' && now - client.onlineSinceMillis >= STABLE_MILLIS) client.attempts = 0;
  // CONNECT may have made a new session, and its CONNACK be lost: 'session present' would then mean that empty one.
  if (client.at === 'connecting') client.subscribes = client.options.subscribes;
  const longest = Math.min(options.retryMaxMillis, RETRY_MILLIS_BASE * 2 ** client.attempts++);
  offline(client, 'waiting', reason, now + Math.max(RETRY_MILLIS_MIN, draw(client) * longest));
}

function offline(client: Client, at: Client['at'], reason: string, retryAtMillis: number): void {
  enter(client, at, retryAtMillis);
  client.effects.push({ do: 'offline', reason, retryAtMillis });
}

/** Does what is due, each by its own deadline. */
export function wake(client: Client): void {
  const { at, now, untilMillis } = client;
  if (now >= untilMillis) {
    const awaited = at === 'opening' ? 'connection' : at === 'connecting' ? 'CONNACK' : 'PINGRESP';
    if (at === 'waiting') open(client);
    else fail(client, `no ${awaited} in time`);
  } else if (inSession(client)) {
    sendDue(client);
    if (untilMillis === Infinity && now >= pingAt(client)) {
      send(client, encodeSmallPacket(PACKET_TYPE.PINGREQ));
      // With the keep-alive before it less than 1.5 times the keep-alive, when the server gives up too (§3.1.2.10).
      client.untilMillis = now + Math.min(PINGRESP_MILLIS_MAX, client.options.keepAliveSeconds * 400);
    }
  }
}

/** What may be in flight now; messages only when online: before, their answers would find nobody subscribed. */
export function inFlight({ at, held, subscribes }: Client): Unacknowledged[] {
  return (at === 'online' ? held : subscribes).slice(0, IN_FLIGHT_MAX);
}

/**
 * Sends what is new; and again, a message with DUP, what has waited too long. Each pause is twice the one before, so
 * that a slow server is not flooded.
 *
 * @param newConnection  then everything is sent again, and the pauses begin anew
 */
export function sendDue(client: Client, newConnection = false): void {
  const { now } = client;
  for (const one of inFlight(client)) {
    if (!newConnection && now < one.resendAtMillis) continue;
    send(client, one.resendAtMillis ? duplicate(one.packet) : one.packet);
    const longer = newConnection ? 0 : 2 * one.pauseMillis;
    one.pauseMillis = Math.min(Math.max(longer, RESEND_MILLIS_MIN), RESEND_MILLIS_MAX);
    one.resendAtMillis = now + one.pauseMillis;
  }
}

/** The same packet, marked as sent before if it is a PUBLISH (§3.3.1.1); SUBSCRIBE has no such flag. */
function duplicate(packet: Uint8Array): Uint8Array {
  const again = packet.slice();
  if (again[0]! >> 4 === PACKET_TYPE.PUBLISH) again[0]! |= 0x08;
  return again;
}

/** Whoever carries the effects out joins what one step writes: with one write each, every second one waits for a delayed ACK. */
export function send(client: Client, bytes: Uint8Array): void {
  client.effects.push({ do: 'write', bytes });
  client.sentAtMillis = client.now;
}

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
