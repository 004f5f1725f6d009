import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Facts } from '../../../runtime/jobs/guards.ts';
import type { Handler } from '../handlers/handler.ts';
import type { Settings } from '../settings.ts';

/** The handler of AWS's template AWS-Reboot, whoever it is by. */
const RESTARTING = ['reboot.sh'];

/**
 * What this device knows of itself. Handlers of the agent's own that may be repeated are so only while the handler folder has none
 * of their name.
 */
export function readFacts(settings: Settings, agentVersion: string, handlers: readonly Handler[]): Facts {
  const { thingName, bootId, attributes, operations } = settings;
  const own = handlers.filter(({ idempotent, name }) => idempotent && !existsSync(join(settings.handlers, name)));
  return {
    bootId: bootId!,
    restarts: RESTARTING,
    idempotent: own.map(({ name }) => name),
    operations,
    attributes: { ...attributes, thingName, agentVersion, os: process.platform, arch: process.arch },
  };
}
