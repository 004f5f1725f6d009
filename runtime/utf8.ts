/** Text as bytes: one pair for the whole runtime. Decoding throws a TypeError for what is not well formed, and keeps a BOM. */
export const utf8Encoder = new TextEncoder();
export const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
