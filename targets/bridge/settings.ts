import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isObject, type JsonValue } from '../../runtime/jobs/json.ts';
import { type SerialShell, SHELLS } from '../../transports/serial/serialPort.ts';
import type { LogOptions } from '../sbc/log.ts';
import { number, pem, readEndpoint, readLog, readThing } from '../sbc/settingValues.ts';
import { IMAGE_BYTES_DEFAULT } from './image.ts';
import { type PortPlan, readHardware, readPorts, readSerial } from './portPlan.ts';

/** All that a bridge is told about itself, checked. Paths are absolute. */
export interface BridgeSettings {
  host: string;
  port: number;
  /** PEM, as the agent's; of the Things that have none of their own. */
  ca: string;
  cert: string;
  key: string;
  /** The board itself as a Thing with ordinary jobs; undefined: only its microcontrollers are. */
  thing: string | undefined;
  /** Of the connection that the microcontrollers share; more of them have `-2` and so on behind it. */
  clientId: string;
  data: string;
  handlers: string;
  keepAliveSeconds: number;
  retryMaxMillis: number;
  shell: 'auto' | SerialShell['name'];
  imageBytesMax: number;
  log: LogOptions;
  ports: PortPlan[];
  /** Hardware id of HELLO -> Thing, for ports that name none. */
  hardware: ReadonlyMap<string, string>;
  /** Certificate and key of the Things that have their own, and so a connection of their own. */
  own: ReadonlyMap<string, { cert: string; key: string }>;
  warnings: string[];
}

type Setting = readonly [value: string, what: string, fallback?: string];

/** Names as in flags (`--keep-alive`), in the file (`"keep-alive"`) and in the environment (`ERRAND_KEEP_ALIVE`). */
const SETTINGS = {
  endpoint: ['HOST[:PORT]', 'MQTT endpoint of the Jobs service'],
  port: ['PORT', 'its port; on 443 with ALPN', '8883'],
  ca: ['FILE', 'PEM: the only authority trusted'],
  cert: ['FILE', 'PEM: a certificate attached to every Thing here'],
  key: ['FILE', 'PEM: its private key'],
  serial: ['PORT=THING', 'a port and who is on it; may be given several times'],
  thing: ['NAME', 'this board too is a Thing, with ordinary jobs'],
  'client-id': ['NAME', 'of the shared connection (THING-mcus, or the first Thing)'],
  data: ['FOLDER', 'records of jobs, images', '/var/lib/errand-bridge'],
  handlers: ['FOLDER', "programs of the board's own runHandler", '/etc/errand/handlers'],
  'keep-alive': ['SECONDS', 'between signs of life', '60'],
  'retry-max': ['SECONDS', 'longest pause between connects', '120'],
  shell: ['NAME', 'auto, serialport or tty', 'auto'],
  'image-max': ['BYTES', 'largest image', `${IMAGE_BYTES_DEFAULT}`],
  log: ['WORDS', 'debug, info, warn, error; json; or both: json,warn', 'info'],
  config: ['FILE', 'JSON with the same words, "ports", "hardware", "things"'],
} as const satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;
const CONFIG_FILES = ['errand-bridge.json', '/etc/errand/bridge.json'];
const PREFIX = 'ERRAND_';

/** Members of the file that are no text. */
const STRUCTURES = ['ports', 'hardware', 'things'] as const;

interface Given {
  text: string;
  from: string;
  base: string;
}
type AllGiven = { [name in Name]?: Given };

/** What the file says beside the words. */
interface FromFile {
  base: string;
  structures: { [name in (typeof STRUCTURES)[number]]?: JsonValue };
}

/**
 * Reads the settings as the agent does: flags win over `ERRAND_*` variables, these over the file; relative paths start from
 * the current folder, in the file from the file's.
 *
 * @returns all faults, one sentence each, when there are any
 */
export function readBridgeSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): BridgeSettings | { faults: string[] } {
  const faults: string[] = [];
  const warnings: string[] = [];
  const serial: string[] = [];
  const given = { ...readVariables(env, warnings), ...readFlags(argv, serial, faults) };
  const found = CONFIG_FILES.find((file) => existsSync(file));
  const config = given.config ?? (found === undefined ? undefined : { text: found, from: 'the default', base: '' });
  const file: FromFile = { base: '', structures: {} };
  const fromFile = config === undefined ? {} : readConfig(config, file, faults);
  // What else is missing is likely to be in the file.
  if (fromFile === undefined) return { faults };
  const all = { ...fromFile, ...given };
  const settings = check(all, file, serial, warnings, faults);
  return faults.length > 0 ? { faults } : settings;
}

