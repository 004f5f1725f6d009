import type { Millis } from '../../../runtime/effects.ts';
import { refusalOfSubscribe } from './authorise.ts';
import { clearDeadline, noDeadline, setDeadline } from './deadlines.ts';
import type { Principal } from './events.ts';
import {
  heldBytesMax,
  heldBytesTotalMax,
  heldMessagesMax,
  inFlightMax,
  offlineSessionsMax,
  sessionExpiryMillis,
} from './limits.ts';
import { type Message, messageBytes, ownPayload } from './message.ts';
import { encodePublish } from './packet.ts';
import { type Gateway, log, type Session, write } from './state.ts';
import { unsubscribe } from './subscriptions.ts';
import { matches } from './topicNames.ts';

export function openSession(gateway: Gateway, clientId: string, persistent: boolean, principal: Principal): Session {
  const session: Session = {
    ...noDeadline(),
    clientId,
    persistent,
    principal,
    connection: undefined,
    subscriptions: new Map(),
    inFlight: new Map(),
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
  if (!session.persistent) return endSession(gateway, session);
  gateway.offline.add(session);
  setDeadline(gateway.sessionDeadlines, session, now + sessionExpiryMillis);
  const [oldest] = gateway.offline;
  if (gateway.offline.size <= offlineSessionsMax || oldest === undefined) return;
  log(gateway, 'warn', 'session forgotten: too many clients are away', { clientId: oldest.clientId });
  endSession(gateway, oldest);
}

export function endSession(gateway: Gateway, session: Session): void {
  for (const filter of session.subscriptions.keys()) unsubscribe(gateway.subscriptions, filter, session);
  gateway.sessions.delete(session.clientId);
  gateway.offline.delete(session);
  clearDeadline(gateway.sessionDeadlines, session);
  gateway.heldBytes -= session.heldBytes;
}

/** A persistent session gets a connection again. What its newcomer may not hear leaves it. */
export function resumeSession(gateway: Gateway, session: Session, principal: Principal): void {
  gateway.offline.delete(session);
  clearDeadline(gateway.sessionDeadlines, session);
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

/** Sends again what was not acknowledged, in its order, with DUP (MQTT 3.1.1 §4.4), and then what waited. */
export function resend(gateway: Gateway, session: Session): void {
  const { connection } = session;
  if (connection === undefined) return;
  for (const [packetIdentifier, { topic, payload, retain }] of session.inFlight)
    write(gateway, connection, encodePublish(topic, payload, retain, packetIdentifier, true));
  sendWaiting(gateway, session);
}

/** QoS 0: to whoever is there, now or never. */
export function deliverOnce(gateway: Gateway, session: Session, bytes: Uint8Array): void {
  if (session.connection !== undefined) write(gateway, session.connection, bytes);
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

/** Whether the session holds a subscription at QoS 1 that covers `topic`. */
export function isKept(session: Session, topic: string): boolean {
  for (const [filter, qos] of session.subscriptions) if (qos === 1 && matches(filter, topic)) return true;
  return false;
}

function sendWaiting(gateway: Gateway, session: Session): void {
  const { connection, inFlight, waiting } = session;
  if (connection === undefined) return;
  while (inFlight.size < inFlightMax && waiting.length > 0) {
    const message = waiting.shift() as Message;
    const packetIdentifier = freePacketIdentifier(session);
    inFlight.set(packetIdentifier, message);
    write(gateway, connection, encodePublish(message.topic, message.payload, message.retain, packetIdentifier));
  }
  if (session.dropped > 0 && waiting.length === 0) {
    const { clientId, dropped } = session;
    log(gateway, 'warn', 'messages were lost: the client did not acknowledge in time', { clientId, dropped });
    session.dropped = 0;
  }
}

function release(gateway: Gateway, session: Session, packetIdentifier: number): void {
  const message = session.inFlight.get(packetIdentifier);
  if (message === undefined) return;
  session.inFlight.delete(packetIdentifier);
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
