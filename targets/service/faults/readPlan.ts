import type { ErrorCode } from '../../../runtime/jobs/errorCodes.ts';
import { connackCodes } from './connack.ts';
import { cutBytesMax, delayMillisMax, ruleNameCharsMax, rulesCharsMax, rulesMax, thingsPerRuleMax } from './limits.ts';
import type { Plan } from './plan.ts';
import {
  ACKNOWLEDGEMENTS,
  type Acknowledgement,
  type Action,
  type Affected,
  canBeDone,
  ERROR_CODES,
  FAULT_OPERATIONS,
  type FaultOperation,
  type Often,
  PLANES,
  type Plane,
  type Rule,
} from './rule.ts';

/** What is wrong with rules; the message is one sentence that names the place. */
export class PlanFault extends Error {}

type Json = Record<string, unknown>;

/**
 * Reads rules from JSON, whole or not at all:
 *
 *     { "seed": 7, "rules": [
 *       { "name": "lost reports",
 *         "when": { "thing": "board-*", "operation": "UpdateJobExecution", "plane": "mqtt" },
 *         "every": 3, "times": 10,
 *         "do": { "drop": "answer" } } ] }
 *
 * `seed`, `name`, `when` and its members, one of `nth`, `every` and `probability`, and `times` may be left out.
 *
 * @throws PlanFault
 */
export function readPlan(text: string): Plan {
  if (text.length > rulesCharsMax)
    throw new PlanFault(`the rules have ${text.length} characters: at most ${rulesCharsMax}`);
  const source = objectAt('$', parse(text), ['seed', 'rules']);
  const seed = source.seed === undefined ? 0 : integerAt('$.seed', source.seed, 0, 4_294_967_295);
  const rules = source.rules;
  if (!Array.isArray(rules)) throw expected('$.rules', rules, 'a list of rules');
  if (rules.length > rulesMax) throw new PlanFault(`$.rules has ${rules.length} rules: at most ${rulesMax}`);
  const read = rules.map((rule, i) => readRule(`$.rules[${i}]`, rule, i));
  return { text, chance: seed | 0, rules: read.map((rule) => ({ rule, seen: 0, fired: 0 })) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PlanFault(`the rules are not JSON: ${(error as Error).message}`);
  }
}

function readRule(at: string, value: unknown, index: number): Rule {
  const rule = objectAt(at, value, ['name', 'when', 'nth', 'every', 'probability', 'times', 'do']);
  const when = rule.when === undefined ? {} : objectAt(`${at}.when`, rule.when, ['thing', 'operation', 'plane']);
  const plane = when.plane === undefined ? undefined : oneOf<Plane>(`${at}.when.plane`, when.plane, PLANES);
  const action = readAction(`${at}.do`, rule.do);
  const planes = plane === undefined ? PLANES : [plane];
  const possible = FAULT_OPERATIONS.filter((operation) => planes.some((one) => canBeDone(action, operation, one)));
  if (possible.length === 0)
    throw new PlanFault(`${at}.do cannot be done on ${plane}, which ${at}.when.plane asks for`);
  return {
    name: rule.name === undefined ? `rule ${index + 1}` : textAt(`${at}.name`, rule.name, ruleNameCharsMax),
    things: when.thing === undefined ? undefined : readThings(`${at}.when.thing`, when.thing),
    operations: readOperations(`${at}.when.operation`, when.operation, possible, at),
    plane,
    often: readOften(at, rule),
    times: rule.times === undefined ? Number.POSITIVE_INFINITY : integerAt(`${at}.times`, rule.times, 1, 1e9),
    action,
  };
}

function readThings(at: string, value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > thingsPerRuleMax)
    throw new PlanFault(`${at} has ${list.length} names: expected 1 to ${thingsPerRuleMax}`);
  return list.map((name, i) => {
    if (typeof name !== 'string' || !/^[a-zA-Z0-9:_*-]{1,128}$/.test(name))
      throw expected(
        Array.isArray(value) ? `${at}[${i}]` : at,
        name,
        "a thing's name, in which * stands for any characters",
      );
    return name;
  });
}

