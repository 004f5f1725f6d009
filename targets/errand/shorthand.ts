import { usageError } from './outcome.ts';

/** What shorthand says before it is known which types are meant: text, lists and objects. */
export type Tree = string | Tree[] | { [key: string]: Tree };

/** Nesting that shorthand may have; the deepest structure of the API has four. */
const DEPTH_MAX = 16;

/**
 * Reads the AWS CLI's shorthand: `key=value,key=value`, where a value is text, `"quoted text"`, `[value,value]` or
 * `{key=value}`, and `key=a,b` is a list. A backslash takes the character behind it as it is.
 *
 * @param text    one argument
 * @param option  it belongs to, such as `--tags`, for the message
 * @throws        CommandError (usage) with the place of the fault
 */
export function readShorthand(text: string, option: string): { [key: string]: Tree } {
  let at = 0;

  const refuse = (expected: string): never => {
    const found = at < text.length ? `'${text[at]}'` : 'the end';
    throw usageError(`${option}: found ${found} at character ${at + 1} of '${text}': expected ${expected}`);
  };

  function readPairs(end: '' | '}', depth: number): { [key: string]: Tree } {
    if (depth > DEPTH_MAX) refuse(`at most ${DEPTH_MAX} levels`);
    const pairs: [string, Tree][] = [];
    while (true) {
      const key = /^[^=,[\]{}"'\s]+/.exec(text.slice(at))?.[0];
      if (key === undefined) return refuse('a key');
      at += key.length;
      if (text[at] !== '=') refuse("'='");
      at += 1;
      pairs.push([key, readValues(end, depth)]);
      if (at >= text.length && end === '') break;
      if (end !== '' && text[at] === end) break;
      if (text[at] !== ',') refuse(end === '' ? "','" : `',' or '${end}'`);
      at += 1;
    }
    return Object.fromEntries(pairs);
  }

  /** One value, or the list that follows a key without brackets: `a,b`, up to what looks like the next key. */
  function readValues(end: '' | '}', depth: number): Tree {
    const first = readValue(end === '' ? ',' : ',}', depth);
    const values = [first];
    while (text[at] === ',' && !/^,[^=,[\]{}"'\s]+=/.test(text.slice(at))) {
      at += 1;
      values.push(readValue(end === '' ? ',' : ',}', depth));
    }
    return values.length === 1 ? first : values;
  }

  function readValue(stops: string, depth: number): Tree {
    if (text[at] === '[') return readList(depth + 1);
    if (text[at] === '{') {
      at += 1;
      const pairs = text[at] === '}' ? {} : readPairs('}', depth + 1);
      at += 1;
      return pairs;
    }
    if (text[at] === '"' || text[at] === "'") return readQuoted(text[at]!);
    return readText(stops);
  }

  function readList(depth: number): Tree[] {
    if (depth > DEPTH_MAX) refuse(`at most ${DEPTH_MAX} levels`);
    const items: Tree[] = [];
    at += 1;
    if (text[at] === ']') {
      at += 1;
      return items;
    }
    while (true) {
      items.push(readValue(',]', depth));
      if (text[at] === ']') break;
      if (text[at] !== ',') refuse("',' or ']'");
      at += 1;
    }
    at += 1;
    return items;
  }

  function readQuoted(quote: string): string {
    let value = '';
    for (at += 1; text[at] !== quote; at += 1) {
      if (at >= text.length) refuse(`the closing ${quote}`);
      if (text[at] === '\\' && at + 1 < text.length) at += 1;
      value += text[at];
    }
    at += 1;
    return value;
  }

  function readText(stops: string): string {
    let value = '';
    for (; at < text.length && !stops.includes(text[at]!); at += 1) {
      if (text[at] === '\\' && at + 1 < text.length) at += 1;
      value += text[at];
    }
    return value;
  }

  return readPairs('', 1);
}
