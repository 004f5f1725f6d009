import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_PATH } from '../../../transports/programs.ts';

/** Whether a program is on the PATH that programs of steps get. */
export function hasProgram(name: string): boolean {
  return (process.env.PATH || DEFAULT_PATH).split(':').some((folder) => folder && isExecutable(join(folder, name)));
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first of several programs that is there. @throws Error of one sentence that names them all */
export function firstProgram<Name extends string>(names: readonly Name[]): Name {
  const found = names.find(hasProgram);
  if (found === undefined) throw new Error(`none of ${names.join(', ')} is on PATH`);
  return found;
}
