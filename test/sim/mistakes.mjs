/** `npm run sim:mistakes`: see --help. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBridges } from './bridges/start.mjs';
import { bundleSim } from './bundle.mjs';
import { readOptions, refuse, wholeOf } from './options.mjs';
import { DEVICE_CORE, RECORD } from './planted/device.mjs';
import { DOWNLOADS } from './planted/downloads.mjs';
import { BRIDGE, C_LIBRARY, SERIAL_LINK } from './planted/serial.mjs';
import { NOTIFICATIONS, ROLL_OUT, RULES, STORE, TIMERS } from './planted/service.mjs';
import { GATEWAY_OF_THE_SERVICE, HTTPS_WAY, MQTT_ON_THE_DEVICE, PROVISIONING } from './planted/wires.mjs';
import { runSerial } from './serial/start.mjs';

const HELP = `Plants mistakes into the product, one at a time, and runs worlds until one of them notices.

  npm run sim:mistakes -- [--seeds N] [--only TEXT] [--jobs N] [--format F]

  --seeds N    at most, for each (1500)
  --only TEXT  mistakes whose name contains it, or whose part is called so
  --jobs N     how many at a time (1)
  --format F   text (the default): a line for each as soon as it is known; markdown: a table at the end, those lines on the error output

A world that breaks a promise without the mistake too does not count, and is told.

Exit code 0: each was noticed; 1: one got away or no longer fits the code, or the product is broken without any; 2: wrong arguments;
130: stopped by Ctrl-C, which shows what is known so far.
`;

const FORMATS = ['text', 'markdown'];
const EXIT_STOPPED = 130;
/** What a check says may name every job that it found. */
const CELL_CHARS_MAX = 160;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const folder = path.join(root, 'dist/sim');

/**
 * Each is what somebody could write on a tired day: `find` stands once in `file` and is replaced. `world` says which worlds look for it;
 * undefined: those of boards and service.
 */
export const MISTAKES = [
  { part: 'device core', mistakes: DEVICE_CORE },
  { part: 'record', mistakes: RECORD },
  { part: 'downloads', world: 'downloads', mistakes: DOWNLOADS },
  { part: 'HTTPS way', mistakes: HTTPS_WAY },
  { part: 'MQTT on the device', mistakes: MQTT_ON_THE_DEVICE },
  { part: 'gateway', mistakes: GATEWAY_OF_THE_SERVICE },
  { part: 'provisioning', world: 'scenarios', plays: 'another certificate', mistakes: PROVISIONING },
  { part: 'rules', mistakes: RULES },
  { part: 'timers', mistakes: TIMERS },
  { part: 'roll-out', mistakes: ROLL_OUT },
  { part: 'notifications', mistakes: NOTIFICATIONS },
  { part: 'store', mistakes: STORE },
  { part: 'serial link', world: 'serial', mistakes: SERIAL_LINK },
  { part: 'C library', world: 'serial', mistakes: C_LIBRARY },
  { part: 'bridge', world: 'bridges', mistakes: BRIDGE },
].flatMap(({ mistakes, ...shared }) => mistakes.map((mistake) => ({ ...shared, ...mistake })));

/**
 * Runs worlds with one mistake in them, or plays all scenarios. Resolves to the count of seeds until it was noticed and by which promise, or
 * to undefined; rejects when the mistake no longer fits the code, or its worlds cannot be run at all. A world that breaks a promise by
 * itself (`faultyAnyway`) has noticed nothing.
 */
export async function seedsUntilCaught(mistake, seeds, firstSeed = 1) {
  for (let from = firstSeed; from < firstSeed + seeds; ) {
    const found = await run(mistake, from, firstSeed + seeds - from, mistake);
    if (found === undefined) return undefined;
    const seed = from + found.worlds - 1;
    if (!(await isFaultyAnyway(mistake, seed))) return { ...found, worlds: seed - firstSeed + 1 };
    if (!isOfSeeds(mistake)) return undefined;
    from = seed + 1;
  }
  return undefined;
}

/** Scenarios are played all, in one go. */
const isOfSeeds = ({ world }) => world !== 'scenarios';

/** @param mistake  undefined: the product as it is */
async function run({ world, plays }, seed, count, mistake) {
  const { code, stdout } = await runWorlds();
  const { worlds = 1, broken } = readCounts(mistake, code, stdout);
  const [, why, scenario] = /^(?:seed [\d?]+: (.*)|(scenario '.*': .*))$/m.exec(stdout) ?? [];
  return code === 1 && broken !== undefined ? { worlds, why: why ?? scenario } : undefined;

  async function runWorlds() {
    if (world === 'serial') return runSerial({ seed, count }, mistake);
    if (world === 'bridges') return runBridges({ seed, count }, mistake);
    if (world === 'scenarios') return playScenarios(plays ?? '', mistake);
    const clean = path.join(folder, `clean-${world ?? 'boards'}.mjs`);
    const entry = world === 'downloads' ? 'test/sim/downloads/main.ts' : undefined;
    const bundle = await bundleSim(mistake ? outfileOf(mistake) : clean, mistake, entry);
    return runBundle(bundle, ['--seed', `${seed}`, '--count', `${count}`, '--story', '0']);
  }
}

/** Worlds that break a promise without any mistake, as people read them. */
export const faultyAnyway = new Set();
const known = new Map();
let last = Promise.resolve();

/** One at a time: they share a bundle. */
function isFaultyAnyway({ world, plays }, seed) {
  const name = isOfSeeds({ world })
    ? `seed ${seed} of the ${world ?? 'boards'}`
    : plays
      ? `the scenarios of ${plays}`
      : 'the scenarios';
  if (!known.has(name))
    known.set(name, (last = last.then(async () => (await run({ world, plays }, seed, 1)) !== undefined)));
  return known.get(name).then((isFaulty) => {
    if (isFaulty) faultyAnyway.add(name);
    return isFaulty;
  });
}

