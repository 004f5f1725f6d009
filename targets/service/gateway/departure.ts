import type { Millis } from '../../../runtime/effects.ts';
import { clearDeadline } from './deadlines.ts';
import { encodeDisconnect } from './encode.ts';
import { createFramer } from './framer.ts';
import { publishWill } from './publish.ts';
import type { ReasonCode } from './reasons.ts';
import { endSession, leaveSession } from './session.ts';
import { type Connection, type Gateway, identity, log, type Session, write } from './state.ts';
import { holdWill } from './will.ts';

type Level = 'info' | 'warn';

/** @param reasonCode  for a client of MQTT 5, in a DISCONNECT; undefined: it needs none */
export function disconnect(
  gateway: Gateway,
  connection: Connection,
  reasonCode: ReasonCode | undefined,
  reason: string,
  now: Millis,
  level: Level = 'warn',
): void {
  const { online } = connection;
  if (reasonCode !== undefined && online?.protocolVersion === 5)
    write(gateway, connection, encodeDisconnect({ reasonCode, reason }, online.packetBytesMax));
  gateway.closes.push({ connection: connection.number, reason });
  leave(gateway, connection, reason, now, level);
}

/** Ends a session, with the connection that it may have. */
export function remove(gateway: Gateway, session: Session, reasonCode: ReasonCode, reason: string, now: Millis): void {
  if (session.connection !== undefined) disconnect(gateway, session.connection, reasonCode, reason, now);
  // One that was not persistent has ended with its connection.
  if (gateway.sessions.get(session.clientId) === session) endSession(gateway, session);
}

export function leave(gateway: Gateway, connection: Connection, reason: string, now: Millis, level: Level): void {
  gateway.connections.delete(connection.number);
  clearDeadline(gateway.connectionDeadlines, connection);
  connection.framer = createFramer(); // a will that waits holds the connection, not what it was about to say
  log(gateway, level, 'connection closed', { ...identity(connection), reason });
  if (connection.online === undefined) return;
  const { session, will } = connection.online;
  const held = will !== undefined && holdWill(gateway, session, connection, will, now);
  leaveSession(gateway, session, now);
  if (will !== undefined && !held) publishWill(gateway, { connection, will });
}
