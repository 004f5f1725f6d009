import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { LogLevel } from '../../runtime/effects.ts';
import { isObject } from '../../runtime/jobs/json.ts';
import { isThingName } from '../../runtime/jobs/names.ts';
import { LEVELS, type LogOptions } from './log.ts';

/** All that an agent is told about itself, checked. Paths are absolute. */
export interface Settings {
  host: string;
  port: number;
  thingName: string;
  /** PEM: the authority of the server; the device's certificate; its private key. */
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

interface Setting {
  value: string;
  what: string;
  fallback?: string;
  read: Read;
}

/** Names as in flags (`--keep-alive`), in the file (`"keep-alive"`) and in the environment (`ERRAND_KEEP_ALIVE`). */
const SETTINGS = {
  endpoint: { value: 'HOST[:PORT]', what: 'MQTT endpoint of the Jobs service', read: readEndpoint },
  port: { value: 'PORT', what: 'its port; on 443 with ALPN', fallback: '8883', read: number(1, 65_535) },
  thing: { value: 'NAME', what: 'this device, also its MQTT client id', read: readThing },
  ca: { value: 'FILE', what: 'PEM: the only authority that is trusted', read: readCertificate },
  cert: { value: 'FILE', what: "PEM: this device's certificate", read: readCertificate },
  key: { value: 'FILE', what: 'PEM: its private key, readable by nobody else', read: readKey },
  data: { value: 'FOLDER', what: "the job's record", fallback: '/var/lib/errand', read: readFolder },
  handlers: { value: 'FOLDER', what: 'programs of runHandler', fallback: '/etc/errand/handlers', read: readFolder },
  'keep-alive': { value: 'SECONDS', what: 'between signs of life', fallback: '60', read: number(5, 1_200) },
  'retry-max': { value: 'SECONDS', what: 'longest pause between connects', fallback: '120', read: number(1, 3_600) },
  log: { value: 'WORDS', what: 'debug, info, warn, error; json; or both: json,warn', fallback: 'info', read: readLog },
} satisfies Record<string, Setting>;

type Name = keyof typeof SETTINGS;
const NAMES = Object.keys(SETTINGS) as Name[];

/** Where the file is looked for when none is named; the first one that exists is read. */
const CONFIG_FILES = ['errand-agent.json', '/etc/errand/agent.json'];

/** A setting as written, and where. */
interface Given {
  text: string;
  from: string;
  /** What a relative path starts from. */
  base: string;
}
type AllGiven = { [name in Name | 'config']?: Given };

/**
 * Reads the settings: flags win over `ERRAND_*` variables, these over the file. Relative paths start from the current folder, in the
 * file from the file's folder. An empty variable counts as none; an unknown one is only warned of, since others may use the prefix.
 *
 * @param argv  without node and script
 * @returns     the settings; or all faults, one sentence each, with where they were found; or that only help or version is wanted
 */
export function readSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | { faults: string[] } | { wanted: 'help' | 'version' } {
  if (argv.includes('--help') || argv.includes('-h')) return { wanted: 'help' };
  if (argv.includes('--version')) return { wanted: 'version' };
  const faults: string[] = [];
  const warnings: string[] = [];
  const given = { ...readVariables(env, warnings), ...readFlags(argv, faults) };
  const config = given.config ?? findConfig();
  const settings = check({ ...(config && readConfig(config, faults)), ...given }, warnings, faults);
  return faults.length > 0 ? { faults } : settings;
}

/** The text of `--help`. */
export function help(): string {
  const lines = Object.entries<Setting>(SETTINGS).map(
    ([name, { value, what, fallback }]) =>
      `  ${`--${name} ${value}`.padEnd(24)}${what}${fallback === undefined ? '' : ` (${fallback})`}\n`,
  );
  return `errand-agent runs the jobs of one Thing

${lines.join('')}  --config FILE           JSON with the same words (${CONFIG_FILES.join(', ')})
  --help, --version

Variables: ERRAND_ENDPOINT, ERRAND_KEEP_ALIVE and so on. Flags win over variables, these over the file.
SIGTERM ends it, the next start goes on. Exit codes: 0 ended, 1 failed, 2 wrong settings.
`;
}

function readFlags(argv: readonly string[], faults: string[]): AllGiven {
  const given: AllGiven = {};
  for (let i = 0; i < argv.length; i += 1) {
    const [, name = '', inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argv[i]!) ?? [];
    if (!isName(name)) {
      faults.push(`unknown argument ${argv[i]}: --help names all of them`);
      // Its value, if it has one, is not an argument of its own.
      if (name !== '' && inline === undefined && argv[i + 1]?.startsWith('--') === false) i += 1;
      continue;
    }
    const text = inline ?? argv[++i];
    if (!text) faults.push(`--${name} needs a value`);
    else if (given[name]) faults.push(`--${name} is given twice`);
    else given[name] = { text, from: `--${name}`, base: '' };
  }
  return given;
}

function readVariables(env: Readonly<Record<string, string | undefined>>, warnings: string[]): AllGiven {
  const given: AllGiven = {};
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('ERRAND_') || !text) continue;
    const name = variable.slice('ERRAND_'.length).toLowerCase().replaceAll('_', '-');
    if (isName(name)) given[name] = { text, from: variable, base: '' };
    else warnings.push(`the variable ${variable} is no setting and is passed over`);
  }
  return given;
}

