import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

/** A program that may not be run or is not there; the message is one sentence. */
export class Refused extends Error {}

/**
 * The file of a handler: `path` absent or empty means the handler folder, then PATH; `default` the handler folder;
 * anything else is a folder. What comes from a folder must lie in it, links followed, and only its owner may change it.
 *
 * @param handlers  the handler folder
 * @param search    PATH
 * @returns         an absolute path
 * @throws          Refused
 *
 * AWS IoT Device Client, source/jobs/README.md; it wants mode 0700 exactly, we only that nobody else can write
 */
export function findHandler(handler: string, folder: string | undefined, handlers: string, search: string): string {
  const base = folder && folder !== 'default' ? folder : handlers;
  if (!isAbsolute(base)) throw new Refused(`handler '${handler}': expected an absolute path, found ${base}`);
  const file = join(base, handler);
  if (exists(file)) return checkHandler(file, base);
  if (folder) throw new Refused(`handler '${handler}' is not in ${base}`);
  const onPath = handler.includes('/') ? undefined : findOnPath(handler, search);
  if (onPath === undefined) throw new Refused(`handler '${handler}' is neither in ${handlers} nor on PATH`);
  return onPath;
}

/** @returns the first executable file of that name in the folders of `search`; undefined when there is none */
export function findOnPath(name: string, search: string): string | undefined {
  return search
    .split(':')
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .find((file) => isExecutable(file));
}

function checkHandler(file: string, folder: string): string {
  const real = realpathSync(file);
  const refuse = (why: string) => {
    throw new Refused(`handler ${file} is refused: ${why}`);
  };
  if (!real.startsWith(join(realpathSync(folder), '/'))) refuse(`it leads to ${real}, outside of its folder`);
  for (const one of [real, dirname(real)])
    if (statSync(one).mode & 0o022) refuse(`others may change ${one}; run: chmod go-w ${one}`);
  if (!isExecutable(real)) refuse(`it is not executable; run: chmod u+x ${real}`);
  return real;
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
