/** A value in a line of text, or in a table, spelled as Python does. */
export function scalarText(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null ? 'None' : String(value);
}

export function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Code points, not UTF-16 units: as Python sorts. */
export function byName(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
