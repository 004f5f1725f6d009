import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isObject, type JsonObject, type JsonValue } from '../../../runtime/jobs/json.ts';

/** Where AWS IoT Device Client keeps its own things, below the home of its user. */
const FOLDER = '.aws-iot-device-client';

/** Settings as the agent calls them, with where each was found. */
export interface DeviceClientSettings {
  rows: [name: string, value: unknown, from: string][];
  /** One sentence each: what it asks for and this agent has not. */
  warnings: string[];
}

/** Features that it has and this agent has not; the first ones are on unless they are switched off. */
const MISSING: readonly [path: string, isOn: boolean][] = [
  ['tunneling', true],
  ['device-defender', true],
  ['samples.pub-sub', false],
  ['config-shadow', false],
  ['sample-shadow', false],
];

/** What trusts the authorities that the machine trusts, as distributions have it. */
const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Its configuration at the place where it looks for it itself; an empty text when there is none. */
export function findDeviceClientFile(): string {
  const file = join(homedir(), FOLDER, 'aws-iot-device-client.conf');
  return existsSync(file) ? file : '';
}

/**
 * Reads a configuration of AWS IoT Device Client. Paths may begin with `~` and name variables, relative ones start from the current folder,
 * as there; commands in them are not run. What fleet provisioning left in its runtime configuration wins over certificate, key and thing.
 *
 * @throws Error of one sentence
 *
 * github.com/awslabs/aws-iot-device-client, docs/CONFIG.md and source/config
 */
export function readDeviceClient(file: string): DeviceClientSettings {
  const config = readObject(file);
  const rows: DeviceClientSettings['rows'] = [];
  const warnings: string[] = [];
  const say = (path: string) => `"${path}" in ${file}`;
  const add = (name: string, path: string, value = textAt(config, path), from = say(path)) => {
    if (value !== undefined) rows.push([name, value, from]);
  };

  if (memberAt(config, 'jobs.enabled') === false)
    throw new Error('jobs.enabled is false: this agent runs jobs and nothing else');
  const token = memberAt(config, 'secure-element.enabled') === true ? readToken(config, file) : undefined;

  const endpoint = textAt(config, 'endpoint');
  // It connects on 443 with ALPN, most others on 8883: with the part ways, both are tried.
  add('endpoint', 'endpoint', endpoint && withPorts(endpoint));
  const own = readOwn(config);
  if (own === 'claim') {
    add('claim-cert', 'cert', pathAt(config, 'cert'));
    add('claim-key', 'key', pathAt(config, 'key'));
    add('template', 'fleet-provisioning.template-name');
    add('parameters', 'fleet-provisioning.template-parameters', readParameters(config));
    if (memberAt(config, 'fleet-provisioning.csr-file') || memberAt(config, 'fleet-provisioning.device-key'))
      warnings.push(`${say('fleet-provisioning')}: csr-file and device-key are not used: the agent makes its own key`);
  } else
    for (const [name, path] of IDENTITY)
      if (token === undefined || name !== 'key')
        add(name, path, own ? own.members[path] : pathAt(config, path), own?.file);
  add('key', 'secure-element', token);
  if (token !== undefined) warnings.push(...warningsOfToken(config, file));
  const ca = pathAt(config, 'root-ca');
  const system = SYSTEM_AUTHORITIES.find((one) => existsSync(one));
  if (ca !== undefined && existsSync(ca)) add('ca', 'root-ca', ca);
  else if (system !== undefined) {
    warnings.push(
      `${say('root-ca')} is ${ca ? `${ca}, which is not there` : 'missing'}: all that ${system} trusts is trusted`,
    );
    add('ca', 'root-ca', system);
  }
  add(
    'handlers',
    'jobs.handler-directory',
    pathAt(config, 'jobs.handler-directory') ?? join(homedir(), FOLDER, 'jobs'),
  );
  add('data', 'data', join(homedir(), FOLDER, 'errand'), file);
  add('log', 'logging.level', textAt(config, 'logging.level')?.toLowerCase());
  add('operations', 'operations', 'device-client', file);

  const proxy = readProxy();
  if (proxy && typeof ERRAND_WITHOUT_WAYS === 'undefined') add('proxy', 'http-proxy-host', proxy.address, proxy.file);
  if (proxy && typeof ERRAND_WITHOUT_WAYS !== 'undefined')
    warnings.push(`${proxy.file} is not used: this agent was built without the part ways`);
  else if (proxy?.asks)
    warnings.push(`${proxy.file} has a user and a password: put user:password into a file for --proxy-credentials`);

  const missing = MISSING.filter(([path, isOn]) => (memberAt(config, `${path}.enabled`) ?? isOn) === true).map(
    ([path]) => path,
  );
  if (hasSensors(config)) missing.push('sensor-publish');
  if (missing.length > 0)
    warnings.push(
      `${file}: this agent has none of these features of AWS IoT Device Client, which are on: ${missing.join(', ')}`,
    );
  if (textAt(config, 'logging.type')?.toLowerCase() === 'file')
    warnings.push(
      `${say('logging.type')}: the log goes to stdout, and not to ${textAt(config, 'logging.file') ?? 'a file'}`,
    );
  return { rows, warnings };
}

/** The agent's name of a setting, and what it is called there. */
const IDENTITY = [
  ['thing', 'thing-name'],
  ['cert', 'cert'],
  ['key', 'key'],
] as const;

