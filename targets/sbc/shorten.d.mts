/** @param program  the whole bundle, as ESTree has it; changed in place */
export function shorten(program: object): void;
