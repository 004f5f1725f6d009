import {
  chmodSync,
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/**
 * Writes a file so that after a crash there is the old one or the new one, never a part: a neighbour is written and synced,
 * then takes its name.
 *
 * @param mode  of the file, such as 0o600, whatever the umask says
 */
export function writeAtomically(file: string, text: string, mode: number): void {
  const neighbour = `${file}.new`;
  rmSync(neighbour, { force: true }); // left by a crash, or a link that leads elsewhere
  const descriptor = openSync(neighbour, 'wx', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  chmodSync(neighbour, mode);
  renameSync(neighbour, file);
  const folder = openSync(path.dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Reads a file that holds a private key.
 *
 * @returns undefined when it is not there
 * @throws  Error, one sentence, when others than its owner may touch it
 */
export function readPrivateFile(file: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const mode = fstatSync(descriptor).mode & 0o777;
    if ((mode & 0o077) !== 0)
      throw new Error(
        `${file} holds a private key and is open to others (mode ${mode.toString(8).padStart(4, '0')}): expected 0600; run chmod 600 on it, and replace the key if somebody may have read it`,
      );
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
