/**
 * Where the parts of the agent come in that a board may leave out (partList.mjs). The build defines `ERRAND_WITHOUT_X` for
 * those; nothing is defined when the agent runs from source, which has all of them. Asked in this file and in the place
 * itself: only so is what is not wanted seen by esbuild to be dead, together with all that it imports.
 */
import { createDevice } from '../../runtime/device/device.ts';
import type { Step } from '../../runtime/jobs/document.ts';
import { createPrograms } from '../../transports/programs.ts';
import { BUILT_IN } from './builtins/builtins.ts';
import { compiledIn } from './custom/custom.ts';
import { download } from './downloads/download.ts';
import { DOWNLOADERS } from './downloads/handler.ts';
import { DOWNLOAD_SETTINGS } from './downloads/settings.ts';
import { readFacts } from './guards/facts.ts';
import { GUARD_SETTINGS } from './guards/settings.ts';
import type { Handler } from './handlers/handler.ts';
import { hostHandlers, isFor } from './handlers/host.ts';
import { withJobsAgent } from './legacy/jobsAgent.ts';
import { LEGACY_SETTINGS } from './legacy/settings.ts';
import { standInForDeviceClient } from './legacy/standIn.ts';
import { PERSON_SETTINGS } from './person/settings.ts';
import { PKCS11_SETTINGS } from './pkcs11/engine.ts';
import { ROTATE } from './provisioning/rotate.ts';
import { PROVISIONING_SETTINGS } from './provisioning/settings.ts';
import type { Settings } from './settings.ts';
import { WAY_SETTINGS } from './ways/settings.ts';

declare const ERRAND_WITHOUT_DOCTOR: true | undefined;
declare const ERRAND_WITHOUT_WAYS: true | undefined;
declare const ERRAND_WITHOUT_PKCS11: true | undefined;
declare const ERRAND_WITHOUT_GUARDS: true | undefined;
declare const ERRAND_WITHOUT_BUILTINS: true | undefined;
declare const ERRAND_WITHOUT_DOWNLOADS: true | undefined;
declare const ERRAND_WITHOUT_PROVISIONING: true | undefined;
declare const ERRAND_WITHOUT_LEGACY: true | undefined;
declare const ERRAND_WITHOUT_CUSTOM: true | undefined;
declare const ERRAND_WITHOUT_JOBSAGENT: true | undefined;

/** Handlers that run inside of the agent, unless the handler folder has a file of their name. */
const HANDLERS: readonly Handler[] = [
  ...(typeof ERRAND_WITHOUT_BUILTINS === 'undefined' ? BUILT_IN : []),
  ...(typeof ERRAND_WITHOUT_DOWNLOADS === 'undefined' ? DOWNLOADERS : []),
  ...(typeof ERRAND_WITHOUT_CUSTOM === 'undefined' ? compiledIn() : []),
  ...(typeof ERRAND_WITHOUT_PROVISIONING === 'undefined' ? [ROTATE] : []),
];

/** Before anything else of an agent that runs. */
export const prepare: (settings: Settings) => void =
  typeof ERRAND_WITHOUT_LEGACY === 'undefined'
    ? ({ operations }) => operations === 'device-client' && standInForDeviceClient()
    : () => {};

/** Runs the programs of steps. Handlers need the part guards, for what they tell of their step. */
export const runPrograms: typeof createPrograms =
  typeof ERRAND_WITHOUT_GUARDS === 'undefined'
    ? (options) => {
        const loader = typeof ERRAND_WITHOUT_DOWNLOADS === 'undefined' ? download : undefined;
        if (typeof ERRAND_WITHOUT_JOBSAGENT === 'undefined') {
          // The agent hands all of its settings over.
          const settings = options as unknown as Settings;
          if (settings.operations === 'jobs-agent') return withJobsAgent(settings, HANDLERS, download, options);
        }
        return hostHandlers(HANDLERS, loader)(options);
      }
    : createPrograms;

