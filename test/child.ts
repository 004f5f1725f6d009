import { type ChildProcess, spawn } from 'node:child_process';

/** A process of a test: its lines as they come, and its end. Ended by its own id. */
export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Lines of stdout and stderr, in the order they came. */
  readonly lines: readonly string[];
  /** The first line that fits, whether it came already or comes later; rejects when the process ends before. */
  line(fits: RegExp): Promise<string>;
  /** The first line that fits and comes after `from` lines. */
  lineAfter(from: number, fits: RegExp): Promise<string>;
  /** Exit code, or the signal it died by. */
  readonly ended: Promise<number | string>;
  /** Ends it and waits for that. */
  kill(signal?: NodeJS.Signals): Promise<number | string>;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export function startChild(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; uid?: number; gid?: number; open?: boolean } = {},
): Child {
  const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  alive.add(child);
  const lines: string[] = [];
  const waiting = new Set<{
    from: number;
    fits: RegExp;
    found: (line: string) => void;
    lost: (error: Error) => void;
  }>();
  const take = (line: string) => {
    lines.push(line);
    for (const one of waiting) {
      if (lines.length <= one.from || !one.fits.test(line)) continue;
      waiting.delete(one);
      one.found(line);
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    let open = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const parts = (open + text).split('\n');
      open = parts.pop() ?? '';
      for (const part of parts) take(part);
    });
    stream.on('end', () => open !== '' && take(open));
  }
  child.stdin.on('error', () => {}); // it may not want to read
  // Left open: it ends with its stdin, whatever becomes of us.
  if (!options.open) child.stdin.end(options.input ?? '');
  let closed = false;
  const ended = new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      closed = true;
      alive.delete(child);
      for (const one of waiting)
        one.lost(
          new Error(`${program} ended (${code ?? signal}) before a line like ${one.fits}:\n${lines.join('\n')}`),
        );
      waiting.clear();
      resolve(code ?? signal ?? 'unknown');
    });
  });
  const lineAfter = (from: number, fits: RegExp) => {
    const already = lines.slice(from).find((line) => fits.test(line));
    if (already !== undefined) return Promise.resolve(already);
    // Not as soon as it has exited: its last lines may be still to be read.
    if (closed) return Promise.reject(new Error(`${program} ended without a line like ${fits}:\n${lines.join('\n')}`));
    return new Promise<string>((found, lost) => void waiting.add({ from, fits, found, lost }));
  };
  return {
    process: child,
    pid: child.pid ?? 0,
    lines,
    line: (fits) => lineAfter(0, fits),
    lineAfter,
    ended,
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs a program to its end. */
export async function runChild(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
) {
  const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  alive.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve(exitCode ?? signal ?? 'unknown'));
  });
  alive.delete(child);
  return { code, stdout, stderr };
}
