export const PARTS: Readonly<Record<string, { what: string; needs?: readonly string[] }>>;
export const ALL_PARTS: readonly string[];
export function chooseParts(how: '--with' | '--without', given: string): string[];
export function defines(chosen: readonly string[]): Record<string, string>;
