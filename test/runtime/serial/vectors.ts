/** The wire bytes that TypeScript and C are both tested with: made outside of both, with zlib's checksum. */
import { readFileSync } from 'node:fs';
import type { Frame } from '../../../runtime/serial/frame.ts';

export const VECTORS_FILE = new URL('../../vectors/serial.json', import.meta.url);

type Row<Members> = { readonly name: string } & Members;

export const vectors = JSON.parse(readFileSync(VECTORS_FILE, 'utf8')) as {
  readonly version: number;
  readonly frames: readonly Row<{ wire: string; body: string } & Omit<Frame, 'body'>>[];
  readonly refusedFrames: readonly Row<{ wire: string }>[];
  readonly bodies: readonly Row<{ hex: string }>[];
  readonly refusedBodies: readonly Row<{ hex: string }>[];
  /** Outside of the subset, which a device need not see as long as the structure is right. */
  readonly hostRefusedBodies: readonly Row<{ hex: string }>[];
};

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
export const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
