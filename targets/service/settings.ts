import { isIP } from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { LogLevel } from '../../runtime/effects.ts';
import type { S3Settings } from './artifacts/s3.ts';
import { readS3Settings } from './artifacts/settings.ts';
import { RETENTION_MILLIS } from './jobs/limits.ts';
import { LEVELS, type LogOptions } from './log.ts';
import { AWS_ROLLOUT_MAX } from './operations/rolloutMax.ts';
import { isFault, readDatabaseUrl } from './store/databaseUrl.ts';

/** What `errand service` is told; paths are absolute. */
export interface ServiceSettings {
  data: string;
  /** A file, or the URL of a PostgreSQL database (see readLocation). */
  store: string;
  host: string;
  mqttPort: number;
  httpsPort: number;
  dataPort: number;
  /** Of the listener that lets anybody use any topic; undefined: there is none. */
  mqttOpenPort: number | undefined;
  filesPort: number;
  /** What signed URLs begin with, where devices reach the files' port under another name: `https://host:port`. */
  filesUrl: string | undefined;
  /** Files are kept there instead of here. */
  s3: S3Settings | undefined;
  /** Where /healthz and /metrics are served by plain HTTP; undefined: nowhere. */
  ops: { host: string; port: number } | undefined;
  /** JSON with the faults to begin with; undefined: none. */
  faultsFile: string | undefined;
  region: string;
  account: string;
  /** Further names and addresses in the server's certificate. */
  names: string[];
  /** Things whose certificates may subscribe to events of jobs. */
  eventsTo: string[];
  /** How long jobs and executions are kept after they ended. */
  retentionMillis: number;
  /** Executions a minute that a job may ask for. */
  rolloutPerMinuteMax: number;
  log: LogOptions;
}

const DAY_MILLIS = 86_400_000;
/** What --retention-days may be: a century, whose milliseconds are still exact. */
const RETENTION_DAYS_MAX = 36_500;

/** What --rollout-max may be: beyond what any store here has been seen to do. */
const ROLLOUT_MAX_MAX = 600_000;

const FLAGS = {
  data: { value: 'DIR', about: 'data folder: store, CA, endpoints.json', fallback: './errand-data' },
  store: {
    value: 'URL',
    about: 'postgres://USER@HOST/DATABASE[?sslmode=...] instead of a file in DIR; PGPASSWORD and ~/.pgpass are read',
    fallback: '',
  },
  host: {
    value: 'ADDRESS',
    about: 'address to listen on; 0.0.0.0 serves boards on the network',
    fallback: '127.0.0.1',
  },
  'mqtt-port': { value: 'PORT', about: 'MQTT over mutual TLS; 0: any free one', fallback: '8883' },
  'https-port': { value: 'PORT', about: 'control plane; 0: any free one', fallback: '9443' },
  'data-port': {
    value: 'PORT',
    about: 'data plane by HTTPS over mutual TLS; 0: any free one',
    fallback: '8443',
  },
  'files-port': {
    value: 'PORT',
    about: 'files for jobs; 0: any free one, as when --https-port is 0',
    fallback: '9444',
  },
  'files-url': {
    value: 'URL',
    about: "how devices reach that port, where it is not this machine's name",
    fallback: '',
  },
  's3-endpoint': { value: 'URL', about: 'keep files at an S3 endpoint, not here', fallback: '' },
  's3-region': { value: 'REGION', about: 'its region', fallback: 'us-east-1' },
  's3-access-key-file': {
    value: 'FILE',
    about: 'its access key: JSON, mode 0600; else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY',
    fallback: '',
  },
  'mqtt-open': {
    value: 'PORT',
    about: 'MQTT without TLS on loopback, any client, any topic: first steps only; 0: any free one',
    fallback: '',
  },
  'ops-port': {
    value: 'PORT',
    about: '/healthz and /metrics by plain HTTP, without authorisation; 0: any free one; absent: none',
    fallback: '',
  },
  'ops-host': { value: 'ADDRESS', about: 'address for them', fallback: '127.0.0.1' },
  faults: {
    value: 'FILE',
    about: 'rules by which answers are lost, late, doubled or refused, to test devices (README, set-faults)',
    fallback: '',
  },
  region: { value: 'REGION', about: 'in ARNs and signatures', fallback: 'us-east-1' },
  account: { value: 'ID', about: '12 digits, in ARNs', fallback: '123456789012' },
  name: {
    value: 'NAME',
    about: "another name or address of this machine for the server's certificate; may be repeated",
    fallback: '',
  },
  'events-to': {
    value: 'THING',
    about: 'a Thing that may subscribe to $aws/events/...; may be repeated',
    fallback: '',
  },
  'retention-days': {
    value: 'DAYS',
    about: 'how long jobs and executions are kept after they ended',
    fallback: String(RETENTION_MILLIS / DAY_MILLIS),
  },
  'rollout-max': {
    value: 'RATE',
    about: 'what maximumPerMinute and baseRatePerMinute of a job may be; AWS has 1000',
    fallback: String(AWS_ROLLOUT_MAX),
  },
  log: { value: 'WORDS', about: 'debug, info, warn, error; json; or both: json,warn', fallback: 'info' },
} as const;

