import type { Family } from '../../../runtime/jobs/operations.ts';
import type { Setting } from '../settings.ts';

export interface LegacySettings {
  /** Whose documents of one operation are taken; undefined: nobody's. */
  operations: Family | undefined;
}

/** What the part adds to the settings, as ../settings.ts has them. */
export const LEGACY_SETTINGS = {
  operations: ['FAMILY', 'documents of an operation: device-client', readFamily, 'none'],
} as const satisfies Record<string, Setting>;

function readFamily(text: string): Family | undefined {
  if (text === 'device-client') return text;
  if (text === 'none') return undefined;
  throw new Error('expected device-client or none');
}
