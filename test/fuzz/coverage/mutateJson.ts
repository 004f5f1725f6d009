import { type Dice, oneOf } from './dice.ts';

type Json = null | boolean | number | string | Json[] | { [member: string]: Json };
/** Where a value is: what holds it, and under which name or number. */
interface Spot {
  holder: { [member: string]: Json };
  name: string;
}

const ODD: readonly Json[] = [
  null,
  true,
  false,
  '',
  0,
  -1,
  1,
  2 ** 53,
  1.5,
  1e300,
  -0,
  {},
  [],
  [[]],
  '\0',
  '\ud800',
  '../x',
  'ä\u2028\n',
  'true',
  '1',
];
const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'length', ''];

/**
 * Changes the JSON that a text has from its first brace or bracket on, as a tree: so it stays JSON.
 *
 * @param other   where pieces come from, if it has JSON too
 * @param values  words of the format: names and values
 * @returns       undefined when there is none
 */
export function mutateJson(
  dice: Dice,
  input: Uint8Array,
  other: Uint8Array,
  values: readonly (string | number)[],
): Uint8Array | undefined {
  const found = jsonIn(input);
  if (found === undefined) return undefined;
  const root = { '': found.value };
  for (let changes = 1 + dice(4); changes > 0; changes--) change(dice, root, other, values);
  return new TextEncoder().encode(found.before + JSON.stringify(root['']));
}

function jsonIn(input: Uint8Array): { before: string; value: Json } | undefined {
  const text = new TextDecoder().decode(input);
  const at = text.search(/[{[]/);
  if (at < 0) return undefined;
  try {
    return { before: text.slice(0, at), value: JSON.parse(text.slice(at)) };
  } catch {
    return undefined;
  }
}

function change(dice: Dice, root: { '': Json }, other: Uint8Array, values: readonly (string | number)[]): void {
  const spots = spotsIn(root);
  const { holder, name } = oneOf(dice, spots);
  const value = holder[name] as Json;
  const word = () => (dice(6) === 0 ? oneOf(dice, ODD) : oneOf(dice, values));
  switch (dice(9)) {
    case 0:
      holder[name] = structuredClone(word());
      return;
    case 1:
      if (Array.isArray(holder)) holder.splice(Number(name), 1);
      else if (name !== '' || holder !== root) delete holder[name];
      return;
    case 2: {
      if (value === null || typeof value !== 'object') return;
      const member = dice(12) === 0 ? oneOf(dice, ODD_NAMES) : `${oneOf(dice, values)}`;
      if (Array.isArray(value)) value.push(structuredClone(word()));
      else
        Object.defineProperty(value, member, {
          value: structuredClone(word()),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      return;
    }
    case 3: // the same again, or what another spot has
      if (Array.isArray(holder)) holder.splice(Number(name), 0, structuredClone(value));
      else holder[name] = fromSpot(oneOf(dice, spots));
      return;
    case 4:
      holder[name] = dice(2) === 0 ? [structuredClone(value)] : { [`${oneOf(dice, values)}`]: structuredClone(value) };
      return;
    case 5: {
      const found = jsonIn(other);
      if (found !== undefined) holder[name] = fromSpot(oneOf(dice, spotsIn({ '': found.value })));
      return;
    }
    case 6:
      if (typeof value === 'number') holder[name] = dice(2) === 0 ? value + dice(5) - 2 : value * (dice(20) - 10);
      else if (typeof value === 'string') holder[name] = changedText(dice, value, values);
      return;
    case 7: // under another name
      if (Array.isArray(holder) || holder === root) return;
      holder[`${oneOf(dice, values)}`] = value;
      delete holder[name];
      return;
    default:
      if (typeof value === 'string') holder[name] = changedText(dice, value, values);
      else holder[name] = structuredClone(word());
  }
}

function fromSpot({ holder, name }: Spot): Json {
  return structuredClone(holder[name] as Json);
}

function changedText(dice: Dice, text: string, values: readonly (string | number)[]): string {
  const at = dice(text.length + 1);
  const piece = [`${oneOf(dice, values)}`, String.fromCharCode(dice(128)), `${oneOf(dice, ODD)}`, text][dice(4)]!;
  return text.slice(0, at) + (dice(4) === 0 ? '' : piece) + text.slice(at + dice(3));
}

/** Every value with its place; a tree that is too deep or large is not walked to its end. */
function spotsIn(root: { '': Json }): Spot[] {
  const spots: Spot[] = [{ holder: root, name: '' }];
  for (let i = 0; i < spots.length && spots.length < 2_000; i++) {
    const { holder, name } = spots[i]!;
    const value = holder[name];
    if (value === null || typeof value !== 'object') continue;
    for (const member of Object.keys(value)) spots.push({ holder: value as { [member: string]: Json }, name: member });
  }
  return spots;
}
