import type { Family } from '../../../runtime/jobs/operations.ts';
import type { Setting } from '../settings.ts';
import { type DeviceClientSettings, readDeviceClient } from './deviceClient.ts';

export interface LegacySettings {
  /** Whose documents of one operation are taken; undefined: nobody's. */
  operations: Family | undefined;
}

/** What the part adds to the settings, as ../settings.ts has them. */
export const LEGACY_SETTINGS = {
  'device-client-config': ['FILE', 'settings of AWS IoT Device Client', readConfig, ''],
  operations: ['FAMILY', 'documents of one operation: device-client, jobs-agent', readFamily, 'none'],
} as const satisfies Record<string, Setting>;

function readFamily(text: string): Family | undefined {
  if (text === 'device-client' || text === 'jobs-agent') return text;
  if (text === 'none') return undefined;
  throw new Error('expected device-client, jobs-agent or none');
}

function readConfig(text: string, file: string): DeviceClientSettings | undefined {
  return text ? readDeviceClient(file) : undefined;
}
