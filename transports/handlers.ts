import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The file of a handler: `folder` absent or empty means the handler folder, then PATH; `default` the handler folder;
 * anything else is a folder. What comes from a folder must lie in it, links followed, and only its owner may change it.
 *
 * @param handlers  the handler folder
 * @returns         an absolute path, or a name to be looked for on PATH
 * @throws          Error of one sentence
 *
 * AWS IoT Device Client, source/jobs/README.md; it wants mode 0700 exactly, we only that nobody else can write
 */
export function findHandler(handler: string, folder: string | undefined, handlers: string): string {
  const base = folder && folder !== 'default' ? folder : handlers;
  if (!base.startsWith('/')) throw new Error(`expected an absolute path, found ${base}`);
  const file = join(base, handler);
  if (existsSync(file)) return checkHandler(file, base);
  if (!folder && !handler.includes('/')) return handler;
  throw new Error(`it is not in ${base}`);
}

function checkHandler(file: string, folder: string): string {
  const real = realpathSync(file);
  if (!real.startsWith(join(realpathSync(folder), '/'))) throw new Error(`it leads to ${real}, outside of its folder`);
  checkClosed(real, 'w');
  checkClosed(dirname(real), 'w');
  return real;
}

/** @throws Error when others than the owner may write to (`w`), or do anything with (`rwx`), a file or a folder */
export function checkClosed(path: string, to: 'w' | 'rwx'): void {
  const { mode } = statSync(path);
  if (mode & (to === 'w' ? 0o022 : 0o077))
    throw new Error(`mode ${(mode & 0o777).toString(8)} opens ${path} to others; run: chmod go-${to} ${path}`);
}
