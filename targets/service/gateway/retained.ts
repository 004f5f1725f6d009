import { retainedBytesMax, retainedMessagesMax } from './limits.ts';
import { type Message, messageBytes, ownPayload } from './message.ts';
import { isWildcard, matches } from './topicNames.ts';

/** The last message published with RETAIN on each topic (MQTT 3.1.1 §3.3.1.3), in memory. Nothing under `$` is in it. */
export interface Retained {
  messages: Map<string, Message>;
  bytes: number;
}

export function createRetained(): Retained {
  return { messages: new Map(), bytes: 0 };
}

/**
 * Keeps `message` in the place of the one before; an empty payload only takes that one away.
 *
 * @returns false when there is no room: the message before is gone, this one is not kept
 */
export function retain(retained: Retained, { topic, payload, qos }: Message): boolean {
  const before = retained.messages.get(topic);
  if (before !== undefined) {
    retained.messages.delete(topic);
    retained.bytes -= messageBytes(before);
  }
  if (payload.length === 0) return true;
  const message: Message = { topic, payload, qos, retain: true };
  const bytes = messageBytes(message);
  if (retained.messages.size >= retainedMessagesMax || retained.bytes + bytes > retainedBytesMax) return false;
  ownPayload(message);
  retained.messages.set(topic, message);
  retained.bytes += bytes;
  return true;
}

/** The retained messages that a new subscription is sent at once. */
export function retainedFor({ messages }: Retained, filter: string): Message[] {
  if (filter.startsWith('$')) return [];
  if (!isWildcard(filter)) return [messages.get(filter) ?? []].flat();
  return [...messages.values()].filter(({ topic }) => matches(filter, topic));
}