function readOperations(
  at: string,
  value: unknown,
  possible: readonly FaultOperation[],
  rule: string,
): ReadonlySet<FaultOperation> {
  if (value === undefined) return new Set(possible);
  const list = Array.isArray(value) ? value : [value];
  const read = list.map((one, i) => {
    const place = Array.isArray(value) ? `${at}[${i}]` : at;
    const operation = oneOf<FaultOperation>(place, one, FAULT_OPERATIONS);
    if (!possible.includes(operation))
      throw new PlanFault(`${place} is ${operation}, to which ${rule}.do cannot be done: expected ${listed(possible)}`);
    return operation;
  });
  if (read.length === 0) throw new PlanFault(`${at} is empty: expected ${listed(possible)}`);
  return new Set(read);
}

function readOften(at: string, rule: Json): Often {
  const given = (['nth', 'every', 'probability'] as const).filter((name) => rule[name] !== undefined);
  if (given.length > 1) throw new PlanFault(`${at} has ${given.join(' and ')}: expected one of them`);
  const [name] = given;
  if (name === undefined) return 'always';
  if (name === 'nth') return { nth: integerAt(`${at}.nth`, rule.nth, 1, 1e9) };
  if (name === 'every') return { every: integerAt(`${at}.every`, rule.every, 1, 1e9) };
  const { probability } = rule;
  if (typeof probability !== 'number' || !(probability >= 0 && probability <= 1))
    throw expected(`${at}.probability`, probability, 'a number from 0 to 1');
  return { probability };
}

type ActionReader = (at: string, value: unknown) => Action;

const AFFECTED: readonly Affected[] = ['request', 'answer', 'notification'];

const ACTIONS: Record<string, ActionReader> = {
  drop: (at, value) => ({ do: 'drop', what: oneOf(at, value, AFFECTED) }),
  duplicate: (at, value) => ({ do: 'duplicate', what: oneOf(at, value, AFFECTED) }),
  delay: (at, value) => ({ do: 'delay', millis: integerAt(at, value, 1, delayMillisMax) }),
  throttle: (at, value) => {
    if (value !== true) throw expected(at, value, 'true');
    return { do: 'reject', code: 'RequestThrottled' };
  },
  answer: (at, value) => ({ do: 'reject', code: oneOf<ErrorCode>(at, value, ERROR_CODES) }),
  refuse: (at, value) => {
    if (typeof value !== 'number' || connackCodes(value) === undefined)
      throw expected(
        at,
        value,
        'a return code of MQTT 3.1.1, 1 to 5, or a reason code of CONNACK in MQTT 5, such as 136',
      );
    return { do: 'refuse', code: value };
  },
  withhold: (at, value) => ({
    do: 'withhold',
    packet: oneOf<Acknowledgement>(at, value, Object.keys(ACKNOWLEDGEMENTS) as Acknowledgement[]),
  }),
  cut: (at, value) => {
    if (value === 'before' || value === 'after') return { do: 'cut', at: value };
    if (typeof value !== 'number') throw expected(at, value, 'before, after, or a number of bytes');
    return { do: 'cut', at: integerAt(at, value, 0, cutBytesMax) };
  },
  lose: (at, value) => {
    oneOf(at, value, ['session']);
    return { do: 'lose' };
  },
};

function readAction(at: string, value: unknown): Action {
  const names = Object.keys(ACTIONS);
  const given = Object.entries(objectAt(at, value, names));
  if (given.length !== 1) throw new PlanFault(`${at} has ${given.length} members: expected one of ${listed(names)}`);
  const [name, what] = given[0]!;
  return ACTIONS[name]!(`${at}.${name}`, what);
}

function objectAt(at: string, value: unknown, known: readonly string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw expected(at, value, `an object with ${listed(known)}`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new PlanFault(`${at} has '${unknown.slice(0, 40)}': expected ${listed(known)}`);
  return value as Json;
}

function oneOf<T extends string>(at: string, value: unknown, known: readonly T[]): T {
  if (!known.includes(value as T)) throw expected(at, value, listed(known));
  return value as T;
}

function integerAt(at: string, value: unknown, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw expected(at, value, `a whole number from ${least} to ${most}`);
  return value as number;
}

function textAt(at: string, value: unknown, charsMax: number): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > charsMax || /\p{C}/u.test(value))
    throw expected(at, value, `a text of 1 to ${charsMax} characters`);
  return value;
}

function expected(at: string, found: unknown, what: string): PlanFault {
  const shown = found === undefined ? 'missing' : `${JSON.stringify(found).slice(0, 60)}`;
  return new PlanFault(`${at} is ${shown}: expected ${what}`);
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
