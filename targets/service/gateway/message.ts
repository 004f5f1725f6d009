import type { Millis } from '../../../runtime/effects.ts';
import { heldMessageOverheadBytes } from './limits.ts';

/** A message as a client published it, or on its way to those who subscribed: then one object may serve them all. */
export interface Message {
  readonly topic: string;
  payload: Uint8Array;
  readonly qos: 0 | 1;
  /** On its way: what RETAIN is to be on the wire (MQTT 3.1.1 §3.3.1.3, MQTT 5 §3.3.1.3). */
  readonly retain: boolean;
  /** Properties of MQTT 5 that travel with it, encoded; they do not reach a client of MQTT 3.1.1. */
  properties?: Uint8Array | undefined;
  /** Nobody is sent it after this time (MQTT 5 §3.3.2.3.3). */
  readonly expiresAt?: Millis | undefined;
  /** On its way: those of the subscriptions that it comes by (MQTT 5 §3.3.2.3.8). */
  readonly subscriptionIdentifiers?: readonly number[];
}

/** What keeping a message costs, bytes; the same message kept for two is counted twice. */
export function messageBytes({ topic, payload, properties }: Message): number {
  return payload.length + topic.length + (properties?.length ?? 0) + heldMessageOverheadBytes;
}

/** Before a message is kept: a payload that is a window on received bytes would hold all of them in memory. */
export function ownPayload(message: Message): void {
  if (message.payload.buffer.byteLength > message.payload.length) message.payload = new Uint8Array(message.payload);
}

/** `intervalSeconds` of MQTT 5 as a time; undefined: it never expires. */
export function expiryOf(intervalSeconds: number | undefined, now: Millis): Millis | undefined {
  return intervalSeconds === undefined ? undefined : now + intervalSeconds * 1_000;
}

export function isExpired({ expiresAt }: Message, now: Millis): boolean {
  return expiresAt !== undefined && now > expiresAt;
}
