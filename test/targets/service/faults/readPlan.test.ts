import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { rulesCharsMax, rulesMax } from '../../../../targets/service/faults/limits.ts';
import { choose, covers } from '../../../../targets/service/faults/plan.ts';
import { PlanFault, readPlan } from '../../../../targets/service/faults/readPlan.ts';
import {
  ERROR_CODES,
  FAULT_OPERATIONS,
  type FaultOperation,
  type Occasion,
  type Plane,
} from '../../../../targets/service/faults/rule.ts';

const rule = (members: object) => JSON.stringify({ rules: [{ do: { drop: 'answer' }, ...members }] });

const REFUSED: [name: string, text: string, message: string][] = [
  ['no JSON', '{', 'the rules are not JSON: '],
  ['no object', '[]', '$ is []: expected an object with seed or rules'],
  ['no rules', '{}', '$.rules is missing: expected a list of rules'],
  ['an unknown member', '{"rules":[],"rule":1}', "$ has 'rule': expected seed or rules"],
  ['a seed', '{"rules":[],"seed":-1}', '$.seed is -1: expected a whole number from 0 to 4294967295'],
  ['no action', '{"rules":[{}]}', '$.rules[0].do is missing: expected an object with drop, duplicate, delay,'],
  ['two actions', rule({ do: { delay: 1, throttle: true } }), '$.rules[0].do has 2 members: expected one of drop,'],
  ['an unknown action', rule({ do: { lost: 1 } }), "$.rules[0].do has 'lost': expected drop, duplicate,"],
  [
    'what to drop',
    rule({ do: { drop: 'it' } }),
    '$.rules[0].do.drop is "it": expected request, answer or notification',
  ],
  [
    'a delay',
    rule({ do: { delay: 600_001 } }),
    '$.rules[0].do.delay is 600001: expected a whole number from 1 to 600000',
  ],
  ['throttle', rule({ do: { throttle: 1 } }), '$.rules[0].do.throttle is 1: expected true'],
  ['a code', rule({ do: { answer: 'Teapot' } }), '$.rules[0].do.answer is "Teapot": expected InvalidTopic, '],
  [
    'a CONNACK code',
    rule({ do: { refuse: 6 } }),
    '$.rules[0].do.refuse is 6: expected a return code of MQTT 3.1.1, 1 to 5, or',
  ],
  [
    'a packet',
    rule({ do: { withhold: 'PUBREC' } }),
    '$.rules[0].do.withhold is "PUBREC": expected CONNACK, PUBACK, SUBACK or PINGRESP',
  ],
  ['a cut', rule({ do: { cut: -1 } }), '$.rules[0].do.cut is -1: expected a whole number from 0 to 1048576'],
  ['what to lose', rule({ do: { lose: 'face' } }), '$.rules[0].do.lose is "face": expected session'],
  ['a thing', rule({ when: { thing: 'a b' } }), '$.rules[0].when.thing is "a b": expected a thing\'s name, in which'],
  ['a thing of several', rule({ when: { thing: ['a', 7] } }), '$.rules[0].when.thing[1] is 7: expected'],
  ['a plane', rule({ when: { plane: 'coap' } }), '$.rules[0].when.plane is "coap": expected mqtt or https'],
  [
    'an operation',
    rule({ when: { operation: 'Reboot' } }),
    '$.rules[0].when.operation is "Reboot": expected GetPending',
  ],
  [
    'an operation that the action is not for',
    rule({ when: { operation: ['UpdateJobExecution', 'notify'] } }),
    '$.rules[0].when.operation[1] is notify, to which $.rules[0].do cannot be done: expected GetPendingJobExecutions, StartNext',
  ],
  [
    'an action that the plane has not',
    rule({ when: { plane: 'https' }, do: { duplicate: 'answer' } }),
    '$.rules[0].do cannot be done on https, which $.rules[0].when.plane asks for',
  ],
  ['twice how often', rule({ nth: 1, every: 2 }), '$.rules[0] has nth and every: expected one of them'],
  ['nth', rule({ nth: 0 }), '$.rules[0].nth is 0: expected a whole number from 1 to'],
  ['a probability', rule({ probability: 2 }), '$.rules[0].probability is 2: expected a number from 0 to 1'],
  ['times', rule({ times: 1.5 }), '$.rules[0].times is 1.5: expected'],
  ['a name', rule({ name: 'a\nb' }), '$.rules[0].name is "a\\nb": expected a text of 1 to 64 characters'],
  ['too many', JSON.stringify({ rules: Array(rulesMax + 1).fill({}) }), `$.rules has ${rulesMax + 1} rules: at most`],
  ['too long', ' '.repeat(rulesCharsMax + 1), `the rules have ${rulesCharsMax + 1} characters`],
];

