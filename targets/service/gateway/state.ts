import type { Millis } from '../../../runtime/effects.ts';
import type { Deadline, Deadlines } from './deadlines.ts';
import type { GatewayEffect, Principal } from './events.ts';
import type { Framer } from './framer.ts';
import { logFieldCharsMax, logsPerConnectionMax } from './limits.ts';
import type { Message } from './message.ts';
import type { Decoder, ProtocolVersion } from './packet.ts';
import type { Retained } from './retained.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';
import type { HeldWill, Will } from './will.ts';

/** One gateway: changed in place by its step, and by nothing else. */
export interface Gateway {
  connections: Map<number, Connection>;
  /** By client identifier: those of the connected, and persistent ones without a connection. */
  sessions: Map<string, Session>;
  /** Persistent sessions without a connection, the one longest alone first. */
  offline: Set<Session>;
  subscriptions: Subscriptions<Session>;
  retained: Retained;
  decoder: Decoder;
  /** The time of the present step. */
  now: Millis;
  connectionDeadlines: Deadlines<Connection>;
  sessionDeadlines: Deadlines<Session>;
  /** Of sessions that ended in this step, to be published at its end. */
  dueWills: HeldWill[];
  /** Bytes of the messages kept for all sessions. */
  heldBytes: number;
  /** Client identifiers given to clients that had none, so far. */
  generatedIds: number;
  /** What the present step asks for. */
  writes: Map<number, Uint8Array[]>;
  closes: { connection: number; reason: string }[];
  effects: GatewayEffect[];
}

/** Its deadline is for CONNECT at first, then for the keep-alive. */
export interface Connection extends Deadline {
  readonly number: number;
  readonly principal: Principal;
  framer: Framer;
  /** Since CONNECT was accepted. */
  online: Online | undefined;
  logsLeft: number;
}

export interface Online {
  readonly protocolVersion: ProtocolVersion;
  readonly session: Session;
  /** Without a packet for so long, the client is gone: one and a half of its keep-alive. */
  readonly patienceMillis: Millis;
  /** Published when the connection ends without DISCONNECT. */
  will: Will | undefined;
  /** QoS 1 messages that this client takes before it acknowledges one: its own Receive Maximum, or our bound. */
  readonly inFlightMax: number;
  /** The largest packet that this client takes (MQTT 5 §3.1.2.11.4). */
  readonly packetBytesMax: number;
  /** Topics by their alias, since the client sent them (MQTT 5 §3.3.2.3.4). */
  topicAliases: Map<number, string> | undefined;
  /** QoS 1 messages of the present step: none of their PUBACKs can have left. */
  unacknowledged: number;
}

/** What the server keeps for a client identifier (MQTT 3.1.1 §3.1.2.4). Its deadline, while it has no connection, is its end or its will. */
export interface Session extends Deadline {
  readonly clientId: string;
  /** For so long it outlives its connection; 0: not at all. */
  expiryMillis: Millis;
  /** When it ends, while it has no connection. */
  expiresAt: Millis;
  /** Of its last connection, waiting to be published (MQTT 5 §3.1.3.2.2). */
  will: HeldWill | undefined;
  /** Who holds it: whoever connected last. */
  principal: Principal;
  connection: Connection | undefined;
  /** When it got its last connection. */
  connectedAt: Millis;
  readonly subscriptions: Map<string, Subscription>;
  /** Sent and not acknowledged, by packet identifier, in the order they were sent. */
  readonly inFlight: Map<number, Message>;
  /** Of those in flight, what has still to be sent again on this connection: more than the client takes at once. */
  unsent: number[];
  readonly waiting: Message[];
  heldBytes: number;
  lastPacketIdentifier: number;
  /** Messages lost for want of room since the last log line about it. */
  dropped: number;
}

/** A packet larger than the client takes is not sent (MQTT 5 §3.1.2.11.4). */
export function write(gateway: Gateway, connection: Connection, bytes: Uint8Array): void {
  if (connection.online !== undefined && bytes.length > connection.online.packetBytesMax) return;
  const writes = gateway.writes.get(connection.number);
  if (writes === undefined) gateway.writes.set(connection.number, [bytes]);
  else writes.push(bytes);
}

/** One log line about a connection; the first few, so that one client cannot fill the log. */
export function warn(
  gateway: Gateway,
  connection: Connection,
  message: string,
  fields: Record<string, string | number>,
): void {
  if (connection.logsLeft === 0) return;
  connection.logsLeft--;
  if (connection.logsLeft === 0) message += ` (the last of ${logsPerConnectionMax} lines about this connection)`;
  log(gateway, 'warn', message, { ...identity(connection), ...fields });
}

export function log(
  gateway: Gateway,
  level: 'info' | 'warn',
  message: string,
  fields: Record<string, string | number>,
): void {
  for (const [name, value] of Object.entries(fields))
    if (typeof value === 'string' && value.length > logFieldCharsMax)
      fields[name] = `${value.slice(0, logFieldCharsMax)}...`;
  gateway.effects.push({ do: 'log', level, message, fields });
}

/** The fields by which a log line names a connection. */
export function identity({ number, principal, online }: Connection): Record<string, string | number> {
  const { certificateId } = principal;
  return { connection: number, certificateId, ...(online && { clientId: online.session.clientId }) };
}