export function bridgeHelp(): string {
  const lines = Object.entries<Setting>(SETTINGS).map(
    ([name, [value, what, fallback]]) =>
      `  ${`--${name} ${value}`.padEnd(34)}${what}${fallback ? ` (${fallback})` : ''}\n`,
  );
  return `errand-bridge makes Things of the microcontrollers on its serial ports

${lines.join('')}  --help, --version

Default configs: ${CONFIG_FILES.join(', ')}. In the file:
  "ports": [{ "port": "/dev/ttyUSB0", "thing": "mcu-1", "baud": 115200 },
            { "port": "usb:2341:0043", "baud": [115200, 9600], "dtr": true },
            { "port": "/dev/ttyS1", "bus": { "1": "node-1", "2": "node-2" }, "answer": 60 }],
  "hardware": { "HARDWARE-ID": "mcu-2" },
  "things": { "mcu-2": { "cert": "FILE", "key": "FILE" } }
Flags win over variables (ERRAND_ENDPOINT, ERRAND_KEEP_ALIVE), these over the file.
SIGTERM ends it, the next start goes on. Exit codes: 0 ended, 1 failed, 2 wrong settings.
`;
}

function readFlags(argv: readonly string[], serial: string[], faults: string[]): AllGiven {
  const given: AllGiven = {};
  for (let i = 0; i < argv.length; i += 1) {
    const arg = argv[i]!;
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const text = inline ?? (name && !argv[i + 1]?.startsWith('--') ? argv[++i] : '');
    if (!name || !isName(name)) faults.push(`unknown argument ${arg}: see --help`);
    else if (!text) faults.push(`--${name} needs a value`);
    else if (name === 'serial') serial.push(text);
    else if (given[name]) faults.push(`--${name} is given twice`);
    else given[name] = { text, from: `--${name}`, base: '' };
  }
  return given;
}

function readVariables(env: Readonly<Record<string, string | undefined>>, warnings: string[]): AllGiven {
  const given: AllGiven = {};
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || !text || variable === 'ERRAND_CACHE') continue;
    const name = variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-');
    if (isName(name) && name !== 'serial') given[name] = { text, from: variable, base: '' };
    else warnings.push(`the variable ${variable} is no setting`);
  }
  return given;
}

function isName(name: string): name is Name {
  return Object.hasOwn(SETTINGS, name);
}

/** @returns undefined when the file cannot be read, which is among the faults then */
function readConfig({ text, from, base }: Given, into: FromFile, faults: string[]): AllGiven | undefined {
  const file = resolve(base, text);
  const given: AllGiven = {};
  into.base = dirname(file);
  try {
    const members: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isObject(members)) throw new Error('expected one JSON object');
    for (const [name, value] of Object.entries(members)) {
      const structure = STRUCTURES.find((one) => one === name);
      if (structure) into.structures[structure] = value as JsonValue;
      else if (!isName(name) || name === 'config' || name === 'serial')
        faults.push(`${file}: unknown setting "${name}": see --help`);
      else if (!value || !/string|number/.test(typeof value))
        faults.push(`${file}: "${name}" is ${JSON.stringify(value)}: expected text or a number`);
      else given[name] = { text: `${value}`, from: file, base: dirname(file) };
    }
  } catch (error) {
    faults.push(`config '${file}' (${from}): ${(error as Error).message}`);
    return undefined;
  }
  return given;
}

