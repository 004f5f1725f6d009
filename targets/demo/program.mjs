import { spawn } from 'node:child_process';

/** How long a program may take to end after SIGTERM before it is killed, milliseconds. */
const STOP_MILLIS_MAX = 15_000;

/** Starts a program: its lines as they come, its end, and what ends it. */
export function startProgram(program, args) {
  // A process group of its own: Ctrl-C reaches only us, who end it in order.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const lines = [];
  const listeners = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    let open = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const parts = (open + text).split('\n');
      open = parts.pop();
      for (const line of parts) {
        lines.push(line);
        for (const listener of [...listeners]) listener(line);
      }
    });
  }
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const onLine = (listener) => {
    lines.forEach(listener);
    listeners.add(listener);
  };
  return {
    lines,
    ended,
    onLine,
    /** The first line that fits; rejects when the program ends before. */
    line: (fits) =>
      new Promise((resolve, reject) => {
        const take = (line) => {
          const found = fits.exec(line);
          if (found === null) return;
          listeners.delete(take);
          resolve(found);
        };
        onLine(take);
        ended.then((how) => reject(new Error(`${args[0]} ended (${how}) too early:\n${lines.slice(-20).join('\n')}`)));
      }),
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MILLIS_MAX);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Runs a program that answers with JSON (or nothing), and gives that. */
export async function runProgram(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`errand ${args[1]} answered with exit code ${code}: ${errors.trim()}`);
  return out.trim() === '' ? {} : JSON.parse(out);
}
