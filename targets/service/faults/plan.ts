import { draw } from '../../../runtime/random.ts';
import { canBeDone, type Occasion, type Rule } from './rule.ts';

/** Rules and what became of them so far. */
export interface Plan {
  /** The JSON that it was read from. */
  readonly text: string;
  readonly rules: readonly Counted[];
  /** Of the chance that `probability` draws from: the seed at first, so a plan fires alike each time on the same occasions. */
  chance: number;
}

export interface Counted {
  readonly rule: Rule;
  /** Occasions that it fitted. */
  seen: number;
  fired: number;
}

/** Where the plan in force is; undefined: no faults, and nothing is looked at. */
export interface FaultSwitch {
  plan: Plan | undefined;
}

/** The first rule that fires on an occasion; those after it are not asked and count nothing. */
export function choose(plan: Plan, occasion: Occasion): Rule | undefined {
  for (const counted of plan.rules) {
    const { rule } = counted;
    if (counted.fired >= rule.times || !fits(rule, occasion)) continue;
    counted.seen++;
    if (!isTime(rule, counted.seen, plan)) continue;
    counted.fired++;
    return rule;
  }
  return undefined;
}

function fits({ things, operations, plane, action }: Rule, occasion: Occasion): boolean {
  if (!operations.has(occasion.operation) || (plane !== undefined && plane !== occasion.plane)) return false;
  if (!canBeDone(action, occasion.operation, occasion.plane)) return false;
  if (action.do === 'withhold' && occasion.acknowledged === false) return false;
  return things === undefined || things.some((pattern) => occasion.things.some((name) => covers(pattern, name)));
}

function isTime({ often }: Rule, seen: number, plan: Plan): boolean {
  if (often === 'always') return true;
  if ('nth' in often) return seen === often.nth;
  if ('every' in often) return seen % often.every === 0;
  return draw(plan) < often.probability;
}

/** Whether a pattern covers a name: `*` stands for any characters, also none. Linear, for no pattern may cost more than its length. */
export function covers(pattern: string, name: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return pattern === name;
  if (!name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length) return false;
  let at = head.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > name.length - tail.length) return false;
    at = found + part.length;
  }
  return true;
}