/** The last line says what was done. */
function readCounts(mistake, code, stdout) {
  const end = stdout.trim().split('\n').at(-1);
  if (end.startsWith('{')) return JSON.parse(end);
  throw new Error(`${mistake?.name ?? 'no mistake'}: its worlds ended with ${code}, and did not say what they did`);
}

const outfileOf = (mistake, before = '') => path.join(folder, `${before}${mistake.name.replace(/\W+/g, '-')}.mjs`);

async function runBundle(bundle, args) {
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    stdout += part;
  });
  return { code: await new Promise((resolve) => child.on('close', resolve)), stdout };
}

/** Plays scenarios whose name contains `text`, with a mistake in the product or none. Resolves to the exit code and what was printed. */
export async function playScenarios(text, mistake) {
  const outfile = mistake ? outfileOf(mistake, 'scenarios-') : path.join(folder, 'scenarios.mjs');
  return runBundle(await bundleSim(outfile, mistake, 'test/sim/scenarios/main.ts'), [text]);
}

/** Sentences about mistakes that no longer fit the code; looked at before anything is run. */
export async function misfits() {
  const faults = [];
  for (const { name, file, find } of MISTAKES) {
    const text = await readFile(path.join(root, file), 'utf8').catch(() => '');
    const times = text.split(find).length - 1;
    if (times !== 1) faults.push(`${name}: its text stands ${times} times in ${file}: expected once`);
  }
  return faults;
}

/** Runs all of them, `jobs` at a time, and says what came of each as soon as it is known. Ends early when `stop` is set. */
async function runAll(chosen, { seeds, jobs, tell }, stop) {
  const left = [...chosen];
  const rows = [];
  const work = async () => {
    for (let mistake = left.shift(); mistake !== undefined && !stop.isSet; mistake = left.shift()) {
      const began = performance.now();
      const found = await seedsUntilCaught(mistake, seeds).catch((error) => {
        if (!stop.isSet) throw error;
      });
      if (stop.isSet) return;
      const row = { mistake, found, seconds: Math.round((performance.now() - began) / 1_000) };
      rows.push(row);
      tell(row);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return rows;
}

function lineOf({ mistake, found }, seeds) {
  const needed = isOfSeeds(mistake) ? `${found?.worlds}`.padStart(4).concat(' seeds  ') : '  scenario  ';
  return `${mistake.name.padEnd(80)} ${found ? `${needed} ${found.why}` : `NOT CAUGHT${isOfSeeds(mistake) ? ` in ${seeds} seeds` : ''}`}`;
}

/** In the order of the list, by part. */
function markdownOf(rows, seeds) {
  const order = (row) => MISTAKES.indexOf(row.mistake);
  const cell = (text = '') =>
    (text.length > CELL_CHARS_MAX ? `${text.slice(0, CELL_CHARS_MAX)} ...` : text).replaceAll('|', '\\|');
  return [
    '| part | mistake | seeds | noticed by | s |',
    '| --- | --- | ---: | --- | ---: |',
    ...rows
      .toSorted((a, b) => order(a) - order(b))
      .map(({ mistake, found, seconds }) => {
        const most = found ? found.worlds : `> ${seeds}`;
        const why = found ? cell(found.why) : '**not noticed**';
        return `| ${mistake.part} | ${mistake.name} | ${isOfSeeds(mistake) ? most : ''} | ${why} | ${seconds} |`;
      }),
  ].join('\n');
}

/** What it all comes to, in one line. */
function summaryOf(rows, minutes) {
  const noticed = rows.filter(({ found }) => found);
  const [most] = noticed
    .filter(({ mistake }) => isOfSeeds(mistake))
    .toSorted((a, b) => b.found.worlds - a.found.worlds);
  const first = `${noticed.length} of ${rows.length} mistakes were noticed, in ${minutes.toFixed(1)} minutes`;
  return most ? `${first}; most seeds, ${most.found.worlds}, were needed for: ${most.mistake.name}.` : `${first}.`;
}

async function main() {
  const { only = '', format = 'text', ...options } = readOptions(HELP);
  const [seeds, jobs] = [wholeOf(options, 'seeds', 1500), wholeOf(options, 'jobs', 1)];
  if (!FORMATS.includes(format)) refuse(`--format ${format}: expected ${FORMATS.join(' or ')}`);
  const chosen = MISTAKES.filter(({ name, part }) => name.includes(only) || part === only);
  if (chosen.length === 0) refuse(`--only ${only}: no mistake has it in its name, and no part is called so`);
  const faults = await misfits();
  if (faults.length > 0) {
    console.error(faults.join('\n'));
    process.exit(1);
  }
  const stop = { isSet: false };
  // Worlds are in our process group, and end by the same signal.
  process.on('SIGINT', () => (stop.isSet ? process.exit(EXIT_STOPPED) : (stop.isSet = true)));
  const began = performance.now();
  const say = format === 'text' ? console.log : console.error;
  const rows = await runAll(chosen, { seeds, jobs, tell: (row) => say(lineOf(row, seeds)) }, stop);
  if (format === 'markdown') console.log(markdownOf(rows, seeds));
  console.log(`\n${summaryOf(rows, (performance.now() - began) / 60_000)}`);
  if (faultyAnyway.size > 0)
    console.log(`Broken without any mistake, and not counted: ${[...faultyAnyway].join(', ')}.`);
  if (rows.length < chosen.length) console.log(`Stopped before ${chosen.length - rows.length} others.`);
  const isWell = rows.every(({ found }) => found) && faultyAnyway.size === 0;
  process.exitCode = stop.isSet ? EXIT_STOPPED : isWell ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