/** The text of `errand service --help`. */
export const SERVICE_HELP = `errand service: the Jobs service on this machine

Devices connect by MQTT or by HTTPS over mutual TLS, operators by HTTPS with signed requests (AWS CLI, AWS SDKs, errand).
The first start makes a CA, a server certificate and an access key; DIR/endpoints.json says where and how to connect.

${Object.entries(FLAGS)
  .map(
    ([name, { value, about, fallback }]) =>
      `  ${`--${name} ${value}`.padEnd(22)}${about}${fallback === '' ? '' : ` (${fallback})`}`,
  )
  .join('\n')}
  --help

Ctrl-C or SIGTERM ends it: what was accepted is answered first; a second one ends it at once. Exit codes: 0 ended, 1 failed, 2 wrong settings.
`;

/** Reads the flags; all that is wrong with them comes as sentences. */
export function readServiceSettings(argv: readonly string[]): ServiceSettings | { faults: string[] } | 'help' {
  if (argv.includes('--help') || argv.includes('-h')) return 'help';
  const parsed = parse(argv);
  if ('faults' in parsed) return parsed;
  const { values } = parsed;
  const text = (name: Exclude<keyof typeof FLAGS, 'name' | 'events-to'>): string =>
    values[name] ?? FLAGS[name].fallback;
  const faults: string[] = [];
  const port = (name: 'mqtt-port' | 'https-port' | 'data-port' | 'mqtt-open' | 'files-port' | 'ops-port'): number => {
    const found = text(name);
    if (!/^\d{1,5}$/.test(found) || Number(found) > 65_535)
      faults.push(`--${name} is '${found}': expected a port, 0 to 65535`);
    return Number(found);
  };
  const shaped = (name: 'region' | 'account', shape: RegExp, expected: string): string => {
    if (!shape.test(text(name))) faults.push(`--${name} is '${text(name)}': expected ${expected}`);
    return text(name);
  };
  const storePlace = (): string => {
    if (values.store === undefined) return path.join(path.resolve(text('data')), 'errand.db');
    const address = readDatabaseUrl(values.store, process.env);
    if (isFault(address)) faults.push(`--store ${address.fault}`);
    return values.store;
  };
  for (const name of ['host', 'ops-host'] as const)
    if (isIP(text(name)) === 0 && text(name) !== 'localhost')
      faults.push(`--${name} is '${text(name)}': expected an address of this machine, or localhost`);
  if (text('data') === '') faults.push("--data is '': expected a folder");
  if (values['ops-host'] !== undefined && values['ops-port'] === undefined)
    faults.push('--ops-host is given without --ops-port: expected both');
  const settings: ServiceSettings = {
    data: path.resolve(text('data')),
    store: storePlace(),
    host: text('host'),
    mqttPort: port('mqtt-port'),
    httpsPort: port('https-port'),
    dataPort: port('data-port'),
    faultsFile: values.faults === undefined ? undefined : path.resolve(values.faults),
    mqttOpenPort: values['mqtt-open'] === undefined ? undefined : port('mqtt-open'),
    // Who asks for any free port wants nothing to be in the way of another service.
    filesPort: text('https-port') === '0' && values['files-port'] === undefined ? 0 : port('files-port'),
    ...readS3Settings(values, text('s3-region'), process.env, faults),
    ops: values['ops-port'] === undefined ? undefined : { host: text('ops-host'), port: port('ops-port') },
    region: shaped('region', /^[a-z]{2}(-[a-z]+)+-\d$/, 'a region such as us-east-1'),
    account: shaped('account', /^\d{12}$/, '12 digits'),
    names: values.name ?? [],
    eventsTo: values['events-to'] ?? [],
    retentionMillis: retention(text('retention-days'), faults),
    rolloutPerMinuteMax: rolloutMax(text('rollout-max'), faults),
    log: readLog(text('log'), faults),
  };
  return faults.length > 0 ? { faults } : settings;
}

function retention(days: string, faults: string[]): number {
  if (!/^[1-9]\d{0,4}$/.test(days) || Number(days) > RETENTION_DAYS_MAX)
    faults.push(`--retention-days is '${days}': expected 1 to ${RETENTION_DAYS_MAX}`);
  return Number(days) * DAY_MILLIS;
}

function rolloutMax(rate: string, faults: string[]): number {
  if (!/^\d{1,6}$/.test(rate) || Number(rate) < AWS_ROLLOUT_MAX || Number(rate) > ROLLOUT_MAX_MAX)
    faults.push(`--rollout-max is '${rate}': expected ${AWS_ROLLOUT_MAX} to ${ROLLOUT_MAX_MAX} executions a minute`);
  return Number(rate);
}

function readLog(words: string, faults: string[]): LogOptions {
  const log: LogOptions = { level: 'info', json: false };
  for (const word of words.split(',')) {
    if (word === 'json') log.json = true;
    else if (LEVELS.includes(word as LogLevel)) log.level = word as LogLevel;
    else faults.push(`--log has '${word}': expected debug, info, warn, error or json`);
  }
  return log;
}

function parse(argv: readonly string[]) {
  try {
    const string = { type: 'string' } as const;
    const options = {
      data: string,
      store: string,
      host: string,
      'mqtt-port': string,
      'https-port': string,
      'data-port': string,
      'mqtt-open': string,
      'files-port': string,
      'files-url': string,
      's3-endpoint': string,
      's3-region': string,
      's3-access-key-file': string,
      'ops-port': string,
      'ops-host': string,
      faults: string,
      region: string,
      account: string,
      'retention-days': string,
      'rollout-max': string,
      log: string,
      name: { type: 'string', multiple: true },
      'events-to': { type: 'string', multiple: true },
    } as const;
    return parseArgs({ args: [...argv], options, allowPositionals: false });
  } catch (error) {
    return { faults: [`${(error as Error).message.split('. ')[0]}: --help names all flags`] };
  }
}
