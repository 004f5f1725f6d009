import { invalidRequest } from '../operations/refusals.ts';

/** A nextToken that says where the next page begins: behind `key`. Opaque to clients, checked when it comes back. */
export function tokenAfter(key: Key): string {
  return Buffer.from(JSON.stringify({ after: key })).toString('base64url');
}

/** What a list is sorted by: a row's number, its name, the name of a group and the number of a thing in it, or a name and a time. */
export type Key = number | string | [group: string, thingNo: number];

/**
 * @returns the key that the page before ended with; 0 for the first page
 * @throws  ModelledError InvalidRequestException when the token is none of ours
 */
export function keyBefore(nextToken: string | undefined): number {
  return keyIn(nextToken, isNumber) ?? 0;
}

/**
 * The same for a list sorted by name; '' for the first page.
 *
 * @throws ModelledError InvalidRequestException when the token is none of ours
 */
export function nameBefore(nextToken: string | undefined): string {
  return keyIn(nextToken, isName) ?? '';
}

/**
 * The same for members of several groups; undefined for the first page.
 *
 * @throws ModelledError InvalidRequestException when the token is none of ours
 */
export function memberBefore(nextToken: string | undefined): [group: string, thingNo: number] | undefined {
  return keyIn(nextToken, isNamedNumber);
}

/**
 * The same for a list sorted by time, given as a `marker`, whose pattern has the other base64.
 *
 * @throws ModelledError InvalidRequestException when the token is none of ours
 */
export function timedNameBefore(marker: string): [name: string, millis: number] {
  return keyIn(marker, isNamedNumber, 'marker')!;
}

/** A nextToken as a `marker` is written. */
export function inBase64(nextToken: string): string {
  return Buffer.from(nextToken, 'base64url').toString('base64');
}

/** Cuts a list that was read one row longer than a page: the page, and the token where there is more. */
export function pageOf<Row>(
  rows: readonly Row[],
  pageSize: number,
  keyOf: (row: Row) => Key,
): { page: Row[]; nextToken?: string } {
  const page = rows.slice(0, pageSize);
  return rows.length > pageSize ? { page, nextToken: tokenAfter(keyOf(page.at(-1)!)) } : { page };
}

function keyIn<K extends Key>(
  nextToken: string | undefined,
  isKey: (key: unknown) => key is K,
  member = 'nextToken',
): K | undefined {
  if (nextToken === undefined) return undefined;
  try {
    const { after } = JSON.parse(Buffer.from(nextToken, 'base64url').toString()) as { after?: unknown };
    if (isKey(after)) return after;
  } catch {
    // not JSON: refused below
  }
  throw invalidRequest(`'${member}' is not a token that a page of this list has given`);
}

const isNumber = (key: unknown): key is number => Number.isSafeInteger(key) && (key as number) >= 0;
const isNamedNumber = (key: unknown): key is [string, number] =>
  Array.isArray(key) && key.length === 2 && isName(key[0]) && isNumber(key[1]);
const isName = (key: unknown): key is string => typeof key === 'string';
