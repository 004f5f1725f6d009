import type { Millis } from '../../../runtime/effects.ts';
import { retainedBytesMax, retainedMessagesMax } from './limits.ts';
import { isExpired, type Message, messageBytes, ownPayload } from './message.ts';
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
export function retain(retained: Retained, message: Message, now: Millis): boolean {
  const before = retained.messages.get(message.topic);
  if (before !== undefined) remove(retained, before);
  if (message.payload.length === 0) return true;
  const kept: Message = { ...message, retain: true };
  if (!hasRoom(retained, kept)) for (const other of retained.messages.values()) dropExpired(retained, other, now);
  if (!hasRoom(retained, kept)) return false;
  ownPayload(kept);
  retained.messages.set(kept.topic, kept);
  retained.bytes += messageBytes(kept);
  return true;
}

/** The retained messages that a new subscription is sent at once; those that have expired go (MQTT 5 §3.3.2.3.3). */
export function retainedFor(retained: Retained, filter: string, now: Millis): Message[] {
  if (filter.startsWith('$')) return [];
  const { messages } = retained;
  const found = isWildcard(filter)
    ? [...messages.values()].filter(({ topic }) => matches(filter, topic))
    : [messages.get(filter) ?? []].flat();
  return found.filter((message) => !dropExpired(retained, message, now));
}

function hasRoom({ messages, bytes }: Retained, message: Message): boolean {
  return messages.size < retainedMessagesMax && bytes + messageBytes(message) <= retainedBytesMax;
}

function dropExpired(retained: Retained, message: Message, now: Millis): boolean {
  if (!isExpired(message, now)) return false;
  remove(retained, message);
  return true;
}

function remove(retained: Retained, message: Message): void {
  retained.messages.delete(message.topic);
  retained.bytes -= messageBytes(message);
}
