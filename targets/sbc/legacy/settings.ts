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

declare const ERRAND_WITHOUT_JOBSAGENT: true | undefined;

function readFamily(text: string): Family | undefined {
  if (text === 'device-client') return text;
  if (text === 'jobs-agent') {
    if (typeof ERRAND_WITHOUT_JOBSAGENT === 'undefined') return text;
    throw new Error('this agent was built without the part jobsagent');
  }
  if (text === 'none') return undefined;
  throw new Error('expected device-client, jobs-agent or none');
}

function readConfig(text: string, file: string): DeviceClientSettings | undefined {
  return text ? readDeviceClient(file) : undefined;
}