function isName(name: string): name is Name | 'config' {
  return name === 'config' || Object.hasOwn(SETTINGS, name);
}

function findConfig(): Given | undefined {
  const text = CONFIG_FILES.find((file) => existsSync(file));
  return text === undefined ? undefined : { text, from: 'the default', base: '' };
}

function readConfig({ text, from, base }: Given, faults: string[]): AllGiven {
  const file = resolve(base, text);
  const given: AllGiven = {};
  let content = '';
  try {
    content = readFileSync(file, 'utf8');
    const members: unknown = JSON.parse(content);
    if (!isObject(members)) throw new Error('expected one JSON object');
    for (const [name, value] of Object.entries(members)) {
      const where = `${file} line ${lineOf(content, content.indexOf(JSON.stringify(name)))}`;
      if (!Object.hasOwn(SETTINGS, name)) {
        faults.push(`${where}: unknown setting "${name}": expected one of ${NAMES.join(', ')}`);
      } else if (typeof value !== 'number' && (typeof value !== 'string' || value === '')) {
        faults.push(`${where}: "${name}" is ${JSON.stringify(value)}: expected text or a number`);
      } else {
        given[name as Name] = { text: String(value), from: where, base: dirname(file) };
      }
    }
  } catch (error) {
    const { message } = error as Error;
    // V8 says where as "position 12", except at the end of the text.
    const [, position = content.length] = /position (\d+)/.exec(message) ?? [];
    const line = error instanceof SyntaxError ? ` line ${lineOf(content, Number(position))} is not JSON` : '';
    faults.push(`config '${file}' (${from})${line}: ${message.split(/ in JSON| \(line/)[0]}`);
  }
  return given;
}

function lineOf(content: string, position: number): number {
  return content.slice(0, Math.max(position, 0)).split('\n').length;
}

/** Every setting read, or a fault for it; what is returned is whole only when there is none. */
function check(given: AllGiven, warnings: string[], faults: string[]): Settings {
  const take = <N extends Name>(name: N) => {
    const { value, what, fallback, read }: Setting = SETTINGS[name];
    const { text = fallback, from = 'the default', base = '' } = given[name] ?? {};
    if (text === undefined) {
      const variable = `ERRAND_${name.toUpperCase().replaceAll('-', '_')}`;
      faults.push(`${name} is missing (${what}): give --${name} ${value}, ${variable} or "${name}" in the file`);
      return undefined as never;
    }
    try {
      return read(text, resolve(base, text)) as ReturnType<(typeof SETTINGS)[N]['read']>;
    } catch (error) {
      faults.push(`${name} '${text}' (${from}): ${(error as Error).message}`);
      return undefined as never;
    }
  };
  const endpoint = take('endpoint');
  const port = take('port');
  return {
    host: endpoint?.host,
    port: given.port ? port : (endpoint?.port ?? port),
    thingName: take('thing'),
    ca: take('ca'),
    cert: take('cert'),
    key: take('key'),
    data: take('data'),
    handlers: take('handlers'),
    keepAliveSeconds: take('keep-alive'),
    retryMaxMillis: take('retry-max') * 1_000,
    log: take('log'),
    warnings,
  };
}

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new Error(`expected a whole number, ${min} to ${max}`);
  };
}

function readEndpoint(text: string): { host: string; port?: number } {
  if (/^[0-9a-f:]+:[0-9a-f:.]*$/i.test(text) && text.split(':').length > 2) return { host: text };
  const [, six, name, port] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = six ?? name;
  if (host === undefined) throw new Error('expected HOST or HOST:PORT, without mqtts:// and without a path');
  return port === undefined ? { host } : { host, port: SETTINGS.port.read(port) };
}

function readThing(text: string): string {
  if (isThingName(text)) return text;
  throw new Error("expected 1 to 128 letters, digits, ':', '_' and '-'");
}

function readFolder(_: string, folder: string): string {
  return folder;
}

function readLog(text: string): LogOptions {
  const log: LogOptions = { level: 'info', json: false };
  for (const word of text.split(',')) {
    if (word === 'json') log.json = true;
    else if ((LEVELS as readonly string[]).includes(word)) log.level = word as LogLevel;
    else throw new Error(`'${word}' is none of ${LEVELS.join(', ')}, json`);
  }
  return log;
}

function readCertificate(_: string, file: string): string {
  return readPem(file, 'CERTIFICATE');
}

function readKey(_: string, file: string): string {
  const { mode } = statSync(file);
  if ((mode & 0o077) !== 0) {
    throw new Error(`others may use it, mode 0${(mode & 0o777).toString(8)}; run: chmod 600 ${file}`);
  }
  return readPem(file, 'PRIVATE KEY');
}

/** @throws Error also when the label is that of a key with a passphrase: nobody is there to type it */
function readPem(file: string, label: string): string {
  const content = readFileSync(file, 'utf8');
  const [, found = 'no BEGIN line'] = /-----BEGIN ([A-Z ]+)-----/.exec(content) ?? [];
  if (/ENCRYPTED/.test(content)) throw new Error('it has a passphrase: expected a private key without');
  // RSA and EC keys may say so in the label.
  if (content.includes('-----END') && found.replace(/^(RSA|EC) /, '') === label) return content;
  throw new Error(`expected PEM with a ${label}, found ${found}`);
}
