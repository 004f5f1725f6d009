import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isObject } from '../../runtime/jobs/json.ts';
import type { KeyInEngine } from '../../transports/ways/secureSocket.ts';
import type { DownloadSettings } from './downloads/settings.ts';
import type { GuardSettings } from './guards/settings.ts';
import { findDeviceClientFile } from './legacy/deviceClient.ts';
import type { LegacySettings } from './legacy/settings.ts';
import type { LogOptions } from './log.ts';
import { takeMore, withMore } from './parts.ts';
import type { PersonSettings } from './person/settings.ts';
import type { Pkcs11Settings } from './pkcs11/engine.ts';
import { orTokenKey, withoutPin } from './pkcs11/uri.ts';
import { type ProvisioningSettings, readSelf } from './provisioning/settings.ts';
import { number, pem, readEndpoint, readFolder, readLog, readPort, readThing } from './settingValues.ts';
import { readEndpoints, takeProxy, type WaySettings } from './ways/settings.ts';

/** See parts.ts. */
declare const ERRAND_WITHOUT_WAYS: true | undefined;
declare const ERRAND_WITHOUT_LEGACY: true | undefined;
declare const ERRAND_WITHOUT_PKCS11: true | undefined;
declare const ERRAND_WITHOUT_PROVISIONING: true | undefined;

/** All that an agent is told about itself, checked. Paths are absolute. */
export interface Settings
  extends Partial<GuardSettings & DownloadSettings & LegacySettings>,
    Partial<PersonSettings>,
    Partial<Pkcs11Settings & KeyInEngine>,
    Partial<ProvisioningSettings>,
    Partial<WaySettings> {
  host: string;
  port: number;
  thingName: string;
  /** PEM: the authority of the server; the device's certificate; its private key, or the `pkcs11:` URI of it. */
  ca: string;
  cert: string;
  key: string;
  /** The data folder. */
  data: string;
  /** The handler folder. */
  handlers: string;
  keepAliveSeconds: number;
  retryMaxMillis: number;
  log: LogOptions;
  /** One sentence each: what was passed over. */
  warnings: string[];
}

/** Makes a setting of its text, which `file` gives as an absolute path. Throws an Error that says what was expected. */
type Read = (text: string, file: string) => unknown;

export type Setting = readonly [value: string, what: string, read: Read, fallback?: string];

/** Names as in flags (`--keep-alive`), in the file (`"keep-alive"`) and in the environment (`ERRAND_KEEP_ALIVE`). */
const SETTINGS = withMore({
  endpoint: [
    'HOST[:PORT]',
    'MQTT endpoint of the Jobs service',
    typeof ERRAND_WITHOUT_WAYS === 'undefined' ? readEndpoints(readEndpoint) : readEndpoint,
  ],
  port: ['PORT', 'its port; on 443 with ALPN', readPort, '8883'],
  thing: ['NAME', 'this device, also its MQTT client id', readThing],
  ca: ['FILE', 'PEM: the only authority trusted', pem('CERTIFICATE')],
  cert: ['FILE', "PEM: this device's certificate", pem('CERTIFICATE')],
  key:
    typeof ERRAND_WITHOUT_PKCS11 === 'undefined'
      ? ['FILE', "PEM: its private key; or a token's pkcs11:URI", orTokenKey(pem('PRIVATE KEY'))]
      : ['FILE', 'PEM: its private key', pem('PRIVATE KEY')],
  data: ['FOLDER', "the job's record", readFolder, '/var/lib/errand'],
  handlers: ['FOLDER', 'programs of runHandler', readFolder, '/etc/errand/handlers'],
  'keep-alive': ['SECONDS', 'between signs of life', number(5, 1_200), '60'],
  'retry-max': ['SECONDS', 'longest pause between connects', number(1, 3_600), '120'],
  log: ['WORDS', 'debug, info, warn, error; json; or both: json,warn', readLog, 'info'],
  config: ['FILE', 'JSON with the same words', readConfig],
} as const satisfies Record<string, Setting>);

type Name = keyof typeof SETTINGS;

/** Where the file is looked for when none is named; the first one that exists is read. */
const CONFIG_FILES = ['errand-agent.json', '/etc/errand/agent.json'];

/** A setting as written, and where. */
interface Given {
  text: string;
  /** What it is called there. */
  from: string;
  /** What a relative path starts from. */
  base: string;
}
type AllGiven = { [name in Name]?: Given };
type Row = [name: string, value: unknown, from: string, base?: string];

/**
 * Reads the settings: flags win over `ERRAND_*` variables, these over the file. Relative paths start from the current folder, in the
 * file from the file's folder. An empty variable counts as none; an unknown one is only warned of, since others may use the prefix.
 *
 * @param argv  without node and script
 * @returns     the settings; or all faults, one sentence each, with where they were found
 */
