import type { Operation } from '../operations/operation.ts';

/** What routing looks at of a row. */
export type Routed = Pick<Operation, 'method' | 'path'>;

export interface Route<O> {
  operation: O;
  /** Decoded labels by name. */
  labels: Record<string, string>;
}

export type Router<O> = (method: string, segments: readonly string[]) => Route<O> | undefined;

/**
 * Finds the operation of a request by method and decoded path segments. Where a literal and a label would both match, the
 * literal wins: `/thing-groups/addThingToThingGroup` is no group of that name.
 */
export function routerOf<O extends Routed>(operations: readonly O[]): Router<O> {
  // '{' sorts behind every letter, so a path with a literal comes before the one with a label in its place.
  const rows = operations
    .map((operation) => ({ operation, pattern: operation.path.slice(1).split('/') }))
    .sort((a, b) => (a.operation.path < b.operation.path ? -1 : 1));
  return (method, segments) => {
    for (const { operation, pattern } of rows) {
      if (operation.method !== method || pattern.length !== segments.length) continue;
      if (pattern.every((part, at) => isLabel(part) || part === segments[at])) {
        const labels = pattern.flatMap((part, at) => (isLabel(part) ? [[part.slice(1, -1), segments[at]!]] : []));
        return { operation, labels: Object.fromEntries(labels) };
      }
    }
    return undefined;
  };
}

function isLabel(part: string): boolean {
  return part.startsWith('{');
}
