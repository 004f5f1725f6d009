import { existsSync, readFileSync } from 'node:fs';
import { isObject } from '../../../runtime/jobs/json.ts';
import { checkClosed } from '../../../transports/handlers.ts';

/** A private key that a token keeps to itself. */
export interface TokenKey {
  /** What the engine is told: which key of which token. */
  object: string;
  /** The file of the PIN. Without one the engine would ask for it on a terminal, or on stdin, and the agent would wait for ever. */
  pinFile: string;
  /** The PKCS#11 module of the token; undefined: p11-kit's, which knows all that are installed. */
  module: string | undefined;
}

/** By what a key is found, as OpenSSL's engine can; RFC 7512 §2.3 has a few more. */
const PATH_ATTRIBUTES = ['token', 'manufacturer', 'serial', 'model', 'object', 'id', 'type'];

/** Whether a setting `key` names a key in a token. */
export function isTokenKey(key: string | undefined): key is string {
  return /^pkcs11:/.test(key ?? '');
}

/**
 * A reader of the setting `key`: `pkcs11:token=board;object=key?pin-source=file:/etc/errand/pin&module-path=/usr/lib/module.so`, or
 * what `otherwise` reads. What a URI names must be there, and closed to others as far as it is secret.
 *
 * @throws Error of one sentence
 */
export function orTokenKey(otherwise: (text: string, file: string) => string): (text: string, file: string) => string {
  return (text, file) => {
    if (!isTokenKey(text)) return otherwise(text, file);
    const { pinFile, module } = parseUri(text);
    readPin(pinFile);
    if (module !== undefined && !existsSync(module)) throw new Error(`module-path ${module} is not there`);
    return text;
  };
}

/**
 * The parts of a `pkcs11:` URI.
 *
 * @throws Error of one sentence
 *
 * RFC 7512 §2.3, §2.4
 */
export function parseUri(uri: string): TokenKey {
  const [, path = '', query = ''] = /^pkcs11:([^?]*)\??(.*)$/s.exec(uri) ?? [];
  for (const [name] of attributes(path, ';'))
    if (!PATH_ATTRIBUTES.includes(name))
      throw new Error(`found ${name}: expected ${PATH_ATTRIBUTES.join(', ')}, with semicolons between them`);
  const found = new Map(attributes(query, '&'));
  const pathOf = (name: string) => {
    const file = decodeURIComponent(found.get(name) ?? '').replace(/^file:(\/\/(?=\/))?/, '');
    if (found.delete(name) && !file.startsWith('/')) throw new Error(`${name}: expected an absolute path`);
    return file || undefined;
  };
  if (found.has('pin-value')) throw new Error('put the PIN into a file of mode 0600, and pin-source=file:/PATH here');
  const [pinFile, module] = [pathOf('pin-source'), pathOf('module-path')];
  for (const name of found.keys()) throw new Error(`found ${name} behind '?': expected pin-source and module-path`);
  if (!pinFile) throw new Error("add ?pin-source=file:/PATH, a file of mode 0600 with the token's PIN");
  return { object: `pkcs11:${path}`, pinFile, module };
}

function attributes(list: string, separator: string): [name: string, value: string][] {
  return list
    .split(separator)
    .filter((one) => one)
    .map((one) => {
      const [, name, value] = /^([^=]+)=((?:[^%]|%[0-9a-f]{2})+)$/i.exec(one) ?? [];
      if (name && value) return [name, value];
      throw new Error(`'${one}': expected NAME=VALUE, with %20 for a space`);
    });
}

/** A text that may be shown: without the PIN that does not belong there. */
export function withoutPin(text: string): string {
  return text.replace(/(pin-value=)[^&;]*/g, '$1...');
}

/**
 * The one line of a file, without its end; or the PIN in the settings of AWS IoT Device Client, which may be open to others.
 *
 * @throws Error of one sentence
 */
export function readPin(file: string): string {
  const text = readFileSync(file, 'utf8').trimEnd();
  if (text.startsWith('{')) {
    const settings: unknown = JSON.parse(text);
    const member = isObject(settings) && settings['secure-element'];
    return `${isObject(member) && member['secure-element-pin']}`;
  }
  checkClosed(file, 'rwx');
  if (/^[^\n]+$/.test(text)) return text;
  throw new Error(`expected one line with the PIN in ${file}`);
}
