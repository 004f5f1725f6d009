export const PRIVATE_NAMES: readonly string[][];
export const PRIVATE_WORDS: readonly string[][];
export const SHORT_NAMES: Readonly<Record<string, string>>;
export function numberWords(program: object): void;
export function walk(node: unknown, visit: (node: never, parent: never) => void): void;
