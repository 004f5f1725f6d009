import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  createSubscriptions,
  merged,
  PLAIN,
  type Subscription,
  subscribe,
  subscribersOf,
  unsubscribe,
} from '../../../../targets/service/gateway/subscriptions.ts';
import { faultOfTopic, isMalformedFilter, matches } from '../../../../targets/service/gateway/topicNames.ts';

const MATCHES: [filter: string, topic: string, covered: boolean][] = [
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['a/+/c', 'a/b/c', true],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'ab', false],
  ['#', 'a/b', true],
  ['+', 'a', true],
  ['+', '/a', false],
  ['+/+', '/a', true],
  ['#', '$SYS/a', false],
  ['+/a', '$SYS/a', false],
  ['$SYS/#', '$SYS/a', true],
  ['$aws/things/T/jobs/+/get/+', '$aws/things/T/jobs/$next/get/accepted', true],
  ['$aws/things/+/jobs/#', '$aws/things/T/jobs/notify', true],
  ['+/things/T/jobs/notify', '$aws/things/T/jobs/notify', false],
];

test('matches and subscribersOf: wildcards as in MQTT 3.1.1 §4.7', () => {
  for (const [filter, topic, covered] of MATCHES) {
    assert.is(matches(filter, topic), covered, `${filter} ${topic}`);
    const subscriptions = createSubscriptions<string>();
    subscribe(subscriptions, filter, 'me', PLAIN[1]);
    assert.is(subscribersOf(subscriptions, topic).has('me'), covered, `${filter} ${topic}`);
    unsubscribe(subscriptions, filter, 'me');
    assert.is(subscribersOf(subscriptions, topic).size, 0);
  }
});

test('subscribersOf: after any subscribes and unsubscribes, each subscriber once with its highest QoS', () => {
  const level = fc.constantFrom('a', 'b', '', '+');
  const filter = fc
    .tuple(fc.constantFrom('', '$aws/things/T/', '$x/'), fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([prefix, levels, some]) => `${prefix}${levels.join('/')}${some ? '/#' : ''}`)
    .filter((text) => text !== '');
  const topic = fc
    .tuple(
      fc.constantFrom('', '$aws/things/T/', '$aws/things/U/', '$x/'),
      fc.array(fc.constantFrom('a', 'b', ''), { minLength: 1, maxLength: 5 }),
    )
    .map(([prefix, levels]) => prefix + levels.join('/'));
  const command = fc.record({ who: fc.nat(3), filter, qos: fc.constantFrom(0 as const, 1 as const, undefined) });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), fc.array(topic, { minLength: 1 }), (commands, topics) => {
      const subscriptions = createSubscriptions<number>();
      const model = new Map<string, Map<number, 0 | 1>>();
      for (const { who, filter, qos } of commands) {
        if (qos === undefined) unsubscribe(subscriptions, filter, who);
        else subscribe(subscriptions, filter, who, PLAIN[qos]);
        const held = model.get(filter) ?? new Map<number, 0 | 1>();
        if (qos === undefined) held.delete(who);
        else held.set(who, qos);
        model.set(filter, held);
      }
      for (const topic of topics) {
        const expected = new Map<number, number>();
        for (const [filter, held] of model)
          if (matches(filter, topic))
            for (const [who, qos] of held) expected.set(who, Math.max(qos, expected.get(who) ?? 0));
        const sorted = (map: Iterable<[number, number]>) => [...map].sort(([a], [b]) => a - b);
        const found = [...subscribersOf(subscriptions, topic)].map(([who, { qos }]): [number, number] => [who, qos]);
        assert.equal(sorted(found), sorted(expected), topic);
      }
      for (const [filter, held] of model) for (const who of held.keys()) unsubscribe(subscriptions, filter, who);
      assert.is(subscriptions.entries.size + subscriptions.byThing.size, 0);
    }),
    { numRuns: 300 },
  );
});

test('subscriptions that overlap are merged: highest QoS, every identifier, and what one delivers is delivered', () => {
  const one: Subscription = { qos: 0, noLocal: true, retainAsPublished: false, identifiers: [1] };
  const other: Subscription = { qos: 1, noLocal: true, retainAsPublished: true, identifiers: [2] };
  const both = { qos: 1, noLocal: true, retainAsPublished: true, identifiers: [1, 2] };
  assert.equal(merged(one, other), both);
  assert.equal(merged(one, PLAIN[0]), { ...one, noLocal: false });
  assert.is(merged(PLAIN[0], PLAIN[1]), PLAIN[1], 'no new object for MQTT 3.1.1');
  const subscriptions = createSubscriptions<string>();
  subscribe(subscriptions, 'a/+', 'me', one);
  subscribe(subscriptions, 'a/b', 'me', other);
  const found = subscribersOf(subscriptions, 'a/b').get('me')!;
  assert.equal({ ...found, identifiers: [...found.identifiers].sort() }, both);
});

test('isMalformedFilter: what MQTT 3.1.1 §4.7.1 forbids, and nothing else', () => {
  for (const filter of ['', 'a#', '#/a', 'a/#/b', 'a+', '+a/b', 'a/##']) assert.ok(isMalformedFilter(filter), filter);
  for (const filter of ['#', '+', 'a/#', '+/+/#', '/', 'a//b', '$aws/#']) assert.not(isMalformedFilter(filter), filter);
});

test('faultOfTopic: at most 256 bytes and 7 slashes, those of $aws/things/{thing}/ not counted', () => {
  assert.is(faultOfTopic('é'.repeat(128)), undefined);
  assert.match(faultOfTopic(`${'é'.repeat(128)}x`) as string, '257 bytes');
  assert.is(faultOfTopic('1/2/3/4/5/6/7/8'), undefined);
  assert.match(faultOfTopic('1/2/3/4/5/6/7/8/9') as string, '8 slashes');
  assert.is(faultOfTopic('$aws/things/T/1/2/3/4/5/6/7/8'), undefined);
  assert.match(faultOfTopic('$aws/things/T/1/2/3/4/5/6/7/8/9') as string, '8 slashes');
  assert.match(faultOfTopic('') as string, 'empty');
  assert.match(faultOfTopic('a/+') as string, 'wildcard');
});

test.run();
