import { invalidRequest } from '../operations/refusals.ts';

/** A nextToken that says where the next page begins: behind `key`. Opaque to clients, checked when it comes back. */
export function tokenAfter(key: number): string {
  return Buffer.from(JSON.stringify({ after: key })).toString('base64url');
}

/**
 * @returns the key that the page before ended with; 0 for the first page
 * @throws  ModelledError InvalidRequestException when the token is none of ours
 */
export function keyBefore(nextToken: string | undefined): number {
  if (nextToken === undefined) return 0;
  try {
    const { after } = JSON.parse(Buffer.from(nextToken, 'base64url').toString()) as { after?: unknown };
    if (Number.isSafeInteger(after) && (after as number) >= 0) return after as number;
  } catch {
    // not JSON: refused below
  }
  throw invalidRequest("'nextToken' is not a token that a page of this list has given");
}
