/** What the kernel says of a process (Linux, proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** Bytes of RAM: all, and those that are this process's own and changed. */
export function memoryOf(pid: number): { resident: number; private: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return { resident: kiloBytes(rollup, 'Rss') * 1024, private: kiloBytes(rollup, 'Private_Dirty') * 1024 };
}

/** CPU time of all its threads, microseconds; of its children nothing. */
export function cpuMicrosOf(pid: number): number {
  let nanos = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanos += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  return nanos / 1000;
}

/** Bytes that it caused to be written to a disk, whole pages of the cache; 0 on tmpfs. */
export function diskBytesOf(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

/** A process that its parent has not yet asked about is gone all the same. */
export function isGone(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

function kiloBytes(rollup: string, name: string): number {
  const [, size] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup) ?? [];
  if (size === undefined) throw new Error(`smaps_rollup has no ${name}`);
  return Number(size);
}
