/** `npm run sim:coverage`: see --help. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { branchesOf } from './branches.mjs';
import { bundleAll } from './bundle.mjs';
import { readOptions, refuse, wholeOf } from './options.mjs';
import { mcuProgram } from './serial/start.mjs';
import { UNREACHED } from './unreached.mjs';

const HELP = `How much of the product the worlds reach by themselves, branch by branch, and why the rest is not reached (unreached.mjs).

  npm run sim:coverage -- [--seed N] [--count N] [--gaps TEXT]

  --seed N     the first seed of each kind of world (1)
  --count N    worlds of boards and service, as many of the serial line, and of bridges, beside the named scenarios (150)
  --gaps TEXT  shows what is not reached in the files whose path contains TEXT, listed or not (runtime/mqtt; all)

The list is right for the numbers as they are preset: the same worlds reach the same each time. It takes about two minutes, and gcc.

Exit code 0: enough is reached; 1: less than the goal, or a branch that is not reached and not listed, or listed and reached; 2: wrong
arguments.
`;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** The runtime, and the rules of the service: all that decides about jobs, apart from wires, store, registry and HTTP. */
const WATCHED = ['runtime', 'targets/service/jobs'];
/** Of all branches. */
const GOAL = 0.95;

const faults = [];
const { gaps, ...options } = readOptions(HELP);
const seed = wholeOf(options, 'seed', 1);
const count = wholeOf(options, 'count', 150);
const watched = WATCHED.flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true })
    .filter((file) => /(?<!\.d)\.ts$/.test(file))
    .map((file) => `${folder}/${file}`),
);
const bundle = await bundleAll(path.join(root, 'dist/sim/covered.mjs'), 'test/sim/covered.ts', watched);
const text = readFileSync(bundle, 'utf8');
const files = filesIn(text).filter(({ file }) => watched.includes(file));
const compiler = spawnSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' });
if (compiler.status !== 0) refuse("the microcontroller's library is taken as it is compiled: apt-get install gcc");
const mcu = mcuProgram();
const runs = await Promise.all([
  run('boards', seed, count),
  run('serial', seed, count, mcu).then(async (timesAt) => [timesAt, await run('bridges', seed, count, mcu)]),
]).then((some) => some.flat());

const sum = { reached: 0, all: 0 };
for (const { file, from, to } of files.sort((a, b) => (a.file < b.file ? -1 : 1))) {
  const branches = branchesOf(text.slice(from, to));
  if (branches.length === 0) continue;
  const missed = branches.filter(({ at, since }) => !runs.some((timesAt) => isTaken(timesAt, from, at, since)));
  sum.all += branches.length;
  sum.reached += branches.length - missed.length;
  console.log(`${file.padEnd(50)} ${percent(branches.length - missed.length, branches.length)}`);
  compare(file, branches, missed);
}
for (const file of Object.keys(UNREACHED))
  if (!files.some((one) => one.file === file)) faults.push(`${file} is listed in unreached.mjs, and is not there`);
const last = seed + count - 1;
console.log(
  `worlds of boards, of the serial line and of bridges: seeds ${seed} to ${last} each, and all scenarios; Node ${process.version}, gcc ${compiler.stdout.trim()}`,
);
console.log(`${'all'.padEnd(50)} ${percent(sum.reached, sum.all)}`);
if (sum.reached < GOAL * sum.all) faults.push(`fewer branches are reached than ${100 * GOAL} %`);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

function compare(file, branches, missed) {
  const listed = new Map();
  for (const [why, names] of Object.entries(UNREACHED[file] ?? {})) for (const name of names) listed.set(name, why);
  const isShown = gaps !== undefined && (gaps === 'all' || file.includes(gaps));
  for (const { name } of missed) {
    const why = listed.get(name);
    if (why === undefined) faults.push(`${file}: not reached, and not listed in unreached.mjs: ${name}`);
    if (isShown) console.log(`      ${name}${why ? `   (${why})` : ''}`);
  }
  const told = Object.entries(UNREACHED[file] ?? {});
  if (!isShown) for (const [why, names] of told) console.log(`      ${names.length} not: ${why}`);
  for (const name of listed.keys())
    if (!missed.some((one) => one.name === name)) {
      const what = branches.some((one) => one.name === name) ? 'reached' : 'not there';
      faults.push(`${file}: listed in unreached.mjs, and ${what}: ${name}`);
    }
}

function isTaken(timesAt, from, at, since) {
  const times = timesAt(from + at);
  return since === undefined ? times > 0 : timesAt(from + since) > times;
}

/** One bundle's files: where each begins, by the comments that the bundler puts before them. */
function filesIn(text) {
  const marks = [...text.matchAll(/^\/\/ ((?:runtime|targets|test|transports|node_modules)\/\S+|<\w+>)$/gm)];
  return marks.map(({ index, 1: file }, i) => ({ file, from: index, to: marks[i + 1]?.index ?? text.length }));
}

/** Runs worlds of one kind. Resolves to how often the code at an offset of the bundle was run. */
async function run(...args) {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-coverage-'));
  const env = { ...process.env, NODE_V8_COVERAGE: folder };
  const child = spawn(process.execPath, [bundle, ...args.map(String)], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) faults.push(`worlds of ${args[0]} broke a promise`);
  const reports = readdirSync(folder).map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
  rmSync(folder, { recursive: true });
  const scripts = reports.flatMap(({ result }) => result.filter(({ url }) => url.endsWith(path.basename(bundle))));
  return lookUp(scripts.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges)));
}

/** Ranges lie inside one another: the innermost around an offset tells. */
function lookUp(ranges) {
  const sorted = ranges.sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const starts = sorted.map(({ startOffset }) => startOffset);
  const parents = [];
  const around = [];
  for (const [i, { startOffset, endOffset }] of sorted.entries()) {
    while (around.length > 0 && sorted[around.at(-1)].endOffset < endOffset) around.pop();
    while (around.length > 0 && sorted[around.at(-1)].endOffset <= startOffset) around.pop();
    parents.push(around.at(-1) ?? -1);
    around.push(i);
  }
  return (offset) => {
    let low = 0;
    for (let high = starts.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    let at = low - 1;
    while (at >= 0 && sorted[at].endOffset <= offset) at = parents[at];
    return at < 0 ? 0 : sorted[at].count;
  };
}

function percent(reached, all) {
  return `${((100 * reached) / all).toFixed(1).padStart(5)} % of ${all} branches`;
}