function check(
  given: AllGiven,
  { base, structures }: FromFile,
  serial: readonly string[],
  warnings: string[],
  faults: string[],
): BridgeSettings {
  const optional = <T>(name: Name, read: (text: string, file: string) => T): T | undefined => {
    const [, , fallback]: Setting = SETTINGS[name];
    const { text = fallback, from = 'the default', base = '' } = given[name] ?? {};
    if (text === undefined) return undefined;
    return attempt(faults, `${name} '${text}' (${from})`, () => read(text, resolve(base, text)));
  };
  const take = <T>(name: Name, read: (text: string, file: string) => T): T => {
    const [value, what, fallback]: Setting = SETTINGS[name];
    if (given[name] === undefined && fallback === undefined) {
      const variable = PREFIX + name.toUpperCase().replaceAll('-', '_');
      faults.push(`${name} is missing (${what}): give --${name} ${value}, ${variable} or "${name}" in the file`);
    }
    return optional(name, read) as T;
  };
  const folder = (_: string, path: string) => path;
  const endpoint = take('endpoint', readEndpoint);
  const port = take('port', number(1, 65_535));
  const before = faults.length;
  const ports = [
    ...(attempt(faults, '"ports"', () => readPorts(structures.ports)) ?? []),
    ...serial.flatMap((text) => attempt(faults, `--serial '${text}'`, () => readSerial(text)) ?? []),
  ];
  const hardware = attempt(faults, '"hardware"', () => readHardware(structures.hardware)) ?? new Map();
  const isWhole = faults.length === before;
  const things = [...ports.flatMap(({ things }) => [...things.values()]), ...hardware.values()];
  checkThings(ports, things, hardware.size, isWhole, faults);
  const thing = optional('thing', readThing);
  if (thing !== undefined && things.includes(thing))
    faults.push(`thing '${thing}' is this board and a microcontroller`);
  const clientId = optional('client-id', (text) => text) ?? (thing === undefined ? (things[0] ?? '') : `${thing}-mcus`);
  if (thing !== undefined && thing === clientId)
    faults.push(`client-id '${clientId}' is this board's own: each connection needs another one`);
  const own = attempt(faults, '"things"', () => readOwn(structures.things, things, base)) ?? new Map();
  return {
    host: endpoint?.host as string,
    port: given.port ? port : (endpoint?.port ?? port),
    ca: take('ca', pem('CERTIFICATE')),
    cert: take('cert', pem('CERTIFICATE')),
    key: take('key', pem('PRIVATE KEY')),
    thing,
    clientId,
    data: take('data', folder),
    handlers: take('handlers', folder),
    keepAliveSeconds: take('keep-alive', number(5, 1_200)),
    retryMaxMillis: take('retry-max', number(1, 3_600)) * 1_000,
    shell: take('shell', readShell),
    imageBytesMax: take('image-max', number(1, 2 ** 29 - 1)),
    log: take('log', readLog),
    ports,
    hardware,
    own,
    warnings,
  };
}

/** @param isWhole  no port was refused: else what is missing is likely to be with that one */
function checkThings(
  ports: readonly PortPlan[],
  things: readonly string[],
  mapped: number,
  isWhole: boolean,
  faults: string[],
): void {
  for (const { port } of ports.filter((one, i) => ports.findIndex(({ port }) => port === one.port) !== i))
    faults.push(`port ${port} is named twice: give its Things once, several on one line as "bus"`);
  if (ports.length === 0 && isWhole) faults.push('no port is named: give --serial PORT=THING, or "ports" in the file');
  if (things.length === 0 && ports.length > 0) faults.push('no Thing is named: give "thing" to a port, or "hardware"');
  for (const name of new Set(things.filter((name, i) => things.indexOf(name) !== i)))
    faults.push(`thing '${name}' is given to two microcontrollers`);
  for (const { port, things: named } of ports)
    if (named.size === 0 && mapped === 0)
      faults.push(`port ${port} has neither "thing" nor "bus", and there is no "hardware"`);
}

function readOwn(value: JsonValue | undefined, things: readonly string[], base: string) {
  const own = new Map<string, { cert: string; key: string }>();
  if (value === undefined) return own;
  if (!isObject(value)) throw new Error('expected an object of Things');
  for (const [thing, files] of Object.entries(value)) {
    if (!things.includes(thing)) throw new Error(`'${thing}' is no Thing of this bridge: ${things.join(', ')}`);
    if (!isObject(files) || typeof files.cert !== 'string' || typeof files.key !== 'string')
      throw new Error(`'${thing}': expected { "cert": "FILE", "key": "FILE" }`);
    own.set(thing, {
      cert: pem('CERTIFICATE')('', resolve(base, files.cert)),
      key: pem('PRIVATE KEY')('', resolve(base, files.key)),
    });
  }
  return own;
}

function attempt<T>(faults: string[], what: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    faults.push(`${what}: ${(error as Error).message}`);
    return undefined;
  }
}

function readShell(text: string): BridgeSettings['shell'] {
  if (text === 'auto' || SHELLS.includes(text as SerialShell['name'])) return text as BridgeSettings['shell'];
  throw new Error(`expected auto, ${SHELLS.join(' or ')}`);
}
