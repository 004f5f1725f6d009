import type { ChildProcess, spawn as Spawn, SpawnOptions } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Effect, Event } from '../runtime/effects.ts';
import type { Step } from '../runtime/jobs/document.ts';
import { WITH_CUSTOM, WITH_GUARDS } from '../runtime/parts.ts';
import { findHandler } from './handlers.ts';
import { findUser } from './users.ts';

export interface ProgramsOptions {
  thingName: string;
  /** Where handlers are looked for first; absolute. */
  handlers: string;
  /** Where programs start; it exists. One that runs as another user starts in that user's home, or in `/`. */
  work: string;
  tell: (event: Event) => void;
  /** What _ERRAND_STEP says, for the next agent (orphans.ts). No ERRAND_ variable, which would be a setting where a step starts us. */
  mark?: (() => string | undefined) | undefined;
}

export interface Programs {
  /** @param meet  is handed the other end of a socket that the program has as descriptor 3, when it is started; absent: it has none */
  run(effect: Extract<Effect, { do: 'run' }>, meet?: (line: Duplex) => void): void;
  signal(effect: Extract<Effect, { do: 'signal' }>): void;
  /** Kills every process group that is left and forgets it; nothing is told any more. */
  end(): void;
}

/** How long the output of an ended program is waited for, when a process that it left behind holds it open. */
const DRAIN_MILLIS_MAX = 500;

/** Where programs are looked for when the agent itself was started without a PATH (as Debian has it for root). */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** SIGSYS; those from 34 on are the real-time ones. */
const NAMED_SIGNAL_MAX = 31;

const STREAMS = ['stdout', 'stderr'] as const;

interface Run {
  child: ChildProcess;
  signalled: boolean;
  /** Number of the signal that it died by, where that was seen; Node tells those that have names. */
  diedBy?: number;
}

/**
 * Runs the programs of steps, each without a shell, in a process group and session of its own, with /dev/null as stdin and no
 * variable but PATH, HOME, USER, LOGNAME, LANG, ERRAND_THING and _ERRAND_STEP. Both outputs are read as they come: no program ever waits.
 *
 * `runCommand` runs its words; `runHandler` has the user's name (or nothing) before its arguments, as AWS IoT Device Client does.
 * Of a death by a real-time signal (34 to 64, no name) Node says that it was an exit with 0: see `deathOf`.
 * `runAsUser` is honoured by real uid and gid or the step fails. Node drops all other groups and cannot set the user's own.
 */
