import { lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * Where a file may be put: in the folder for downloads or below it, links followed.
 *
 * @param file  as the document says it: from that folder on, or an absolute path in it
 * @returns     an absolute path without links
 * @throws      Error of one sentence
 */
export function findPlace(folder: string, file: string): string {
  mkdirSync(folder, { recursive: true });
  const root = realpathSync(folder);
  const wanted = resolve(root, file);
  const name = basename(wanted);
  if (!file || file.endsWith('/') || file.includes('\0') || !name)
    throw new Error(`'${file}' is not the name of a file`);
  const parent = realpathSync(dirname(wanted));
  if (parent !== root && !parent.startsWith(join(root, '/')))
    throw new Error(`${file} leads to ${parent}, outside of ${root}; --downloads says where files may be put`);
  const place = join(parent, name);
  const there = lstatSync(place, { throwIfNoEntry: false });
  if (there && !there.isFile()) throw new Error(`${place} is there and is not a file`);
  return place;
}
