import { isObject } from '../../../runtime/jobs/json.ts';
import {
  type ListShape,
  type MapShape,
  type Member,
  matches,
  type NumberShape,
  type Shape,
  type StringShape,
} from './shape.ts';

/** Most faults that one message names; the rest only count. */
const FAULTS_NAMED_MAX = 10;

/** What is wrong with a request: how many constraints it breaks, and a line for each of the first few. */
export interface Faults {
  count: number;
  lines: string[];
}
/** Longest piece of a wrong value that is repeated in a message, characters. */
const VALUE_QUOTED_CHARS_MAX = 128;

/**
 * Checks the members of one request or answer.
 *
 * @param members  of an operation's row
 * @param given    by name; a member that is undefined or null counts as absent
 * @returns        `value`: only known members, absent ones left out. `faults`: the broken constraints in the service's own
 *                 words ("Value 'x' at 'jobId' failed to satisfy constraint: ..."); its count is 0 when all is well.
 */
export function validate(
  members: Readonly<Record<string, Member>>,
  given: Readonly<Record<string, unknown>>,
): { value: Record<string, unknown>; faults: Faults } {
  const faults: Faults = { count: 0, lines: [] };
  return { value: checkMembers(members, given, '', faults), faults };
}

/** The message of an InvalidRequestException for `faults`, at least one. */
export function faultsMessage({ count, lines }: Faults): string {
  return `${count} validation error${count === 1 ? '' : 's'} detected: ${lines.join('; ')}`;
}

/** Notes one broken constraint; `value` undefined: the member is absent. */
function addFault(faults: Faults, value: unknown, at: string, constraint: string): void {
  faults.count += 1;
  if (faults.lines.length < FAULTS_NAMED_MAX)
    faults.lines.push(`Value ${quoted(value)} at '${at}' failed to satisfy constraint: ${constraint}`);
}

function checkMembers(
  members: Readonly<Record<string, Member>>,
  given: Readonly<Record<string, unknown>>,
  prefix: string,
  faults: Faults,
): Record<string, unknown> {
  const value: [string, unknown][] = [];
  for (const [name, { shape, required }] of Object.entries(members)) {
    const member = Object.hasOwn(given, name) ? given[name] : undefined;
    if (member !== undefined && member !== null) value.push([name, check(shape, member, prefix + name, faults)]);
    else if (required) addFault(faults, undefined, prefix + name, 'Member must not be null');
  }
  return Object.fromEntries(value);
}

function check(shape: Shape, value: unknown, at: string, faults: Faults): unknown {
  const refuse = (constraint: string) => addFault(faults, value, at, constraint);
  switch (shape.type) {
    case 'string':
      return typeof value === 'string' ? checkString(shape, value, refuse) : refuse('Member must be a string');
    case 'integer':
      return Number.isSafeInteger(value)
        ? checkNumber(shape, value as number, refuse)
        : refuse('Member must be an integer');
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
        ? checkNumber(shape, value, refuse)
        : refuse('Member must be a number');
    case 'timestamp':
      return typeof value === 'number' ? value : refuse('Member must be a number of seconds since 1970');
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse('Member must be true or false');
    case 'list':
      return Array.isArray(value) ? checkList(shape, value, at, faults) : refuse('Member must be a list');
    case 'map':
      return isObject(value) ? checkMap(shape, value, at, faults) : refuse('Member must be an object');
    case 'structure':
      return isObject(value)
        ? checkMembers(shape.members, value, `${at}.`, faults)
        : refuse('Member must be an object');
  }
}

function checkString(shape: StringShape, value: string, refuse: (constraint: string) => void): string {
  const { charsMin = 0, charsMax = Number.POSITIVE_INFINITY, bytesMax, pattern, oneOf } = shape;
  if (oneOf !== undefined) {
    if (!oneOf.includes(value)) refuse(`Member must satisfy enum value set: [${oneOf.join(', ')}]`);
    return value;
  }
  if (value.length < charsMin) refuse(`Member must have length greater than or equal to ${charsMin}`);
  if (value.length > charsMax) refuse(`Member must have length less than or equal to ${charsMax}`);
  else if (bytesMax !== undefined && Buffer.byteLength(value) > bytesMax)
    refuse(`Member must have at most ${bytesMax} bytes in UTF-8`);
  else if (pattern !== undefined && !matches(pattern, value))
    refuse(`Member must satisfy regular expression pattern: ${pattern}`);
  return value;
}

function checkNumber(shape: NumberShape, value: number, refuse: (constraint: string) => void): number {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, decimalsMax } = shape;
  if (value < min) refuse(`Member must have value greater than or equal to ${min}`);
  else if (value > max) refuse(`Member must have value less than or equal to ${max}`);
  else if (decimalsMax !== undefined && Number(value.toFixed(decimalsMax)) !== value)
    refuse(`Member must have at most ${decimalsMax} digit${decimalsMax === 1 ? '' : 's'} after the point`);
  return value;
}

function checkList(shape: ListShape, value: unknown[], at: string, faults: Faults): unknown[] {
  const { itemsMin = 0, itemsMax = Number.POSITIVE_INFINITY } = shape;
  if (value.length < itemsMin)
    addFault(faults, value, at, `Member must have length greater than or equal to ${itemsMin}`);
  if (value.length > itemsMax) {
    addFault(faults, value, at, `Member must have length less than or equal to ${itemsMax}`);
    return [];
  }
  return value.map((item, index) => check(shape.of, item, `${at}.${index + 1}.member`, faults));
}

function checkMap(shape: MapShape, value: object, at: string, faults: Faults): Record<string, unknown> {
  const pairs = Object.entries(value);
  const { pairsMax = Number.POSITIVE_INFINITY } = shape;
  if (pairs.length > pairsMax) {
    addFault(faults, value, at, `Member must have length less than or equal to ${pairsMax}`);
    return {};
  }
  return Object.fromEntries(
    pairs.map(([key, item]) => {
      check(shape.key, key, `${at}.key`, faults);
      return [key, check(shape.value, item, `${at}.${clipped(key)}.value`, faults)];
    }),
  );
}

/** A wrong value as a message shows it; what is inside a list or an object is not walked again. */
function quoted(value: unknown): string {
  if (value === undefined) return 'null';
  if (Array.isArray(value)) return `[${value.length} item${value.length === 1 ? '' : 's'}]`;
  return typeof value === 'object' ? '{...}' : `'${clipped(String(value))}'`;
}

function clipped(text: string): string {
  return text.length > VALUE_QUOTED_CHARS_MAX ? `${text.slice(0, VALUE_QUOTED_CHARS_MAX)}...` : text;
}
