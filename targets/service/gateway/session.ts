import type { Millis } from '../../../runtime/effects.ts';
import { refusalOfSubscribe } from './authorise.ts';
import { clearDeadline, noDeadline, setDeadline } from './deadlines.ts';
import { encodePublish } from './encode.ts';
import type { Principal } from './events.ts';
import { heldBytesMax, heldBytesTotalMax, heldMessagesMax, offlineSessionsMax, sessionExpiryMillis } from './limits.ts';
import { isExpired, type Message, messageBytes, ownPayload } from './message.ts';
import type { ProtocolVersion } from './packet.ts';
import { REASON, ReasonedError } from './reasons.ts';
import { type Gateway, log, type Session, warn, write } from './state.ts';
import { merged, type Subscription, unsubscribe } from './subscriptions.ts';
import { matches } from './topicNames.ts';
import { releaseWill } from './will.ts';

/** @param expiryMillis  for so long it outlives its connection; 0: not at all */
export function openSession(gateway: Gateway, clientId: string, expiryMillis: Millis, principal: Principal): Session {
  const session: Session = {
    ...noDeadline(),
    clientId,
    expiryMillis,
    expiresAt: 0,
    will: undefined,
    principal,
    connection: undefined,
    connectedAt: gateway.now,
    subscriptions: new Map(),
    inFlight: new Map(),
    unsent: [],
    waiting: [],
    heldBytes: 0,
    lastPacketIdentifier: 0,
    dropped: 0,
  };
  gateway.sessions.set(clientId, session);
  return session;
}

/** Its connection is gone: a persistent session waits for the next one, another ends. */
export function leaveSession(gateway: Gateway, session: Session, now: Millis): void {
  session.connection = undefined;
  session.unsent = [];
  if (session.expiryMillis === 0) return endSession(gateway, session);
  gateway.offline.add(session);
  session.expiresAt = now + session.expiryMillis;
  setDeadline(gateway.sessionDeadlines, session, Math.min(session.expiresAt, session.will?.at ?? session.expiresAt));
  const [oldest] = gateway.offline;
  if (gateway.offline.size <= offlineSessionsMax || oldest === undefined) return;
  log(gateway, 'warn', 'session forgotten: too many clients are away', { clientId: oldest.clientId });
  endSession(gateway, oldest);
}

/**
 * The interval that a DISCONNECT asks for instead.
 *
 * @throws ReasonedError when the session was to end with its connection: then it cannot be kept (MQTT 5 §3.14.2.2.2)
 */
export function changeExpiry(session: Session, intervalSeconds: number | undefined): void {
  if (intervalSeconds === undefined) return;
  if (session.expiryMillis === 0 && intervalSeconds > 0)
    throw new ReasonedError(
      REASON.protocolError,
      'MQTT 5 §3.14.2.2.2',
      'a session expiry interval in DISCONNECT and none in CONNECT',
    );
  session.expiryMillis = Math.min(intervalSeconds * 1_000, sessionExpiryMillis);
}

/** A will that still waits is due now (MQTT 5 §3.1.3.2.2). */
export function endSession(gateway: Gateway, session: Session): void {
  const held = releaseWill(gateway, session);
  if (held !== undefined) gateway.dueWills.push(held);
  for (const filter of session.subscriptions.keys()) unsubscribe(gateway.subscriptions, filter, session);
  gateway.sessions.delete(session.clientId);
  gateway.offline.delete(session);
  clearDeadline(gateway.sessionDeadlines, session);
  gateway.heldBytes -= session.heldBytes;
}

/** A persistent session gets a connection again. What its newcomer may not hear leaves it; a will that waited is not sent. */
export function resumeSession(gateway: Gateway, session: Session, expiryMillis: Millis, principal: Principal): void {
  gateway.offline.delete(session);
  clearDeadline(gateway.sessionDeadlines, session);
  releaseWill(gateway, session);
  session.expiryMillis = expiryMillis;
  session.principal = principal;
  for (const filter of session.subscriptions.keys()) {
    if (refusalOfSubscribe(principal, filter) === undefined) continue;
    session.subscriptions.delete(filter);
    unsubscribe(gateway.subscriptions, filter, session);
  }
  // A topic is a filter too, so the one table says who may hear it.
  const mayHear = (message: Message) => refusalOfSubscribe(principal, message.topic) === undefined;
  for (const [packetIdentifier, message] of session.inFlight)
    if (!mayHear(message)) release(gateway, session, packetIdentifier);
  for (const message of session.waiting.splice(0)) {
    if (mayHear(message)) session.waiting.push(message);
    else forget(gateway, session, message);
  }
}

/**
 * Sends again what was not acknowledged, in its order, with DUP (MQTT 3.1.1 §4.4), and then what waited: as much as the
 * client takes at once.
 */
export function resend(gateway: Gateway, session: Session): void {
  session.unsent = [...session.inFlight.keys()];
  sendWaiting(gateway, session);
}

