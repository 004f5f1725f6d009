/** The values of settings, read from their text and, for a file, its path; each throws an Error that says what was expected. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { LogLevel } from '../../runtime/effects.ts';
import { isThingName } from '../../runtime/jobs/names.ts';
import { checkClosed } from '../../transports/handlers.ts';
import { LEVELS, type LogOptions } from './log.ts';
import type { Endpoint } from './ways/settings.ts';

export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && +text >= min && +text <= max) return +text;
    throw new Error(`expected a whole number, ${min} to ${max}`);
  };
}

export const readPort = number(1, 65_535);

export function readEndpoint(text: string): Endpoint {
  if (isIP(text)) return { host: text };
  const [, six, name, port] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = six ?? name;
  if (!host) throw new Error('expected HOST or HOST:PORT');
  return port ? { host, port: readPort(port) } : { host };
}

export function readThing(text: string): string {
  if (isThingName(text)) return text;
  throw new Error("expected 1 to 128 letters, digits, ':', '_' and '-'");
}

export function readFolder(_: string, folder: string): string {
  return folder;
}

export function readLog(text: string): LogOptions {
  const log: LogOptions = { level: 'info', json: false };
  for (const word of text.split(',')) {
    if (word === 'json') log.json = true;
    else if (LEVELS.includes(word as LogLevel)) log.level = word as LogLevel;
    else throw new Error(`'${word}' is none of ${LEVELS.join(', ')}, json`);
  }
  return log;
}

/** Throws also for a key with a passphrase (its label or a header says so): nobody is there to type it. */
export function pem(label: 'CERTIFICATE' | 'PRIVATE KEY'): (text: string, file: string) => string {
  return (_, file) => {
    if (label === 'PRIVATE KEY') checkClosed(file, 'rwx');
    const content = readFileSync(file, 'utf8');
    const [, found = 'none'] = /-----BEGIN ([A-Z ]+)-----[\s\S]+-----END/.exec(content) ?? [];
    // RSA and EC keys may say so in the label.
    if (!content.includes('ENCRYPTED') && found.replace(/^(RSA|EC) /, '') === label) return content;
    throw new Error(`expected PEM with a ${label} and no passphrase, found ${found}`);
  };
}
