import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type Child, startChild } from '../child.ts';

const started = new Map<number, Child>();
const folders = new Set<string>();

// Before child.ts ends what it started: the programs of an agent, in groups of their own, are found only while it lives.
process.prependListener('exit', () => {
  for (const pid of started.keys()) endDescendants(pid);
});
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Starts a process that is ended, with all below it, when the bench ends in whatever way. */
export function start(program: string, ...args: string[]): Child {
  const child = startChild(program, args);
  started.set(child.pid, child);
  void child.ended.then(() => started.delete(child.pid));
  return child;
}

/** Node, with as many descriptors as the machine allows. */
export function startWide(...args: string[]): Child {
  return start('sh', '-c', 'ulimit -n "$(ulimit -Hn)" && exec "$0" "$@"', process.execPath, ...args);
}

/** A folder that is removed when the bench ends. */
export function temporaryFolder(parent = os.tmpdir()): string {
  const folder = mkdtempSync(path.join(parent, 'errand-bench-'));
  folders.add(folder);
  return folder;
}

/** A port of 127.0.0.1 that nobody has just now, for a program that cannot choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Waits until `count` lines fit, those that came already included. */
export function untilLines(child: Child, fits: RegExp, count: number): Promise<void> {
  const enough = () => child.lines.filter((line) => fits.test(line)).length >= count;
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!enough()) return;
      child.process.stdout?.off('data', look);
      resolve();
    };
    child.process.stdout?.on('data', look);
    void child.ended.then((how) => {
      if (enough()) resolve();
      else
        reject(
          new Error(
            `a process ended (${how}) before ${count} lines like ${fits}:\n${child.lines.slice(-20).join('\n')}`,
          ),
        );
    });
    look();
  });
}

/** Children, their children and so on, whatever groups they are in. */
export function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const below = (one: number): number[] => (children.get(one) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

function parentOf(pid: string): number | undefined {
  // The name in parentheses may hold anything; the parent is the second word behind it.
  const [, parent] = /^.*\) \S (\d+) /s.exec(read(`/proc/${pid}/stat`)) ?? [];
  return parent === undefined ? undefined : Number(parent);
}

function endDescendants(pid: number): void {
  try {
    for (const one of descendantsOf(pid)) process.kill(one, 'SIGKILL');
  } catch {
    // it has just ended, or there is no /proc
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // the process has ended
  }
}