/** A message at QoS 0 as the clients of each version read it, encoded when the first of them is sent it. */
export type Encoded = { [version in ProtocolVersion]?: Uint8Array };

/** QoS 0: to whoever is there, now or never. */
export function deliverOnce(gateway: Gateway, session: Session, message: Message, encoded: Encoded = {}): void {
  const { connection } = session;
  if (connection?.online === undefined) return;
  const { protocolVersion } = connection.online;
  encoded[protocolVersion] ??= encodePublish(protocolVersion, message, gateway.now);
  write(gateway, connection, encoded[protocolVersion]);
}

/** QoS 1: kept until acknowledged. Without room, what has waited longest goes: the newest word counts most. */
export function deliverKept(gateway: Gateway, session: Session, message: Message): void {
  const bytes = messageBytes(message);
  const full = () =>
    session.inFlight.size + session.waiting.length >= heldMessagesMax || session.heldBytes + bytes > heldBytesMax;
  while (full() && session.waiting.length > 0) dropped(gateway, session, session.waiting.shift() as Message);
  if (full() || gateway.heldBytes + bytes > heldBytesTotalMax) return dropped(gateway, session);
  ownPayload(message);
  session.heldBytes += bytes;
  gateway.heldBytes += bytes;
  session.waiting.push(message);
  sendWaiting(gateway, session);
}

/** PUBACK (MQTT 3.1.1 §3.4). One for an identifier that is not in use is from before a new session: nothing to do. */
export function acknowledge(gateway: Gateway, session: Session, packetIdentifier: number): void {
  release(gateway, session, packetIdentifier);
  sendWaiting(gateway, session);
}

/** The session's subscriptions that cover `topic`, merged; undefined: none does. */
export function subscriptionTo(session: Session, topic: string): Subscription | undefined {
  let found: Subscription | undefined;
  for (const [filter, subscription] of session.subscriptions)
    if (matches(filter, topic)) found = merged(found, subscription);
  return found;
}

function sendWaiting(gateway: Gateway, session: Session): void {
  const { connection, inFlight, waiting } = session;
  if (connection?.online === undefined) return;
  const { inFlightMax } = connection.online;
  while (inFlight.size - session.unsent.length < inFlightMax) {
    const again = session.unsent.shift();
    if (again !== undefined) transmit(gateway, session, again, inFlight.get(again) as Message, true);
    else {
      const message = waiting.shift();
      if (message === undefined) break;
      if (isExpired(message, gateway.now)) {
        forget(gateway, session, message);
        continue;
      }
      const packetIdentifier = freePacketIdentifier(session);
      inFlight.set(packetIdentifier, message);
      transmit(gateway, session, packetIdentifier, message, false);
    }
  }
  if (session.dropped > 0 && waiting.length === 0) {
    const { clientId, dropped } = session;
    log(gateway, 'warn', 'messages were lost: the client did not acknowledge in time', { clientId, dropped });
    session.dropped = 0;
  }
}

/** One that is larger than the client takes counts as acknowledged (MQTT 5 §3.1.2.11.4). */
function transmit(gateway: Gateway, session: Session, packetIdentifier: number, message: Message, dup: boolean): void {
  const { connection } = session;
  if (connection?.online === undefined) return;
  const { protocolVersion, packetBytesMax } = connection.online;
  const bytes = encodePublish(protocolVersion, message, gateway.now, packetIdentifier, dup);
  if (bytes.length <= packetBytesMax) return write(gateway, connection, bytes);
  release(gateway, session, packetIdentifier);
  const fields = { topic: message.topic, bytes: bytes.length, packetBytesMax };
  warn(gateway, connection, 'a message was not sent: it is larger than the client takes', fields);
}

function release(gateway: Gateway, session: Session, packetIdentifier: number): void {
  const message = session.inFlight.get(packetIdentifier);
  if (message === undefined) return;
  session.inFlight.delete(packetIdentifier);
  if (session.unsent.length > 0) session.unsent = session.unsent.filter((other) => other !== packetIdentifier);
  forget(gateway, session, message);
}

function forget(gateway: Gateway, session: Session, message: Message): void {
  const bytes = messageBytes(message);
  session.heldBytes -= bytes;
  gateway.heldBytes -= bytes;
}

/** @param kept  undefined: a message for which there was no room at all */
function dropped(gateway: Gateway, session: Session, kept?: Message): void {
  if (kept !== undefined) forget(gateway, session, kept);
  if (session.dropped++ === 0)
    log(gateway, 'warn', 'messages are being lost: too many wait for this client', { clientId: session.clientId });
}

function freePacketIdentifier(session: Session): number {
  do session.lastPacketIdentifier = (session.lastPacketIdentifier % 65_535) + 1;
  while (session.inFlight.has(session.lastPacketIdentifier));
  return session.lastPacketIdentifier;
}
