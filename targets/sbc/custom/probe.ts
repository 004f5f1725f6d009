/**
 * What the build looks at handlers with: it stands in the place of 'errand' while their files are loaded once, and notes what they define.
 * Compiled and started by compile.mjs.
 */
import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Handler, Options, Run } from './errand.ts';

/** What a look found: handlers and in which file of the list each is; or what is wrong, one sentence each with its place. */
export interface Found {
  handlers: { name: string; idempotent: boolean; file: number }[];
  faults: string[];
}

const NAME = /^[a-z0-9][\w.-]{0,63}$/i;

const noted: { name: unknown; options: Options; run: unknown; at: string }[] = [];

/** As that of errand.ts, for types and for tests in files of handlers. */
export function handler(name: string, ...how: [Run] | [Options, Run]): Handler {
  const [options, run] = how.length === 1 ? [{}, how[0]] : how;
  noted.push({ name, options, run, at: placeOf(new Error('here')) });
  return { ...options, name, run };
}

/**
 * Loads the files one after another and writes what it found to descriptor 3.
 *
 * @param files     each with how it is called in sentences
 * @param builtIns  names of the agent's own
 */
export function look(
  files: readonly (readonly [file: string, load: () => unknown])[],
  builtIns: readonly string[],
): void {
  const found: Found = { handlers: [], faults: [] };
  const places = new Map<string, string>();
  files.forEach(([file, load], i) => {
    noted.length = 0;
    try {
      load();
    } catch (error) {
      found.faults.push(`${placeOf(error)}: it cannot be loaded: ${(error as Error)?.message ?? error}`);
      return;
    }
    if (noted.length === 0)
      found.faults.push(`${file}: it defines no handler: expected handler('name', run) of 'errand'`);
    for (const { name, options, run, at } of noted) {
      const fault = faultOf(name, run, builtIns, places);
      if (fault) found.faults.push(`${at}: ${fault}`);
      else found.handlers.push({ name: name as string, idempotent: options?.idempotent === true, file: i });
      places.set(name as string, at);
    }
  });
  writeSync(3, JSON.stringify(found));
  process.exit();
}

function faultOf(
  name: unknown,
  run: unknown,
  builtIns: readonly string[],
  places: Map<string, string>,
): string | undefined {
  if (typeof name !== 'string' || !NAME.test(name))
    return `${JSON.stringify(name)} is no name of a handler: expected 1 to 64 of a-z A-Z 0-9 . _ -, a letter or digit first`;
  if (builtIns.includes(name)) return `this agent has a handler '${name}' built in: expected another name`;
  if (places.has(name)) return `there is a handler '${name}' already: ${places.get(name)}`;
  return typeof run === 'function' ? undefined : `handler '${name}' has no function to run`;
}

/** Where the caller of this file is, as its author wrote it: `mine.ts:12:1`. */
function placeOf(error: unknown): string {
  const frames = `${(error as Error)?.stack}`.matchAll(/(?:\(|at )((?:file:\/\/)?\/[^\n]*?:\d+:\d+)\)?$/gm);
  for (const [, frame = ''] of frames) {
    const [, file = '', at = ''] = /^(.*?)(:\d+:\d+)$/.exec(frame)!;
    const plain = file.startsWith('file:') ? fileURLToPath(file) : file;
    if (!plain.endsWith('/custom/probe.ts')) return shorten(plain) + at;
  }
  return 'somewhere';
}

/** From the current folder on, when it lies there. */
function shorten(file: string): string {
  const here = `${process.cwd()}/`;
  return file.startsWith(here) ? file.slice(here.length) : file;
}
