import { heldMessageOverheadBytes } from './limits.ts';

/** A message as a client published it, or on its way to those who subscribed: then one object serves them all. */
export interface Message {
  readonly topic: string;
  payload: Uint8Array;
  readonly qos: 0 | 1;
  /** On its way: sent because it was retained when the client subscribed (MQTT 3.1.1 §3.3.1.3). */
  readonly retain: boolean;
}

/** What keeping a message costs, bytes; the same message kept for two is counted twice. */
export function messageBytes({ topic, payload }: Message): number {
  return payload.length + topic.length + heldMessageOverheadBytes;
}

/** Before a message is kept: a payload that is a window on received bytes would hold all of them in memory. */
export function ownPayload(message: Message): void {
  if (message.payload.buffer.byteLength > message.payload.length) message.payload = new Uint8Array(message.payload);
}
