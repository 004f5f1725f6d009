import type { Shape, StructureShape } from '../service/operations/shape.ts';

/**
 * What a command prints for an answer, in the AWS CLI's forms: JSON indented by four spaces, or lines of tab-separated text.
 * Times are ISO 8601 in UTC. Empty for an answer without members.
 */
export function render(output: 'json' | 'text', shape: StructureShape | undefined, answer: object): string {
  if (shape === undefined || Object.keys(answer).length === 0) return '';
  const shown = withTimes(shape, answer);
  return output === 'json' ? `${JSON.stringify(shown, undefined, 4)}\n` : textLines(shown as object).join('');
}

function withTimes(shape: Shape, value: unknown): unknown {
  if (shape.type === 'timestamp' && typeof value === 'number') return new Date(Math.round(value * 1000)).toISOString();
  if (shape.type === 'list' && Array.isArray(value)) return value.map((item) => withTimes(shape.of, item));
  if (shape.type !== 'structure' || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const member = Object.hasOwn(shape.members, name) ? shape.members[name] : undefined;
      return [name, member === undefined ? item : withTimes(member.shape, item)];
    }),
  );
}

/** An object's scalars make one line, by name; what is inside follows, each line begun with its name in capitals. */
function textLines(value: object, name?: string, columns?: readonly string[]): string[] {
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const inner = entries.filter(([, item]) => typeof item === 'object' && item !== null);
  const scalars = new Map(entries.filter((entry) => !inner.includes(entry)));
  const row = (columns ?? [...scalars.keys()]).map((column) => String(scalars.get(column) ?? ''));
  const lines = row.length === 0 ? [] : [line(name, row)];
  for (const [key, item] of inner) lines.push(...(Array.isArray(item) ? listLines(item, key) : textLines(item, key)));
  return lines;
}

/** The objects of a list have the same columns, so that a script can count on them. */
function listLines(items: unknown[], name: string): string[] {
  const isObject = (item: unknown): item is object => typeof item === 'object' && item !== null;
  const names = items.filter(isObject).flatMap((item) =>
    Object.entries(item)
      .filter(([, inner]) => !isObject(inner))
      .map(([key]) => key),
  );
  const columns = [...new Set(names)].sort();
  return items.flatMap((item) => (isObject(item) ? textLines(item, name, columns) : [line(name, [String(item)])]));
}

function line(name: string | undefined, row: string[]): string {
  return `${[...(name === undefined ? [] : [name.toUpperCase()]), ...row].join('\t')}\n`;
}
