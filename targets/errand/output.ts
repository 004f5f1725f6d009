import type { Operation } from '../service/operations/operation.ts';
import type { Shape } from '../service/operations/shape.ts';
import type { Query } from './query.ts';
import { byName, isNested, scalarText } from './scalars.ts';
import { renderTable } from './table.ts';

export const OUTPUTS = ['json', 'table', 'text'] as const;
export type Output = (typeof OUTPUTS)[number];

/**
 * What a command prints for the pages of an answer, in the AWS CLI's forms: JSON indented by four spaces, a table, or lines of
 * tab-separated text. Times are ISO 8601 in the time zone of this machine. Empty for an answer without members.
 *
 * @param columns  that a table may be wide before it is turned
 * @param query    what is wanted of the answer: of each page in text, otherwise of all pages together
 */
export function render(
  output: Output,
  operation: Pick<Operation, 'name' | 'output'>,
  pages: readonly object[],
  columns: number,
  query: Query = (answer) => answer,
): string {
  const shown = pages.map((page) => withTimes(operation.output, page) as object);
  // The columns of text are those of the page, as a page is printed when it comes.
  if (output === 'text')
    return shown.map((page) => textOf('NextToken' in page ? query({ NextToken: page }) : query(page))).join('');
  const wanted = query(joined(shown));
  if (isNested(wanted) && !Array.isArray(wanted) && Object.keys(wanted).length === 0) return '';
  return output === 'json' ? `${JSON.stringify(wanted, undefined, 4)}\n` : renderTable(operation.name, wanted, columns);
}

/** Lists of pages behind one another. */
function joined(pages: readonly object[]): object {
  const [first = {}, ...others] = pages;
  const whole: Record<string, unknown> = { ...first };
  for (const page of others)
    for (const [name, value] of Object.entries(page))
      whole[name] = Array.isArray(value) ? [...((whole[name] ?? []) as unknown[]), ...value] : value;
  return whole;
}

function withTimes(shape: Shape | undefined, value: unknown): unknown {
  if (shape === undefined) return value;
  if (shape.type === 'timestamp' && typeof value === 'number') return localTime(value);
  if (shape.type === 'list' && Array.isArray(value)) return value.map((item) => withTimes(shape.of, item));
  if (shape.type !== 'structure' || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const member = Object.hasOwn(shape.members, name) ? shape.members[name] : undefined;
      return [name, withTimes(member?.shape, item)];
    }),
  );
}

/** `2026-11-23T09:00:00.123000+01:00`: six digits of a second, or none where it is whole. */
function localTime(seconds: number): string {
  const time = new Date(Math.round(seconds * 1000));
  const minutes = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + minutes * 60_000).toISOString();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  const offset = `${minutes < 0 ? '-' : '+'}${two(hours)}:${two(rest)}`;
  return `${local.slice(0, 19)}${local.slice(20, 23) === '000' ? '' : `${local.slice(19, 23)}000`}${offset}`;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return listLines(value).join('');
  return isNested(value) ? textLines(value).join('') : `${scalarText(value)}\n`;
}

/**
 * An object's scalars make one line, by name; what is inside follows, each line begun with its name in capitals.
 *
 * @param columns  of the list that it is in: the names of all its objects' scalars
 */
function textLines(value: object, name?: string, columns?: readonly string[]): string[] {
  const members = new Map(Object.entries(value));
  const names = [...members.keys()].sort(byName);
  const isScalar = (member: string) => columns?.includes(member) ?? !isNested(members.get(member));
  const shown = columns ?? names.filter(isScalar);
  const row = shown.map((column) => (members.has(column) ? scalarText(members.get(column)) : ''));
  const lines = row.length === 0 ? [] : [line(name, row)];
  for (const member of names) {
    if (isScalar(member)) continue;
    const item = members.get(member) as object;
    lines.push(...(Array.isArray(item) ? listLines(item, member) : textLines(item, member)));
  }
  return lines;
}

/**
 * The objects of a list have the same columns, so that a script can count on them; scalars beside lists come first, on one line where
 * the list has no name.
 */
function listLines(items: readonly unknown[], name?: string): string[] {
  const objects = items.filter((item): item is object => isNested(item) && !Array.isArray(item));
  if (objects.length > 0) {
    const names = objects.flatMap((item) => Object.entries(item).filter(([, inner]) => !isNested(inner)));
    const columns = [...new Set(names.map(([key]) => key))].sort(byName);
    return items.flatMap((item) =>
      objects.includes(item as object) ? textLines(item as object, name, columns) : textOf(item),
    );
  }
  const scalars = items.filter((item) => !isNested(item)).map(scalarText);
  const rows = name === undefined && scalars.length > 0 ? [scalars] : scalars.map((text) => [text]);
  const lists = items.filter(isNested) as unknown[][];
  return [...rows.map((row) => line(name, row)), ...lists.flatMap((list) => listLines(list, name))];
}

function line(name: string | undefined, row: string[]): string {
  return `${[...(name === undefined ? [] : [name.toUpperCase()]), ...row].join('\t')}\n`;
}