export function readSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | { faults: string[] } {
  const faults: string[] = [];
  const warnings: string[] = [];
  let given = { ...gather(variables(env), warnings), ...gather(flags(argv), faults) };
  const take = <N extends Name>(name: N, fallback = (SETTINGS[name] as Setting)[3]) => {
    const [value, , read]: Setting = SETTINGS[name];
    const { text = fallback, from = name, base = '' } = given[name] ?? {};
    try {
      if (text !== undefined) return read(text, resolve(base, text)) as ReturnType<(typeof SETTINGS)[N][2]>;
      faults.push(
        `${name} is missing: give --${name} ${value}, ${PREFIX}${name.toUpperCase()} or "${name}" in the file`,
      );
    } catch (error) {
      faults.push(
        `${from} '${typeof ERRAND_WITHOUT_PKCS11 === 'undefined' ? withoutPin(`${text}`) : text}': ${(error as Error).message}`,
      );
    }
    return undefined as never;
  };
  const rows = take('config', CONFIG_FILES.find((file) => existsSync(file)) ?? '');
  // What else is missing is likely to be in the file.
  if (!rows) return { faults };
  given = { ...gather(rows, faults), ...given };
  if (typeof ERRAND_WITHOUT_LEGACY === 'undefined') {
    const found = given.endpoint ? '' : findDeviceClientFile();
    const theirs = take('device-client-config', found);
    if (theirs && !given['device-client-config']) warnings.push(`no settings of its own: those in ${found} are used`);
    warnings.push(...(theirs?.warnings ?? []));
    given = { ...gather(theirs?.rows ?? [], faults), ...given };
  }
  const self = () => {
    try {
      return readSelf(take as never, (name) => Object.hasOwn(given, name));
    } catch (error) {
      faults.push((error as Error).message);
      return undefined as never;
    }
  };
  const endpoint = take('endpoint');
  const port = take('port');
  const settings = takeMore(
    {
      host: endpoint?.host,
      ...(typeof ERRAND_WITHOUT_WAYS === 'undefined'
        ? { endpoint, mqttPort: port, ...takeProxy(take, env, warnings) }
        : {}),
      port: given.port ? port : (endpoint?.port ?? port),
      ...(typeof ERRAND_WITHOUT_PROVISIONING === 'undefined'
        ? self()
        : { thingName: take('thing'), cert: take('cert'), key: take('key') }),
      ca: take('ca'),
      data: take('data'),
      handlers: take('handlers'),
      keepAliveSeconds: take('keep-alive'),
      retryMaxMillis: take('retry-max') * 1_000,
      log: take('log'),
      warnings,
    },
    take,
  );
  return faults.length > 0 ? { faults } : settings;
}

/** The text of `--help`. */
export function help(): string {
  const lines = Object.entries<Setting>(SETTINGS).map(
    ([name, [value, what, , fallback]]) =>
      `  ${`--${name} ${value}`.padEnd(28)}${what}${fallback ? ` (${fallback})` : ''}\n`,
  );
  return `errand-agent runs the jobs of one Thing

${lines.join('')}  --help, --version

Default configs: ${CONFIG_FILES.join(', ')}
Flags win over variables (ERRAND_ENDPOINT, ERRAND_KEEP_ALIVE), these over the file.
Exit codes: 0 ended by SIGTERM, 1 failed, 2 wrong settings.
`;
}

/** The settings among `rows`, one of each; a sentence for every other row. */
function gather(rows: Row[], faults: string[]): AllGiven {
  const given: AllGiven = {};
  for (const [name, value, from, base = ''] of rows) {
    if (!isName(name)) faults.push(`${from} is no setting: see --help`);
    else if (
      !value ||
      // In a file a list stands for its parts with commas between them.
      (!/string|number/.test(typeof value) && (typeof ERRAND_WITHOUT_WAYS !== 'undefined' || !Array.isArray(value)))
    )
      faults.push(`${from} is ${JSON.stringify(value)}: expected text or a number`);
    else if (given[name]) faults.push(`${from} is given twice`);
    else given[name] = { text: `${value}`, from, base };
  }
  return given;
}

function flags(argv: readonly string[]): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < argv.length; i += 1) {
    const arg = argv[i]!;
    const [, from = arg, name = '', inline] = /^(--([^=]+))(?:=(.*))?$/s.exec(arg) ?? [];
    const value = inline ?? (name && !argv[i + 1]?.startsWith('--') ? argv[++i] : '');
    rows.push([name, value ?? '', from]);
  }
  return rows;
}

function variables(env: Readonly<Record<string, string | undefined>>): Row[] {
  return Object.entries(env)
    .filter(([variable, text]) => variable.startsWith(PREFIX) && text)
    .map(([variable, text]) => [variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-'), text, variable]);
}

const PREFIX = 'ERRAND_';

function isName(name: string): name is Name {
  return Object.hasOwn(SETTINGS, name);
}

/** What the file says; nothing when there is none. */
function readConfig(text: string, file: string): Row[] {
  if (!text) return [];
  const members: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!isObject(members) || 'config' in members) throw new Error('expected one JSON object, without config');
  return Object.entries(members).map(([name, value]) => [name, value, `"${name}" in ${file}`, dirname(file)]);
}
