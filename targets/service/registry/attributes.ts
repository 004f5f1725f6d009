import { refusal } from '../operations/refusals.ts';

export type Attributes = Record<string, string>;

/**
 * What is left after an update: the given attributes replace those before, or with `merge` are added to them; one with an
 * empty value goes (API Reference, AttributePayload).
 */
export function mergedAttributes(
  before: Attributes = {},
  { attributes = {}, merge = false }: { attributes?: Attributes; merge?: boolean },
): Attributes {
  const all = merge ? { ...before, ...attributes } : attributes;
  return Object.fromEntries(
    Object.entries(all).filter(([name, value]) => value !== '' || !Object.hasOwn(attributes, name)),
  );
}

/** @throws ModelledError VersionConflictException when a version is expected and it is not this one */
export function checkVersion(what: string, version: number, expectedVersion: number | undefined): void {
  if (expectedVersion === undefined || expectedVersion === version) return;
  throw refusal('VersionConflictException', `${what} has version ${version}: expected ${expectedVersion}`);
}
