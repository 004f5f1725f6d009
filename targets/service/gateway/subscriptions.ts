import { Qlobber } from 'qlobber';
import { thingOfTopic } from '../../../runtime/jobs/topics.ts';
import { topicBytesMax } from './limits.ts';
import { isWildcard, isWildcardFirst, matches } from './topicNames.ts';

interface Entry<Subscriber> {
  filter: string;
  subscribers: Map<Subscriber, 0 | 1>;
}

/**
 * Who subscribed to what. A filter stands in one entry, whoever holds it, so that the trie never has to search a list:
 * 10,000 clients of one filter leave as fast as they came.
 */
export interface Subscriptions<Subscriber> {
  /** Every filter; a topic looks itself up here. */
  entries: Map<string, Entry<Subscriber>>;
  /** Filters with wildcards below one thing: two or three each. In the trie they would be six maps apiece, 10,000 times. */
  byThing: Map<string, Entry<Subscriber>[]>;
  /** All other filters with wildcards. It does not know the rule for `$` topics. */
  wildcards: Qlobber<Entry<Subscriber>>;
}

export function createSubscriptions<Subscriber>(): Subscriptions<Subscriber> {
  return {
    entries: new Map(),
    byThing: new Map(),
    wildcards: new Qlobber({
      separator: '/',
      wildcard_one: '+',
      wildcard_some: '#',
      match_empty_levels: true,
      max_words: topicBytesMax + 1,
    }),
  };
}

/** A filter held already gets the new QoS (MQTT 3.1.1 §3.8.4). */
export function subscribe<S>(subscriptions: Subscriptions<S>, filter: string, subscriber: S, qos: 0 | 1): void {
  let entry = subscriptions.entries.get(filter);
  if (entry === undefined) {
    entry = { filter, subscribers: new Map() };
    subscriptions.entries.set(filter, entry);
    if (isWildcard(filter)) addWildcard(subscriptions, entry);
  }
  entry.subscribers.set(subscriber, qos);
}

export function unsubscribe<S>(subscriptions: Subscriptions<S>, filter: string, subscriber: S): void {
  const entry = subscriptions.entries.get(filter);
  if (entry === undefined || !entry.subscribers.delete(subscriber) || entry.subscribers.size > 0) return;
  subscriptions.entries.delete(filter);
  if (!isWildcard(filter)) return;
  const thingName = thingOfTopic(filter);
  if (thingName === undefined) return void subscriptions.wildcards.remove(filter, entry);
  const rest = subscriptions.byThing.get(thingName)?.filter((other) => other !== entry) ?? [];
  if (rest.length > 0) subscriptions.byThing.set(thingName, rest);
  else subscriptions.byThing.delete(thingName);
}

/** Each subscriber whose filters cover `topic`, once, with the highest QoS it was granted (MQTT 3.1.1 §3.3.5). */
export function subscribersOf<S>(subscriptions: Subscriptions<S>, topic: string): ReadonlyMap<S, 0 | 1> {
  const found: Entry<S>[] = [];
  const exact = subscriptions.entries.get(topic);
  if (exact !== undefined) found.push(exact);
  for (const entry of subscriptions.byThing.get(thingOfTopic(topic) ?? '') ?? [])
    if (matches(entry.filter, topic)) found.push(entry);
  for (const entry of subscriptions.wildcards.match(topic))
    if (!(topic.startsWith('$') && isWildcardFirst(entry.filter))) found.push(entry);
  if (found.length === 1) return (found[0] as Entry<S>).subscribers;
  const merged = new Map<S, 0 | 1>();
  for (const { subscribers } of found)
    for (const [subscriber, qos] of subscribers) merged.set(subscriber, qos === 1 ? 1 : (merged.get(subscriber) ?? 0));
  return merged;
}

function addWildcard<S>(subscriptions: Subscriptions<S>, entry: Entry<S>): void {
  const thingName = thingOfTopic(entry.filter);
  if (thingName === undefined) return void subscriptions.wildcards.add(entry.filter, entry);
  const others = subscriptions.byThing.get(thingName);
  if (others === undefined) subscriptions.byThing.set(thingName, [entry]);
  else others.push(entry);
}
