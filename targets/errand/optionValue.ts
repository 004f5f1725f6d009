import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileFault } from '../service/fileFault.ts';
import type { Shape } from '../service/operations/shape.ts';
import { usageError } from './outcome.ts';
import { readShorthand, type Tree } from './shorthand.ts';

/**
 * The value of one option from the arguments behind it, in the spellings of the AWS CLI: text; `file://` and a path; JSON
 * or shorthand for structures, maps and lists; several arguments for a list. Ranges are the service's business.
 *
 * @throws CommandError (usage): not of the shape's type, a member that the shape does not have, no readable file
 */
export function optionValue(shape: Shape, option: string, args: readonly string[]): unknown {
  const texts = args.map((arg) => withFile(option, arg));
  const [text] = texts;
  if (text === undefined) throw usageError(`${option}: expected a value behind it`);
  if (shape.type === 'list') {
    const json = texts.length === 1 ? readJson(option, text, '[') : undefined;
    if (json !== undefined) return known(shape, json, option);
    return texts.map((item) => structured(shape.of, option, item));
  }
  if (texts.length > 1)
    throw usageError(`${option}: expected one value, found ${texts.length}; quote what holds spaces`);
  return structured(shape, option, text);
}

/** What `--cli-input-json` gives, members checked to be known. */
export function inputJson(option: string, arg: string): unknown {
  return readJson(option, withFile(option, arg), '{');
}

/** What `--cli-input-yaml` gives. @returns undefined when it is no map */
export async function inputYaml(option: string, arg: string): Promise<unknown> {
  // Loaded where it is used: few commands do.
  const { decodeYaml } = await import('./yaml.ts');
  const text = withFile(option, arg);
  try {
    const members: unknown = decodeYaml(text);
    return typeof members === 'object' && members !== null && !Array.isArray(members) ? members : undefined;
  } catch (error) {
    throw usageError(`${option}: not valid YAML: ${(error as Error).message.split('\n')[0]}`);
  }
}

/** Refuses members that the shape does not have: the service would pass over a misspelt one in silence. */
export function known(shape: Shape, value: unknown, at: string): unknown {
  if (shape.type === 'list' && Array.isArray(value)) {
    for (const [index, item] of value.entries()) known(shape.of, item, `${at}[${index}]`);
  } else if (shape.type === 'structure' && typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) known(memberOf(shape, name, at), item, `${at}.${name}`);
  }
  return value;
}

function structured(shape: Shape, option: string, text: string): unknown {
  if (shape.type !== 'structure' && shape.type !== 'map') return typed(shape, text, option);
  const json = readJson(option, text, '{');
  return json === undefined ? typed(shape, readShorthand(text, option), option) : known(shape, json, option);
}

/** Gives the texts of shorthand the types of their shape. */
function typed(shape: Shape, tree: Tree, at: string): unknown {
  switch (shape.type) {
    case 'string':
      return typeof tree === 'string' ? tree : mistyped(at, tree, 'text');
    case 'integer':
      return typeof tree === 'string' && /^-?\d{1,15}$/.test(tree)
        ? Number(tree)
        : mistyped(at, tree, 'a whole number');
    case 'number':
    case 'timestamp':
      return typeof tree === 'string' && tree.trim() !== '' && Number.isFinite(Number(tree))
        ? Number(tree)
        : mistyped(at, tree, 'a number');
    case 'boolean':
      return tree === 'true' || tree === 'false' ? tree === 'true' : mistyped(at, tree, 'true or false');
    case 'list':
      return (Array.isArray(tree) ? tree : [tree]).map((item, index) => typed(shape.of, item, `${at}[${index}]`));
    case 'map':
    case 'structure':
      if (typeof tree !== 'object' || Array.isArray(tree)) return mistyped(at, tree, 'key=value pairs');
      return Object.fromEntries(
        Object.entries(tree).map(([name, item]) => [
          name,
          typed(shape.type === 'map' ? shape.value : memberOf(shape, name, at), item, `${at}.${name}`),
        ]),
      );
  }
}

function memberOf(shape: Shape & { type: 'structure' }, name: string, at: string): Shape {
  if (Object.hasOwn(shape.members, name)) return shape.members[name]!.shape;
  throw usageError(`${at}: no member '${name}': expected one of ${Object.keys(shape.members).join(', ')}`);
}

function mistyped(at: string, tree: Tree, expected: string): never {
  throw usageError(
    `${at}: found ${typeof tree === 'string' ? `'${tree}'` : JSON.stringify(tree)}: expected ${expected}`,
  );
}

/** @returns undefined when the text does not begin like JSON of that kind */
function readJson(option: string, text: string, begins: '{' | '['): unknown {
  if (!text.trimStart().startsWith(begins)) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw usageError(`${option}: not valid JSON: ${(error as Error).message}`);
  }
}

/** `file://job.json` and `file:///abs/job.json` are the text of that file. */
function withFile(option: string, arg: string): string {
  if (!arg.startsWith('file://')) return arg;
  const name = arg.slice('file://'.length).replace(/^~(?=\/)/, homedir());
  try {
    return readFileSync(path.resolve(name), 'utf8');
  } catch (error) {
    throw usageError(`${option}: cannot read ${path.resolve(name)}: ${fileFault(error)}`);
  }
}
