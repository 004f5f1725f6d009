import { spawn } from 'node:child_process';

/**
 * Runs a program of worlds in as many processes as `--jobs` says, each with its share of the seeds, and prints what they say. Resolves
 * to the exit code.
 */
export async function inProcesses(bundle, given) {
  const args = [...given];
  const numberOf = (name, otherwise) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(args.splice(at, 2)[1]);
  };
  const jobs = numberOf('jobs', 1);
  process.stdout.on('error', () => process.exit(0)); // a pager that was closed
  if (!(jobs > 1)) return run(bundle, args, (text) => process.stdout.write(text));
  const first = numberOf('seed', Date.now() >>> 0);
  const share = Math.ceil(numberOf('count', jobs) / jobs);
  const began = performance.now();
  const totals = {};
  const codes = await Promise.all(
    Array.from({ length: jobs }, (_, i) =>
      run(bundle, [...args, '--seed', `${first + i * share}`, '--count', `${share}`], (line) => take(line, totals)),
    ),
  );
  const minutes = (performance.now() - began) / 60_000;
  console.log(`seeds ${first} to ${first + jobs * share - 1}, ${jobs} processes, ${minutes.toFixed(1)} minutes`);
  for (const [what, n] of Object.entries(totals)) console.log(`${`${n}`.padStart(12)} ${what}`);
  return Math.max(...codes);
}

/** The last line of a process is its counts; all else is a failure to be shown. */
function take(line, totals) {
  if (!line.startsWith('{')) return console.log(line.trimEnd());
  for (const [what, n] of Object.entries(JSON.parse(line)))
    totals[what] = Array.isArray(n) ? [...(totals[what] ?? []), ...n] : (totals[what] ?? 0) + n;
}

/** Hands on whole lines. Resolves to the exit code; ends with us. */
function run(bundle, options, tell) {
  const child = spawn(process.execPath, [bundle, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) tell(`${line}\n`);
  });
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}
