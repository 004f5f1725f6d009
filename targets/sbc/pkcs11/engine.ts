import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../agent.ts';
import type { Settings } from '../settings.ts';
import { isTokenKey, parseUri, readPin, type TokenKey } from './uri.ts';

/** What the part adds to the settings, as ../settings.ts has them. */
export const PKCS11_SETTINGS = {
  'key-engine': ['FILE', "OpenSSL's engine for keys in tokens", readEngine, ''],
} as const;

/** What the part adds to what an agent is told about itself. */
export interface Pkcs11Settings {
  keyEngine: string | undefined;
}

/** Names of processors in Debian's folders. */
const DEBIAN: Record<string, string> = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  arm: 'arm-linux-gnueabihf',
};

/** Where distributions have the engine of libp11, for OpenSSL 3. */
const ENGINES = [`/usr/lib/${DEBIAN[process.arch]}`, '/usr/lib64', '/usr/lib'].map(
  (folder) => `${folder}/engines-3/pkcs11.so`,
);

/** In memory, where there is such a folder. */
const MEMORY_FOLDER = '/dev/shm';

/** Of the data folder: what the token has refused. */
const REFUSED = 'pin-refused';

function readEngine(text: string, file: string): string | undefined {
  if (!text || existsSync(file)) return text ? file : undefined;
  throw new Error('there is no such file');
}

/**
 * Does `make` with settings that hand the key to OpenSSL: as it is, or as the name of a key in a token and of the engine that
 * speaks to it. Node looks for the engine and logs in while `make` makes its TLS contexts.
 *
 * A PIN that was refused is not shown to the token again, by no start and no doctor, until its file or the URI has changed: a few wrong
 * ones lock a token for ever.
 *
 * @throws Error of one sentence
 */
export function withKey<Made>(settings: Settings, make: (settings: Settings) => Made): Made {
  const { key, keyEngine, data } = settings;
  if (!isTokenKey(key)) return make(settings);
  const engine = keyEngine ?? ENGINES.find((file) => existsSync(file));
  if (!engine)
    throw new Error(
      `there is no OpenSSL engine for ${key}: apt-get install libengine-pkcs11-openssl, or name it with --key-engine`,
    );
  const token = parseUri(key);
  const { pinFile, module } = token;
  const attempt = `${key} ${statSync(pinFile).mtimeMs}`;
  const mark = join(data, REFUSED);
  if (existsSync(mark) && readFileSync(mark, 'utf8') === attempt)
    throw new Error(
      `the token has refused the PIN in ${pinFile}, which is not tried again: write the right one into it`,
    );
  process.env.OPENSSL_ENGINES = dirname(engine);
  if (module !== undefined) process.env.PKCS11_MODULE_PATH = module;
  const pin = openPin(pinFile);
  try {
    const made = make({
      ...settings,
      key: undefined as never,
      privateKeyEngine: basename(engine, '.so'),
      privateKeyIdentifier: `${token.object}?pin-source=file:/proc/self/fd/${pin}`,
    });
    rmSync(mark, { force: true });
    return made;
  } catch (error) {
    const said = textOf(error as Error);
    if (/PIN incorrect/.test(said)) {
      makeFolder(data);
      writeFileSync(mark, attempt, { mode: 0o600 });
    }
    throw new Error(explain(said, token, engine));
  } finally {
    closeSync(pin);
  }
}

/**
 * The PIN where the engine alone can read it, without the line's end, which engines take for a part of it: an open file without a name. As
 * `pin-value` it would be shown on stderr by an engine that does not find the key.
 */
function openPin(file: string): number {
  const folder = mkdtempSync(join(existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir(), 'errand-'));
  try {
    const fd = openSync(join(folder, 'pin'), 'wx', 0o600);
    writeSync(fd, readPin(file));
    return fd;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function textOf({ message, opensslErrorStack }: Error & { opensslErrorStack?: string[] }): string {
  return [message, ...(opensslErrorStack ?? [])].join('; ');
}

/** One sentence for what OpenSSL said of an engine, a module, a token and a key. */
function explain(said: string, { object, pinFile, module = "p11-kit's" }: TokenKey, engine: string): string {
  const known: [RegExp, string][] = [
    [/PIN incorrect|PIN invalid|PIN len/, `the token refuses the PIN in ${pinFile}: write the right one into it`],
    [/PIN locked/, 'the token is locked after wrong PINs: give it a new PIN as its security officer'],
    [/load PKCS#11 module/, `the PKCS#11 module cannot be loaded: ${module}`],
    [/object not found/, `there is no ${object}: p11tool --list-all shows the URIs of what there is`],
    [/key values mismatch/, `${object} is not the key of the certificate: give the two that belong together`],
    [/DSO|no such engine/, `Node ${process.version} cannot load the engine ${engine}: it wants one for OpenSSL 3`],
  ];
  return known.find(([pattern]) => pattern.test(said))?.[1] ?? `${object}: ${said}`;
}
