import type { ChildProcess, spawn as Spawn, SpawnOptions } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Effect, Event } from '../runtime/effects.ts';
import type { Step } from '../runtime/jobs/document.ts';
import { findHandler, findOnPath, Refused } from './handlers.ts';
import { findUser, type User } from './users.ts';

export interface ProgramsOptions {
  thingName: string;
  /** Where handlers are looked for first; absolute. */
  handlers: string;
  /** Where programs start; it exists. One that runs as another user starts in that user's home, or in `/`. */
  work: string;
  tell: (event: Event) => void;
}

export interface Programs {
  run(effect: Extract<Effect, { do: 'run' }>): void;
  signal(effect: Extract<Effect, { do: 'signal' }>): void;
  /** Kills every process group that is left and forgets it; nothing is told any more. */
  end(): void;
}

/** How long the output of an ended program is waited for, when a process that it left behind holds it open. */
export const DRAIN_MILLIS_MAX = 500;

/** Where programs are looked for when the agent itself was started without a PATH (Debian's for root). */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

interface Run {
  child: ChildProcess;
  pid: number;
  signalled: boolean;
}

/**
 * Runs the programs of steps, each without a shell, in a process group and session of its own, with /dev/null as stdin and no
 * variable but PATH, HOME, USER, LOGNAME, LANG and ERRAND_THING. Both outputs are read as they come, so that no program ever waits for us.
 *
 * `runCommand` runs its words; `runHandler` has the user's name (or nothing) before its arguments, as AWS IoT Device Client does.
 * `runAsUser` is honoured by real uid and gid or the step fails. Node drops all other groups and cannot set the user's own.
 */
export function createPrograms(options: ProgramsOptions): Programs {
  const { tell } = options;
  const runs = new Map<number, Run>();

  function start(run: number, step: Step): void {
    const { file, args, spawnOptions } = prepare(step, options);
    const child = loadSpawn()(file, args, spawnOptions);
    // Told later, by itself: no such file, no right.
    child.on('error', (error) => end({ on: 'exited', run, error: failure(step, error) }));
    if (child.pid === undefined) return;
    const { pid } = child;
    runs.set(run, { child, pid, signalled: false });
    const flushes = (['stdout', 'stderr'] as const).map((stream) =>
      readOutput(child[stream] as Readable, (text) => {
        if (runs.has(run)) tell({ on: 'output', run, stream, text });
      }),
    );
    child.on('exit', (code, signal) => {
      // Who was told to end and left others of the group behind has not ended.
      if (runs.get(run)?.signalled) killGroup(pid, 'SIGKILL');
      const drained = setTimeout(finish, DRAIN_MILLIS_MAX);
      child.on('close', finish);
      function finish(): void {
        clearTimeout(drained);
        if (!runs.has(run)) return;
        child.stdout?.destroy();
        child.stderr?.destroy();
        for (const flush of flushes) flush();
        end({ on: 'exited', run, ...(signal === null ? { code: code ?? 0 } : { signal }) });
      }
    });
  }

  function end(event: Extract<Event, { on: 'exited' }>): void {
    runs.delete(event.run);
    tell(event);
  }

  return {
    run: ({ run, step }) => {
      try {
        start(run, step);
      } catch (error) {
        end({ on: 'exited', run, error: failure(step, error as Error) });
      }
    },
    signal: ({ run, signal }) => {
      const running = runs.get(run);
      if (running === undefined) return;
      running.signalled = true;
      killGroup(running.pid, signal);
    },
    end: () => {
      for (const { child, pid } of runs.values()) {
        killGroup(pid, 'SIGKILL');
        child.stdout?.destroy();
        child.stderr?.destroy();
        child.unref();
      }
      runs.clear();
    },
  };
}

/** Loaded with the first program: it costs an idle agent memory. */
function loadSpawn(): typeof Spawn {
  return createRequire('/')('node:child_process').spawn;
}

/** @returns takes what is left of a character that was cut by the end */
function readOutput(from: Readable, take: (text: string) => void): () => void {
  const decoder = new StringDecoder('utf8');
  const give = (text: string) => {
    if (text !== '') take(text);
  };
  from.on('data', (bytes: Buffer) => give(decoder.write(bytes)));
  return () => give(decoder.end());
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // The group is gone; EPERM: all that is left of it has changed its user.
    const { code } = error as NodeJS.ErrnoException;
    if (!/ESRCH|EPERM/.test(code ?? '')) throw error;
  }
}

function prepare(step: Step, options: ProgramsOptions): { file: string; args: string[]; spawnOptions: SpawnOptions } {
  const own = process.getuid?.() ?? 0;
  const user = step.runAsUser ? changeTo(step.runAsUser, own) : undefined;
  const search = process.env.PATH || DEFAULT_PATH;
  const spawnOptions: SpawnOptions = {
    cwd: user ? (isFolder(user.home) ? user.home : '/') : options.work,
    env: environment(user ?? findUser({ uid: own }), search, options.thingName),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  };
  if (user) Object.assign(spawnOptions, { uid: user.uid, gid: user.gid });
  return { ...command(step, options.handlers, search), spawnOptions };
}

/** @returns undefined when it is the user that we are */
function changeTo(name: string, own: number): User | undefined {
  const user = findUser({ name });
  if (user === undefined) throw new Refused(`there is no user '${name}' in /etc/passwd to run as`);
  if (user.uid === own) return undefined;
  if (own !== 0) throw new Refused(`only root may run a program as '${name}': the agent has uid ${own}`);
  return user;
}

function command({ run, runAsUser }: Step, handlers: string, search: string): { file: string; args: string[] } {
  if (run.type === 'runHandler') {
    return { file: findHandler(run.handler, run.path, handlers, search), args: [runAsUser ?? '', ...run.args] };
  }
  const [program, ...args] = run.argv;
  if (program.includes('/')) return { file: program, args };
  const file = findOnPath(program, search);
  if (file === undefined) throw new Refused(`program '${program}' is not on PATH (${search})`);
  return { file, args };
}

function environment(user: User | undefined, search: string, thingName: string): NodeJS.ProcessEnv {
  return {
    PATH: search,
    HOME: user?.home ?? process.env.HOME ?? '/',
    ...(user ? { USER: user.name, LOGNAME: user.name } : {}),
    LANG: process.env.LANG ?? 'C.UTF-8',
    ERRAND_THING: thingName,
  };
}

const WHY: Record<string, string> = {
  ENOENT: 'it, or the interpreter in its first line, does not exist',
  EACCES: 'its user may not execute it',
};

function failure({ name, run }: Step, error: Error): string {
  const program = run.type === 'runHandler' ? run.handler : run.argv[0];
  const { code = '' } = error as NodeJS.ErrnoException;
  const why =
    error instanceof Refused ? error.message : `${program} could not be started: ${WHY[code] ?? error.message}`;
  return `step '${name}': ${why}`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
