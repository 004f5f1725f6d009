import type { Millis } from '../../../runtime/effects.ts';
import { heldBytesTotalMax } from './limits.ts';
import { type Message, messageBytes } from './message.ts';
import type { Connection, Gateway, Session } from './state.ts';

/** What a client left with CONNECT, to be published when its connection ends without DISCONNECT. */
export interface Will {
  readonly message: Message;
  readonly correlationData?: Uint8Array | undefined;
  /** Published so long after the connection ended, or when the session ends, if that is earlier (MQTT 5 §3.1.3.2.2). */
  readonly delayMillis: Millis;
  /** Counts from when it is published, seconds (MQTT 5 §3.1.3.2.4). */
  readonly expiryIntervalSeconds?: number | undefined;
}

/** A will whose time has not come. */
export interface HeldWill {
  /** Gone; it says whose will it is. */
  connection: Connection;
  will: Will;
  at: Millis;
}

/**
 * Keeps a will with the session that its connection is about to leave; the client may be back before its time. A session
 * that ends with its connection gives it up at once.
 *
 * @returns false when it is to be published now: no delay, or no room
 */
export function holdWill(gateway: Gateway, session: Session, connection: Connection, will: Will, now: Millis): boolean {
  if (will.delayMillis === 0) return false;
  const bytes = messageBytes(will.message);
  if (gateway.heldBytes + bytes > heldBytesTotalMax) return false;
  gateway.heldBytes += bytes;
  session.heldBytes += bytes;
  session.will = { connection, will, at: now + will.delayMillis };
  return true;
}

/** Takes the will out of its session: its time has come, or its client is back. */
export function releaseWill(gateway: Gateway, session: Session): HeldWill | undefined {
  const held = session.will;
  if (held === undefined) return undefined;
  session.will = undefined;
  const bytes = messageBytes(held.will.message);
  gateway.heldBytes -= bytes;
  session.heldBytes -= bytes;
  return held;
}
