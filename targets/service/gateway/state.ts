import type { Millis } from '../../../runtime/effects.ts';
import type { Deadline, Deadlines } from './deadlines.ts';
import type { GatewayEffect, Principal } from './events.ts';
import type { Framer } from './framer.ts';
import { logFieldCharsMax, logsPerConnectionMax } from './limits.ts';
import type { Message } from './message.ts';
import type { Decoder, ProtocolVersion } from './packet.ts';
import type { Retained } from './retained.ts';
import type { Subscriptions } from './subscriptions.ts';

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
  connectionDeadlines: Deadlines<Connection>;
  sessionDeadlines: Deadlines<Session>;
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
  readonly framer: Framer;
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
  will: Message | undefined;
}

/** What the server keeps for a client identifier (MQTT 3.1.1 §3.1.2.4). Its deadline is its end, while it has no connection. */
export interface Session extends Deadline {
  readonly clientId: string;
  /** CleanSession 0: it outlives its connections, for `sessionExpiryMillis`. */
  readonly persistent: boolean;
  /** Who holds it: whoever connected last. */
  principal: Principal;
  connection: Connection | undefined;
  readonly subscriptions: Map<string, 0 | 1>;
  /** Sent and not acknowledged, by packet identifier, in the order they were sent. */
  readonly inFlight: Map<number, Message>;
  readonly waiting: Message[];
  heldBytes: number;
  lastPacketIdentifier: number;
  /** Messages lost for want of room since the last log line about it. */
  dropped: number;
}

export function write(gateway: Gateway, connection: Connection, bytes: Uint8Array): void {
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
