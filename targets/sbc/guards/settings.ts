import { readFileSync } from 'node:fs';
import type { Setting } from '../settings.ts';

export interface GuardSettings {
  /** Unlike that of every other start of the device. */
  bootId: string;
  attributes: Record<string, string>;
}

export const GUARD_SETTINGS = {
  'boot-id': ['FILE', 'what changes with each start', readBootId, '/proc/sys/kernel/random/boot_id'],
  attributes: ['KEY=VALUE,..', 'what conditions of jobs ask for', readAttributes, ''],
} as const satisfies Record<string, Setting>;

function readBootId(_: string, file: string): string {
  const bootId = readFileSync(file, 'utf8').trim();
  if (bootId) return bootId;
  throw new Error('it is empty');
}

/** `site=berlin,model=a`; none in an empty text. */
function readAttributes(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
      if (key && value) return [key, value];
      throw new Error(`'${pair}': expected KEY=VALUE`);
    }),
  );
}
