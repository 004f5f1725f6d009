import { readFileSync } from 'node:fs';
import type { Setting } from '../settings.ts';
import { readPairs } from './pairs.ts';

export interface GuardSettings {
  /** Unlike that of every other start of the device. */
  bootId: string;
  attributes: Record<string, string>;
}

export const GUARD_SETTINGS = {
  'boot-id': ['FILE', 'what changes with each start', readBootId, '/proc/sys/kernel/random/boot_id'],
  attributes: ['NAME=VALUE,..', 'what conditions of jobs ask for', readPairs, ''],
} as const satisfies Record<string, Setting>;

function readBootId(_: string, file: string): string {
  const bootId = readFileSync(file, 'utf8').trim();
  if (bootId) return bootId;
  throw new Error('it is empty');
}
