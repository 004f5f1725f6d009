/**
 * The two globals beyond the language that runtime/ may use: every engine that could run it has them.
 * Read only when runtime/ is type-checked by itself, with no library but ECMAScript's.
 */
declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(label: 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}