/** Whether a step is run by a handler of the agent's own. */
export function isOwn(step: Step, settings: Settings): boolean {
  return HANDLERS.some((handler) => isFor(handler, step, settings));
}

/** The device core for these settings. */
export const deviceFor: (settings: Settings, version: string) => ReturnType<typeof createDevice> =
  typeof ERRAND_WITHOUT_GUARDS === 'undefined'
    ? (settings, version) => createDevice({ ...core(settings), facts: readFacts(settings, version, HANDLERS) })
    : (settings) => createDevice(core(settings));

function core({ thingName, keepAliveSeconds, retryMaxMillis }: Settings) {
  return { thingName, clientId: thingName, keepAliveSeconds, retryMaxMillis };
}

const MORE_SETTINGS = {
  ...(typeof ERRAND_WITHOUT_WAYS === 'undefined' ? WAY_SETTINGS : {}),
  ...(typeof ERRAND_WITHOUT_PKCS11 === 'undefined' ? PKCS11_SETTINGS : {}),
  ...(typeof ERRAND_WITHOUT_DOCTOR === 'undefined' ? PERSON_SETTINGS : {}),
  ...(typeof ERRAND_WITHOUT_GUARDS === 'undefined' ? GUARD_SETTINGS : {}),
  ...(typeof ERRAND_WITHOUT_DOWNLOADS === 'undefined' ? DOWNLOAD_SETTINGS : {}),
  ...(typeof ERRAND_WITHOUT_PROVISIONING === 'undefined' ? PROVISIONING_SETTINGS : {}),
  ...(typeof ERRAND_WITHOUT_LEGACY === 'undefined' ? LEGACY_SETTINGS : {}),
};
type MoreSettings = typeof WAY_SETTINGS &
  typeof PKCS11_SETTINGS &
  typeof PERSON_SETTINGS &
  typeof GUARD_SETTINGS &
  typeof DOWNLOAD_SETTINGS &
  typeof PROVISIONING_SETTINGS &
  typeof LEGACY_SETTINGS;
type Take = <Name extends keyof MoreSettings>(name: Name) => ReturnType<MoreSettings[Name][2]>;

/** The table of settings with those of the parts. */
export const withMore: <Core extends object>(core: Core) => Core & MoreSettings =
  typeof ERRAND_WITHOUT_WAYS === 'undefined' ||
  typeof ERRAND_WITHOUT_DOCTOR === 'undefined' ||
  typeof ERRAND_WITHOUT_GUARDS === 'undefined'
    ? (settings) => ({ ...settings, ...(MORE_SETTINGS as MoreSettings) })
    : (settings) => settings as never;

/** Reads them. */
export const takeMore: <Given extends object>(given: Given, take: Take) => Given =
  typeof ERRAND_WITHOUT_WAYS === 'undefined' ||
  typeof ERRAND_WITHOUT_DOCTOR === 'undefined' ||
  typeof ERRAND_WITHOUT_GUARDS === 'undefined'
    ? (given, take) => ({
        ...given,
        ...(typeof ERRAND_WITHOUT_PKCS11 === 'undefined' ? { keyEngine: take('key-engine') } : {}),
        ...(typeof ERRAND_WITHOUT_DOCTOR === 'undefined' ? { metrics: take('metrics') } : {}),
        ...(typeof ERRAND_WITHOUT_GUARDS === 'undefined'
          ? { bootId: take('boot-id'), attributes: take('attributes') }
          : {}),
        ...(typeof ERRAND_WITHOUT_DOWNLOADS === 'undefined' ? takeDownloads(take) : {}),
        ...(typeof ERRAND_WITHOUT_PROVISIONING === 'undefined'
          ? { template: take('template'), parameters: take('parameters'), keyFrom: take('key-from') }
          : {}),
        ...(typeof ERRAND_WITHOUT_LEGACY === 'undefined' ? { operations: take('operations') } : {}),
      })
    : (given) => given;

function takeDownloads(take: Take) {
  return {
    downloads: take('downloads'),
    downloadBytesMax: take('download-max'),
    downloadKey: take('download-key'),
  };
}
