import { Qlobber } from 'qlobber';
import { thingOfTopic } from '../../../runtime/jobs/topics.ts';
import { topicBytesMax } from './limits.ts';
import { isWildcard, isWildcardFirst, matches } from './topicNames.ts';

/** What was granted for a filter: its options and identifier are MQTT 5's (§3.8.3.1, §3.8.2.1.2). */
export interface Subscription {
  readonly qos: 0 | 1;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** One or none; several where subscriptions that overlap were merged for one message. */
  readonly identifiers: readonly number[];
}

/** Without options, as all of MQTT 3.1.1 are, by QoS: one object for all. */
export const PLAIN: readonly [Subscription, Subscription] = [
  { qos: 0, noLocal: false, retainAsPublished: false, identifiers: [] },
  { qos: 1, noLocal: false, retainAsPublished: false, identifiers: [] },
];

interface Entry<Subscriber> {
  filter: string;
  subscribers: Map<Subscriber, Subscription>;
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

/** A filter held already gets the new QoS and options (MQTT 3.1.1 §3.8.4). */
export function subscribe<S>(
  subscriptions: Subscriptions<S>,
  filter: string,
  subscriber: S,
  subscription: Subscription,
): void {
  let entry = subscriptions.entries.get(filter);
  if (entry === undefined) {
    entry = { filter, subscribers: new Map() };
    subscriptions.entries.set(filter, entry);
    if (isWildcard(filter)) addWildcard(subscriptions, entry);
  }
  entry.subscribers.set(subscriber, subscription);
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

/** Each subscriber whose filters cover `topic`, once, with its subscriptions merged. */
export function subscribersOf<S>(subscriptions: Subscriptions<S>, topic: string): ReadonlyMap<S, Subscription> {
  const found: Entry<S>[] = [];
  const exact = subscriptions.entries.get(topic);
  if (exact !== undefined) found.push(exact);
  for (const entry of subscriptions.byThing.get(thingOfTopic(topic) ?? '') ?? [])
    if (matches(entry.filter, topic)) found.push(entry);
  for (const entry of subscriptions.wildcards.match(topic))
    if (!(topic.startsWith('$') && isWildcardFirst(entry.filter))) found.push(entry);
  if (found.length === 1) return (found[0] as Entry<S>).subscribers;
  const all = new Map<S, Subscription>();
  for (const { subscribers } of found)
    for (const [subscriber, subscription] of subscribers)
      all.set(subscriber, merged(all.get(subscriber), subscription));
  return all;
}

/**
 * For the one copy that goes by all of them: the highest QoS (MQTT 3.1.1 §3.3.5), every identifier (MQTT 5 §3.3.4), and
 * what one of them would deliver is delivered.
 */
export function merged(one: Subscription | undefined, other: Subscription): Subscription {
  if (one === undefined) return other;
  if (PLAIN.includes(one) && PLAIN.includes(other)) return one.qos >= other.qos ? one : other;
  return {
    qos: one.qos === 1 ? 1 : other.qos,
    noLocal: one.noLocal && other.noLocal,
    retainAsPublished: one.retainAsPublished || other.retainAsPublished,
    identifiers: [...one.identifiers, ...other.identifiers],
  };
}

function addWildcard<S>(subscriptions: Subscriptions<S>, entry: Entry<S>): void {
  const thingName = thingOfTopic(entry.filter);
  if (thingName === undefined) return void subscriptions.wildcards.add(entry.filter, entry);
  const others = subscriptions.byThing.get(thingName);
  if (others === undefined) subscriptions.byThing.set(thingName, [entry]);
  else others.push(entry);
}
