/**
 * How much of the product the worlds reach by themselves: by file, as V8 counts blocks, and where nothing has been.
 *
 *   npm run sim:coverage -- [--count N] [--gaps 1]     N worlds of boards and service, N of the serial line (default 200)
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleSim } from './bundle.mjs';
import { compileMcu } from './serial/start.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** The runtime, and the rules of the service. */
const WATCHED = /^(runtime|targets\/service\/jobs)\//;

/** One bundle's files: where each begins, by the comments that the bundler puts before them. */
function filesIn(text) {
  const marks = [...text.matchAll(/^\/\/ ((?:runtime|targets|test|transports|node_modules)\/\S+)$/gm)];
  return marks.map(({ index, 1: file }, i) => ({ file, from: index, to: marks[i + 1]?.index ?? text.length }));
}

/** Innermost counts of all blocks of one run, file by file. */
function readRun(folder, bundle, files) {
  const text = readFileSync(bundle, 'utf8');
  const places = filesIn(text);
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
    const script = result.find(({ url }) => url.endsWith(path.basename(bundle)));
    for (const { functionName, ranges } of script?.functions ?? [])
      for (const { startOffset, endOffset, count } of ranges) {
        const place = places.find(({ from, to }) => from <= startOffset && endOffset <= to);
        if (place === undefined || !WATCHED.test(place.file)) continue;
        const seen = files.get(place.file) ?? new Map();
        files.set(place.file, seen);
        // A block is known by its text, so that the runs of two bundles add up.
        const block = text.slice(startOffset, endOffset);
        const key = `${functionName} ${startOffset - place.from} ${block}`;
        seen.set(key, (seen.get(key) ?? 0) + count);
      }
  }
}

function run(bundle, args) {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-coverage-'));
  const { status, stdout } = spawnSync(process.execPath, [bundle, ...args], {
    env: { ...process.env, NODE_V8_COVERAGE: folder },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) console.log(stdout);
  return folder;
}

const { values } = parseArgs({ options: { count: { type: 'string' }, gaps: { type: 'string' } } });
const count = values.count ?? '200';
const files = new Map();
const made = mkdtempSync(path.join(tmpdir(), 'errand-mcu-'));
const runs = [
  [await bundleSim(path.join(root, 'dist/sim/covered.mjs')), ['--seed', '1', '--count', count, '--story', '0']],
  [
    await bundleSim(path.join(root, 'dist/sim/covered-serial.mjs'), undefined, 'test/sim/serial/main.ts'),
    [compileMcu(made), '1', count, '0'],
  ],
];
for (const [bundle, args] of runs) {
  const folder = run(bundle, args);
  readRun(folder, bundle, files);
  rmSync(folder, { recursive: true });
}
rmSync(made, { recursive: true });

const sum = { covered: 0, all: 0 };
for (const [file, blocks] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const missed = [...blocks].filter(([, times]) => times === 0).map(([key]) => key);
  sum.all += blocks.size;
  sum.covered += blocks.size - missed.length;
  console.log(`${file.padEnd(48)} ${percent(blocks.size - missed.length, blocks.size)} of ${blocks.size} blocks`);
  if (values.gaps) for (const key of missed) console.log(`      ${key.replace(/\s+/g, ' ').slice(0, 110)}`);
}
console.log(
  `${'all'.padEnd(48)} ${percent(sum.covered, sum.all)} of ${sum.all} blocks, in ${count} worlds of each kind`,
);

function percent(covered, all) {
  return `${((100 * covered) / all).toFixed(1).padStart(5)} %`;
}
