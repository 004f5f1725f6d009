import { readFileSync } from 'node:fs';
import type { Setting } from '../settings.ts';

export interface DownloadSettings {
  /** The folder for downloads. */
  downloads: string;
  downloadBytesMax: number;
  /** PEM: with it every download has to be signed. */
  downloadKey: string | undefined;
}

export const DOWNLOAD_SETTINGS = {
  downloads: ['FOLDER', 'where jobs may put files', (_: string, folder: string) => folder, '/var/lib/errand/downloads'],
  'download-max': ['MB', 'largest file', readMegabytes, '1024'],
  'download-key': ['FILE', 'PEM: what files have to be signed with', readKey, ''],
} as const satisfies Record<string, Setting>;

function readMegabytes(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text) * 1_000_000;
  throw new Error('expected a whole number of megabytes');
}

function readKey(text: string, file: string): string | undefined {
  if (!text) return undefined;
  const key = readFileSync(file, 'utf8');
  if (/-----BEGIN (PUBLIC KEY|CERTIFICATE)-----/.test(key)) return key;
  throw new Error('expected PEM with a PUBLIC KEY or a CERTIFICATE');
}