export function createPrograms(options: ProgramsOptions): Programs {
  const { tell } = options;
  const runs = new Map<number, Run>();

  function start(run: number, step: Step, meet: Parameters<Programs['run']>[1]): void {
    const child = loadSpawn()(...(WITH_CUSTOM && meet ? withSocket(prepare(step, options)) : prepare(step, options)));
    // Told later, by itself: no such file, no right.
    child.on('error', (error) => end({ on: 'exited', run, error: failure(step, error) }));
    if (child.pid === undefined) return;
    const running: Run = { child, signalled: false };
    runs.set(run, running);
    if (WITH_CUSTOM) meet?.(child.stdio[3] as Duplex);
    for (const stream of STREAMS)
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        if (runs.has(run)) tell({ on: 'output', run, stream, text });
      });
    if (WITH_GUARDS)
      for (const stream of STREAMS) child[stream]?.on('end', () => void (running.diedBy ||= deathOf(child)));
    let drain: NodeJS.Timeout;
    child.on('exit', () => {
      // Who was told to end and left others of the group behind has not ended.
      if (running.signalled) killGroup(child, 'SIGKILL');
      drain = setTimeout(stopReading, DRAIN_MILLIS_MAX, child);
    });
    child.on('close', (code, signal) => {
      clearTimeout(drain);
      if (runs.has(run))
        end({
          on: 'exited',
          run,
          ...(WITH_GUARDS && running.diedBy! > NAMED_SIGNAL_MAX
            ? { signal: `${running.diedBy}` }
            : signal
              ? { signal }
              : { code: code ?? 0 }),
        });
    });
  }

  function end(event: Extract<Event, { on: 'exited' }>): void {
    runs.delete(event.run);
    tell(event);
  }

  return {
    run: ({ run, step }, meet) => {
      try {
        start(run, step, meet);
      } catch (error) {
        end({ on: 'exited', run, error: failure(step, error as Error) });
      }
    },
    signal: ({ run, signal }) => {
      const running = runs.get(run);
      if (!running) return;
      running.signalled = true;
      killGroup(running.child, signal);
    },
    end: () => {
      for (const { child } of runs.values()) {
        killGroup(child, 'SIGKILL');
        stopReading(child);
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

/** A socket as descriptor 3. */
function withSocket([file, args, how]: Prepared): Prepared {
  return [file, args, { ...how, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] }];
}

/**
 * The signal that a process is dying by. Its outputs are closed before its parent hears of its end, and while Node has not taken
 * that, the kernel still shows how it ends. Seen only where no process that it left behind holds both outputs open.
 *
 * @returns 0: it lives, exits by itself, or is gone. proc_pid_stat(5): the last field, as waitpid(2) has it
 */
function deathOf({ pid, exitCode, signalCode }: ChildProcess): number {
  if (exitCode !== null || signalCode !== null) return 0; // the number may be another's by now
  return Number(statOf(pid!).at(-1)) & 0x7f;
}

/** What proc_pid_stat(5) has behind a process's name: state, parent, group...; nothing where there is no such process, or no Linux. */
export function statOf(pid: number | string): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /s, '').split(' ');
  } catch {
    return [];
  }
}

function stopReading(child: ChildProcess): void {
  for (const stream of child.stdio) stream?.destroy();
}

/** Signals a process and all that it started in its group. */
export function killGroup({ pid }: { pid?: number | undefined }, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid!, signal);
  } catch {
    // The group is gone; or all that is left of it has changed its user.
  }
}

type Prepared = [file: string, args: string[], SpawnOptions];

/** What `spawn` is given. A file without a folder in its name is looked for on PATH. */
function prepare({ run, runAsUser }: Step, { thingName, handlers, work, mark }: ProgramsOptions): Prepared {
  const own = process.getuid!();
  const user = findUser(runAsUser || own);
  if (runAsUser && !user) throw new Error(`there is no user '${runAsUser}' in /etc/passwd`);
  const other = user?.uid === own ? undefined : user;
  if (other && own !== 0) throw new Error(`only root may run it as '${runAsUser}', the agent has uid ${own}`);
  const spawnOptions: SpawnOptions = {
    // Some users have no home, or /dev/null.
    cwd: other ? (existsSync(`${other.home}/.`) ? other.home : '/') : work,
    // A variable that is undefined is not given at all.
    env: {
      PATH: searchPath(),
      HOME: user?.home ?? '/',
      USER: user?.name,
      LOGNAME: user?.name,
      LANG: process.env.LANG ?? 'C.UTF-8',
      ERRAND_THING: thingName,
      ...(WITH_GUARDS && { _ERRAND_STEP: mark?.() }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    uid: other?.uid,
    gid: other?.gid,
  };
  if (run.type === 'runHandler')
    return [findHandler(run.handler, run.path, handlers), [runAsUser ?? '', ...run.args], spawnOptions];
  const [file, ...args] = run.argv;
  return [file, args, spawnOptions];
}

function searchPath(): string {
  return process.env.PATH || DEFAULT_PATH;
}

function failure({ name, run }: Step, error: NodeJS.ErrnoException): string {
  const program = run.type === 'runHandler' ? run.handler : run.argv[0];
  const { code, path, message } = error;
  const why =
    code === 'ENOENT'
      ? `it, or the interpreter in its first line, is neither in its folder nor on PATH, ${searchPath()}`
      : code === 'EACCES'
        ? `its user may not execute it; run: chmod u+x ${path}`
        : message;
  return `step '${name}': ${program} could not be started: ${why}`;
}