for (const [name, text, message] of REFUSED)
  test(`readPlan: refuses ${name} in one sentence with its place`, () => {
    try {
      readPlan(text);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, PlanFault);
      assert.ok((error as Error).message.startsWith(message), `${(error as Error).message}\n${message}`);
      assert.not.match((error as Error).message, '\n');
    }
  });

test('readPlan: takes each of the nine codes and each refusal of CONNECT, of MQTT 3.1.1 and of 5', () => {
  assert.is(ERROR_CODES.length, 9);
  for (const code of ERROR_CODES) readPlan(rule({ do: { answer: code } }));
  for (const code of [1, 2, 3, 4, 5, 0x80, 0x88, 0x8a, 0x9f]) readPlan(rule({ do: { refuse: code } }));
});

const occasion = (thing = 'T', operation: FaultOperation = 'UpdateJobExecution', plane: Plane = 'mqtt'): Occasion => ({
  plane,
  operation,
  things: [thing],
});

function firings(members: object, count: number): number[] {
  const plan = readPlan(JSON.stringify({ seed: 7, rules: [{ do: { drop: 'answer' }, ...members }] }));
  return Array.from({ length: count }, (_, i) => (choose(plan, occasion()) === undefined ? 0 : i + 1)).filter(Boolean);
}

test('choose: nth fires once, every nth again and again, times ends it, and a seed gives the same chance each time', () => {
  assert.equal(firings({}, 3), [1, 2, 3]);
  assert.equal(firings({ nth: 2 }, 5), [2]);
  assert.equal(firings({ every: 2 }, 6), [2, 4, 6]);
  assert.equal(firings({ every: 2, times: 2 }, 9), [2, 4]);
  const byChance = firings({ probability: 0.3 }, 1_000);
  assert.ok(byChance.length > 240 && byChance.length < 360, `${byChance.length} of 1,000`);
  assert.equal(firings({ probability: 0.3 }, 1_000), byChance);
  assert.equal(firings({ probability: 0 }, 100), []);
});

test('choose: the first rule that fires is the one; a rule counts only what it fitted', () => {
  const plan = readPlan(
    JSON.stringify({
      rules: [
        { name: 'a', when: { thing: ['x-*', 'y'] }, nth: 2, do: { drop: 'request' } },
        { name: 'b', when: { operation: 'UpdateJobExecution', plane: 'mqtt' }, do: { throttle: true } },
        { name: 'c', do: { delay: 5 } },
      ],
    }),
  );
  const names = [
    occasion('x-1'),
    occasion('y'),
    occasion('z', 'DescribeJobExecution'),
    occasion('z', 'UpdateJobExecution', 'https'),
    occasion('z', 'notify'),
  ].map((one) => choose(plan, one)?.name);
  assert.equal(names, ['b', 'a', 'c', 'c', 'c']);
  assert.equal(
    plan.rules.map(({ seen, fired }) => [seen, fired]),
    [
      [2, 1],
      [1, 1],
      [3, 3],
    ],
  );
});

test('choose: an action is done only to what it can be done to', () => {
  const plan = readPlan(rule({ do: { duplicate: 'answer' } }));
  for (const plane of ['mqtt', 'https'] as const)
    for (const operation of FAULT_OPERATIONS) {
      const expected = plane === 'mqtt' && /Execution/.test(operation);
      assert.is(choose(plan, occasion('T', operation, plane)) !== undefined, expected, `${plane} ${operation}`);
    }
  const withheld = readPlan(rule({ do: { withhold: 'PUBACK' } }));
  assert.is(choose(withheld, { ...occasion('T', 'publish'), acknowledged: false }), undefined);
  assert.ok(choose(withheld, { ...occasion('T', 'publish'), acknowledged: true }));
});

test('covers: * stands for any characters, also none, and costs no more than the name is long', () => {
  for (const [pattern, name, expected] of [
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', '', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'ac', false],
    ['a*a', 'a', false],
    ['*ab*ab', 'ab', false],
    ['*ab*ab', 'xabyab', true],
  ] as const)
    assert.is(covers(pattern, name), expected, `${pattern} ${name}`);
  assert.not(covers(`${'*a'.repeat(64)}b`, 'a'.repeat(128)));
});

test.run();
