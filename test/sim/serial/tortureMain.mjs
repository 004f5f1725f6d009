/** `npm run torture:serial`: see --help. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSim } from '../bundle.mjs';
import { readOptions, refuse, wholeOf } from '../options.mjs';
import { mcuProgram } from './start.mjs';

const HELP = `Every kind of noise on a serial line, with the compiled library of the microcontroller at one end and the host's link
and tasks at the other, and what came of it as a table.

  npm run torture:serial -- [--frames N] [--jobs N] [--seed N] [--kind NAME]
  npm run torture:serial -- --kind NAME --seed N --story LINES

  --frames N     of all kinds together (1000000)
  --jobs N       how many processes share them (1)
  --seed N       the first seed (default: fresh)
  --kind NAME    one row of the table alone
  --story LINES  the last lines of what happened in the one world of that seed

Exit code 0: no promise was broken; 1: one was, and the command that shows it is told; 2: wrong arguments.
`;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
/** What is counted, and its column. */
const COLUMNS = [
  ['frames', 'frames'],
  ['bytes of noise', 'bytes of noise'],
  ['lies', 'lies'],
  ['commands run', 'commands'],
  ['images started', 'images'],
  ['times the noise ended', 'usable next frame'],
];

/**
 * @param kinds     places in NOISES; all of them when left out
 * @param progress  is told each kind's counts when it has ended
 * @returns         by kind: name, counts, and the seeds that broke a promise with why
 */
export async function tortureSerial({ frames, jobs, seed, kinds, story = 0, progress = () => {} }) {
  mkdirSync(path.join(root, 'dist/sim'), { recursive: true });
  const program = mcuProgram();
  const bundle = await bundleSim(
    path.join(root, 'dist/sim/serial-torture.mjs'),
    undefined,
    'test/sim/serial/torture.ts',
  );
  const names = JSON.parse(await run(bundle, ['names']));
  const waiting = names.map((name, kind) => ({ name, kind })).filter(({ name }) => kinds?.includes(name) ?? true);
  if (waiting.length === 0) throw new Error(`expected one of these kinds: ${names.join('; ')}`);
  const share = Math.ceil(frames / waiting.length);
  const rows = [];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const printed = (await run(bundle, [program, seed, share, next.kind, story])).trim().split('\n');
      const row = { name: next.name, ...JSON.parse(printed.pop()), story: printed };
      rows.push(row);
      progress(row);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return rows;
}

function run(bundle, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bundle, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.on('close', () => resolve(stdout));
  });
}

/** One line of the table; `heading` without a row. */
export function line(row) {
  const cells = COLUMNS.map(([what, title]) =>
    (row ? (row.counts[what] ?? 0).toLocaleString('en-US') : title).padStart(title.length + 5),
  );
  return `${(row?.name ?? 'kind of noise').padEnd(42)}${cells.join('')}${(row ? `${row.broken.length}` : 'broken').padStart(9)}`;
}

function total(rows) {
  const counts = {};
  for (const row of rows) for (const [what, n] of Object.entries(row.counts)) counts[what] = (counts[what] ?? 0) + n;
  return { name: 'together', counts, broken: rows.flatMap(({ broken }) => broken) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = readOptions(HELP);
  const seed = wholeOf(options, 'seed', Date.now() >>> 0);
  const story = wholeOf(options, 'story', 0);
  const frames = wholeOf(options, 'frames', 1_000_000);
  const jobs = wholeOf(options, 'jobs', 1);
  console.log(`from seed ${seed} on\n${line()}`);
  const began = performance.now();
  const kinds = options.kind === undefined ? undefined : [options.kind];
  const progress = (row) => {
    console.log([...row.story, line(row)].join('\n'));
    for (const { seed, why } of row.broken)
      console.log(
        `    seed ${seed}: ${why}\n    npm run torture:serial -- --kind '${row.name}' --seed ${seed} --story 60`,
      );
  };
  const rows = await tortureSerial({ frames, jobs, seed, kinds, story, progress }).catch((error) =>
    refuse(error.message),
  );
  console.log(`${line(total(rows))}\n${Math.round((performance.now() - began) / 1000)} s`);
  process.exitCode = rows.some(({ broken }) => broken.length > 0) ? 1 : 0;
}
