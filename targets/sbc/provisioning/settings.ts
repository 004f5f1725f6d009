import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { checkClosed } from '../../../transports/handlers.ts';
import { isExecutable } from '../builtins/tools.ts';
import { readPairs } from '../guards/pairs.ts';
import type { Setting } from '../settings.ts';
import { pem } from '../settingValues.ts';
import type { Credentials } from './credentials.ts';
import { type Pair, readIdentity } from './identityFile.ts';

/** How a device without a certificate of its own comes to one. */
export interface Claim extends Pair {
  template: string;
}

export interface ProvisioningSettings {
  /** Of a device that has no identity of its own yet; then `thingName` is '' and cert and key are the claim's. */
  claim: Claim | undefined;
  template: string | undefined;
  /** What the template is given: values, or files and programs that have them. */
  parameters: Record<string, string>;
  keyFrom: 'device' | 'service';
  /** Of the configured certificate; undefined: the identity is the device's own. */
  configured: string | undefined;
  /** Of an agent that runs. */
  credentials: Credentials;
}

/** What the part adds to the settings, as ../settings.ts has them. */
export const PROVISIONING_SETTINGS = {
  'claim-cert': ['FILE', 'PEM: certificate for boards without one', /* @__PURE__ */ pem('CERTIFICATE')],
  'claim-key': ['FILE', 'PEM: its private key', /* @__PURE__ */ pem('PRIVATE KEY')],
  template: ['NAME', 'provisioning template', readTemplate, ''],
  parameters: ['NAME=VALUE,..', "its parameters; '@FILE': in a file or by a program", readParameters, ''],
  'key-from': ['PLACE', 'where a new key is made: device, service', readKeyFrom, 'device'],
} as const satisfies Record<string, Setting>;

function readTemplate(text: string): string | undefined {
  if (/^[\w-]{0,36}$/.test(text)) return text || undefined;
  throw new Error("expected 1 to 36 letters, digits, '_' and '-'");
}

/** `SerialNumber=7,Site=berlin`, or a JSON object with texts; none in an empty text. */
export function readParameters(text: string): Record<string, string> {
  if (text.startsWith('{')) {
    const members: Record<string, unknown> = JSON.parse(text);
    const wrong = Object.keys(members).find((name) => typeof members[name] !== 'string');
    if (wrong === undefined) return members as Record<string, string>;
    throw new Error(`'${wrong}': expected text`);
  }
  return readPairs(text);
}

function readKeyFrom(text: string): 'device' | 'service' {
  if (text === 'device' || text === 'service') return text;
  throw new Error('expected device or service');
}

/** How long a program may take that says a parameter. */
const PROGRAM_MILLIS_MAX = 10_000;

/**
 * The values of parameters, at the moment.
 *
 * @throws Error of one sentence: a file cannot be read, a program failed, or there is nothing in it
 */
export function parameterValues(parameters: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).map(([name, given]) => [name, currentValue(name, given)]));
}

function currentValue(name: string, given: string): string {
  if (!given.startsWith('@')) return given;
  const file = given.slice(1);
  let value: string;
  try {
    checkClosed(file, 'w');
    value = isExecutable(file)
      ? execFileSync(file, { encoding: 'utf8', timeout: PROGRAM_MILLIS_MAX, stdio: ['ignore', 'pipe', 'ignore'] })
      : readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`parameter ${name}: ${file}: ${(error as Error).message}`);
  }
  // The kernel ends what it says of a board with a zero.
  value = value.replaceAll('\0', '').trim();
  if (value) return value;
  throw new Error(`parameter ${name}: ${file} says nothing`);
}

/** Reads a setting by name; undefined and a fault where it is missing or wrong. */
type Take = (name: 'thing' | 'cert' | 'key' | 'claim-cert' | 'claim-key' | 'template' | 'data') => string;

/** Who the device is: by its settings, by what it got with a claim or in the place of its first certificate, or not yet. */
export interface Self extends Pair {
  thingName: string;
  claim?: Claim | undefined;
  configured?: string | undefined;
}

/**
 * @param has  whether a setting is given
 * @throws Error of one sentence
 */
export function readSelf(take: Take, has: (name: string) => boolean): Self {
  const isClaimed = has('claim-cert') || has('claim-key');
  const kept = isClaimed || has('data') || has('cert') ? readIdentity(take('data')) : {};
  const { pair, thingName } = kept;
  if (!isClaimed) {
    const name = take('thing');
    const configured = take('cert');
    const own = { thingName: name, cert: configured, key: take('key'), configured };
    return pair && thingName === own.thingName && kept.replaces === configured ? { ...own, ...pair } : own;
  }
  if (has('cert') || has('key'))
    throw new Error('cert and key are given beside claim-cert and claim-key: expected one pair');
  if (pair && thingName) {
    if (has('thing') && take('thing') !== thingName)
      throw new Error(`thing is given, but ${take('data')} has the identity of ${thingName}: leave it out`);
    return { thingName, ...pair };
  }
  if (!has('template')) throw new Error('template is missing: claim-cert and claim-key need one');
  const claim = { cert: take('claim-cert'), key: take('claim-key'), template: take('template') };
  return { thingName: '', cert: claim.cert, key: claim.key, claim };
}
