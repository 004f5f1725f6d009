/**
 * One program at a port: the lock files that modem programs agreed on (`LCK..ttyUSB0`, the process's number in ten
 * characters), kept also by minicom, picocom and kermit. Two programs on one port each hear half of what it says.
 */
import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FOLDERS = ['/run/lock', '/var/lock', tmpdir()];
const ATTEMPTS = 3;

/** Ports that this process has: a file with our own number may also be left from before a restart, in a container. */
const ours = new Set<string>();

export interface PortLock {
  release(): void;
}

/**
 * @param path  a device file, links followed
 * @returns     the number of the process that has it
 * @throws      Error of the system when no folder takes lock files
 */
export function lockPort(path: string, folders: readonly string[] = FOLDERS): PortLock | { holder: number } {
  const name = `LCK..${path.replace(/^\/dev\//, '').replaceAll('/', '_')}`;
  let failure: unknown = new Error(`none of ${folders.join(', ')} is a folder`);
  for (const folder of folders.filter(isFolder)) {
    try {
      return lockIn(join(folder, name));
    } catch (error) {
      failure = error; // read-only, or of others: the next folder
    }
  }
  throw failure;
}

function lockIn(file: string): PortLock | { holder: number } {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${`${process.pid}`.padStart(10)}\n`);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        linkSync(own, file); // whole from the first moment, and only for one
        ours.add(file);
        return { release: () => release(file) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = holderOf(file);
      if (holder !== undefined) return { holder };
      rmSync(file, { force: true }); // its process was killed
    }
    throw new Error(`${file} is made and removed by others all the time`);
  } finally {
    rmSync(own, { force: true });
  }
}

function release(file: string): void {
  if (ours.delete(file)) rmSync(file, { force: true });
}

function holderOf(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'latin1').trim(), 10);
    if (!(pid > 0) || (pid === process.pid && !ours.has(file))) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // EPERM: a living process of somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? -1 : undefined;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
