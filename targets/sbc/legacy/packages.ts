import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { DEFAULT_PATH, killGroup, statOf } from '../../../transports/programs.ts';
import { replaceFile } from '../../../transports/record.ts';

/** A package as its install document says it. */
export interface Package {
  packageName: string;
  workingDirectory?: string;
  launchCommand?: string;
  autoStart?: unknown;
}

/** A file that an install puts in its place, and whether one was there before: then it is kept as `FILE.old`. */
export interface Placed {
  file: string;
  hadOld: boolean;
}

/** What is kept on disk, in `packages.json` of the data folder. */
interface Kept {
  installed: Package[];
  /** An install that has begun to put files in their places. */
  placing?: { packageName: string; files: Placed[] } | undefined;
  /** Processes by the name of their package; `startedAt` tells one from a later one with the same pid. */
  processes: Record<string, { pid: number; startedAt: string }>;
}

export interface Packages {
  kept: Kept;
  save(): void;
  find(name: string): Package | undefined;
  isRunning(name: string): boolean;
  /** Where the files of a package are, and where it runs. */
  folderOf(one: Package): string;
  /** Starts it. Resolves when it has lived for a while; throws an Error of one sentence when it ended before, or `signal` ended the wait. */
  start(one: Package, signal: AbortSignal): Promise<void>;
  /** Ends it with its whole process group; resolves when it is gone. */
  stop(name: string): Promise<void>;
  /** Asks all of them to end: the agent does. */
  end(): void;
}

/** How long a package has to live to count as started, as jobs-agent.js has it. */
export const STABLE_MILLIS = 20_000;
/** From TERM to KILL. */
const STOP_MILLIS_MAX = 20_000;

/**
 * Programs that outlive their job: installed, started and stopped by documents of jobs-agent.js, and started with the agent unless
 * `autoStart` says otherwise. They run by `sh -c`, as the agent's user, and end with the agent; what a killed agent left running is ended first.
 *
 * @param data  the data folder; relative working directories start from `packages` in it
 */
export function openPackages(data: string, thingName: string, stableMillis = STABLE_MILLIS): Packages {
  const file = join(data, 'packages.json');
  const kept = readKept(file);
  const running = new Map<string, ChildProcess>();

  function save(): void {
    replaceFile(file, JSON.stringify(kept));
  }

  function launch(one: Package): ChildProcess {
    const { spawn } = createRequire('/')('node:child_process') as typeof import('node:child_process');
    const { packageName: name, launchCommand = '' } = one;
    const { PATH = DEFAULT_PATH, HOME, USER, LANG } = process.env;
    const child = spawn('/bin/sh', ['-c', launchCommand], {
      cwd: folderOf(one),
      env: { PATH, HOME, USER, LANG, ERRAND_THING: thingName },
      stdio: 'ignore',
      detached: true,
    });
    running.set(name, child);
    child.unref(); // the agent does not wait for it
    child.on('error', () => {}); // told by whoever waits for it
    child.on('close', () => {
      if (running.get(name) !== child) return;
      running.delete(name);
      delete kept.processes[name];
    });
    if (child.pid !== undefined) {
      kept.processes[name] = { pid: child.pid, startedAt: startedAt(child.pid) ?? '' };
      save();
    }
    return child;
  }

  function folderOf({ workingDirectory = '' }: Package): string {
    return resolve(data, 'packages', workingDirectory);
  }

  const self: Packages = {
    kept,
    save,
    find: (name) => kept.installed.find(({ packageName }) => packageName === name),
    isRunning: (name) => running.has(name),
    folderOf,
    start: async (one, signal) => {
      if (running.has(one.packageName)) throw new Error('package already running');
      const child = launch(one);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((started, failed) => {
        timer = setTimeout(started, stableMillis);
        child.on('error', failed);
        child.on('close', (code, by) => failed(new Error(`package exited with ${by ?? code}`)));
        signal.addEventListener('abort', () => failed(new Error('the job was ended')));
      }).finally(() => clearTimeout(timer));
    },
    stop: async (name) => {
      const child = running.get(name);
      if (!child) return;
      await new Promise<void>((gone) => {
        const timer = setTimeout(killGroup, STOP_MILLIS_MAX, child, 'SIGKILL');
        child.on('close', () => {
          clearTimeout(timer);
          killGroup(child, 'SIGKILL'); // what it left behind in its group
          gone();
        });
        killGroup(child, 'SIGTERM');
      });
    },
    end: () => {
      for (const child of running.values()) killGroup(child, 'SIGTERM');
    },
  };

  for (const left of Object.values(kept.processes))
    if (startedAt(left.pid) === left.startedAt) killGroup(left, 'SIGKILL');
  kept.processes = {};
  for (const one of kept.installed)
    if (one.launchCommand && (one.autoStart ?? true) && kept.placing?.packageName !== one.packageName) launch(one);
  return self;
}

function readKept(file: string): Kept {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { installed: [], processes: {} }; // none yet: it is replaced as a whole, so it is never torn
  }
}

/** When a process began, in clock ticks since boot; undefined when there is none. proc(5), field 22 of stat */
function startedAt(pid: number): string | undefined {
  return statOf(pid)[19];
}