declare const ERRAND_WITHOUT_PROVISIONING: true | undefined;
declare const ERRAND_WITHOUT_PKCS11: true | undefined;

/**
 * Its key in a token, as a URI. A slot's number, which it may have as well, means nothing to the engine: the token is told by its label, or
 * by having such a key.
 */
function readToken(config: JsonObject, file: string): string {
  if (typeof ERRAND_WITHOUT_PKCS11 !== 'undefined')
    throw new Error('secure-element.enabled is true: this agent was built without the part pkcs11');
  const [token, object] = ['token', 'key'].map((name) => textAt(config, `secure-element.secure-element-${name}-label`));
  const module = pathAt(config, 'secure-element.pkcs11-lib');
  const pin = textAt(config, 'secure-element.secure-element-pin');
  if (!module || !pin) throw new Error('secure-element: expected pkcs11-lib and secure-element-pin');
  const named = [token && `token=${encodeURIComponent(token)};`, object && `object=${encodeURIComponent(object)};`];
  const files = [file, module].map((path) => encodeURI(resolve(path)).replaceAll('&', '%26'));
  return `pkcs11:${named.join('')}type=private?pin-source=file:${files[0]}&module-path=${files[1]}`;
}

/** What fleet provisioning has given this device; `claim` where that is still to be done, undefined where it is not wanted. */
function readOwn(
  config: JsonObject,
): { file: string; members: Record<string, string | undefined> } | 'claim' | undefined {
  if (memberAt(config, 'fleet-provisioning.enabled') !== true) return undefined;
  const file = join(homedir(), FOLDER, 'aws-iot-device-client-runtime.conf');
  const runtime = existsSync(file) ? readObject(file) : {};
  if (memberAt(runtime, 'runtime-config.completed-fp') === true)
    return {
      file,
      members: Object.fromEntries(IDENTITY.map(([, path]) => [path, pathAt(runtime, `runtime-config.${path}`)])),
    };
  if (typeof ERRAND_WITHOUT_PROVISIONING === 'undefined') return 'claim';
  throw new Error(
    'fleet-provisioning.enabled is true and the device has not been provisioned yet: this agent was built without the part provisioning',
  );
}

function warningsOfToken(config: JsonObject, file: string): string[] {
  const found: string[] = [];
  if (statSync(file).mode & 0o077)
    found.push(`"secure-element-pin" in ${file} can be read by others; run: chmod 600 ${file}`);
  if (memberAt(config, 'secure-element.secure-element-slot-id') !== undefined)
    found.push(`"secure-element-slot-id" in ${file} is not used: the token is told by its label`);
  return found;
}

/** It has its HTTP proxy in a file of its own; undefined where none is wanted. */
function readProxy(): { file: string; address: string; asks: boolean } | undefined {
  const file = join(homedir(), FOLDER, 'http-proxy.conf');
  const config = existsSync(file) ? readObject(file) : {};
  if (memberAt(config, 'http-proxy-enabled') !== true) return undefined;
  const [host, port, method] = ['host', 'port', 'auth-method'].map((name) => memberAt(config, `http-proxy-${name}`));
  return { file, address: `${host}:${port}`, asks: method === 'UserNameAndPassword' };
}

/** `{"SerialNumber": "7"}`, in a text, as `SerialNumber=7`. */
function readParameters(config: JsonObject): string | undefined {
  const text = textAt(config, 'fleet-provisioning.template-parameters');
  if (text === undefined) return undefined;
  const found: unknown = JSON.parse(text);
  const pairs = isObject(found) ? Object.entries(found) : [];
  if (pairs.length === 0 || pairs.some(([, value]) => !/^[^,@][^,]*$/.test(`${value}`)))
    throw new Error(`fleet-provisioning.template-parameters is ${text}: expected an object of values without commas`);
  return pairs.map(([name, value]) => `${name}=${value}`).join(',');
}

function withPorts(endpoint: string): string {
  return typeof ERRAND_WITHOUT_WAYS === 'undefined' && !/[:,]/.test(endpoint)
    ? `${endpoint}:8883,${endpoint}:443`
    : endpoint;
}

declare const ERRAND_WITHOUT_WAYS: true | undefined;

/** `{"sensors": [{"enabled": true, ...}]}`; each is on unless it is switched off. */
function hasSensors(config: JsonObject): boolean {
  const sensors = memberAt(config, 'sensor-publish.sensors');
  return Array.isArray(sensors) && sensors.some((sensor) => isObject(sensor) && sensor.enabled !== false);
}

function readObject(file: string): JsonObject {
  const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (isObject(found)) return found;
  throw new Error(`expected one JSON object in ${file}`);
}

/** `jobs.enabled`, of as many levels as there are dots. */
function memberAt(config: JsonObject, path: string): JsonValue | undefined {
  let at: JsonValue | undefined = config;
  for (const name of path.split('.')) at = isObject(at) ? at[name] : undefined;
  return at;
}

/** Undefined also for an empty text. */
function textAt(config: JsonObject, path: string): string | undefined {
  const found = memberAt(config, path);
  if (found === undefined || found === '') return undefined;
  if (typeof found === 'string') return found;
  throw new Error(`"${path}" is ${JSON.stringify(found)}: expected text`);
}

function pathAt(config: JsonObject, path: string): string | undefined {
  return textAt(config, path)
    ?.replace(/^~(?=\/|$)/, homedir())
    .replace(/\$(?:\{(\w+)\}|(\w+))/g, (_, braced, plain) => process.env[braced ?? plain] ?? '');
}
