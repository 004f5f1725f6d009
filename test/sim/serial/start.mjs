/** `npm run sim:serial`: see --help. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSim } from '../bundle.mjs';
import { readOptions, wholeOf } from '../options.mjs';

const HELP = `Worlds of one serial line: compiles the microcontroller's library, bundles the host's half, and runs them.

  npm run sim:serial -- [--seed N] [--count N] [--story LINES]

  --seed N       the first seed (default: fresh)
  --count N      how many worlds, one seed after another (1)
  --story LINES  how much of what happened is printed when a promise is broken (60)

Exit code 0: no promise was broken; 1: one was, and its seed is told; 2: wrong arguments.
`;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const SOURCES = ['link', 'cbor', 'pull', 'verify', 'jobs'].map((part) => `targets/mcu/src/${part}.c`);
const FLAGS = ['-std=c99', '-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

/**
 * The library and mcu.c as a program in `folder`, compiled with the sanitizers.
 *
 * @param mistake  planted into the source that it names, as in bundle.mjs
 */
export function compileMcu(folder, mistake) {
  const sources = SOURCES.map((source) => {
    if (mistake?.file !== source) return path.join(root, source);
    const pieces = readFileSync(path.join(root, source), 'utf8').split(mistake.find);
    if (pieces.length !== 2)
      throw new Error(`${mistake.name}: found ${pieces.length - 1} times in ${source}: expected once`);
    const planted = path.join(folder, path.basename(source));
    writeFileSync(planted, pieces.join(mistake.replace));
    return planted;
  });
  const program = path.join(folder, 'mcu');
  // A source with a mistake in it lies elsewhere than its headers.
  const include = ['include', 'src'].map((name) => `-I${path.join(root, 'targets/mcu', name)}`);
  const mcu = path.join(root, 'test/sim/serial/mcu.c');
  const { status, stderr } = spawnSync('gcc', [...FLAGS, ...include, mcu, ...sources, '-o', program], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`gcc: ${stderr ?? 'it is not here: apt-get install gcc'}`);
  return program;
}

let made;

/** The program without a mistake, made once in a process and removed with it. */
export function mcuProgram() {
  if (made === undefined) {
    const folder = mkdtempSync(path.join(tmpdir(), 'errand-sim-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    made = compileMcu(folder);
  }
  return made;
}

/** Runs worlds from `seed` on until one breaks a promise. Resolves to the exit code and what was printed. */
export async function runSerial({ seed, count, story = 0 }, mistake) {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-sim-'));
  try {
    mkdirSync(path.join(root, 'dist/sim'), { recursive: true });
    const program = mistake?.file.endsWith('.c') ? compileMcu(folder, mistake) : mcuProgram();
    // Beside the packages, so that what is left out of the bundle is found.
    const outfile = path.join(root, `dist/sim/serial${mistake ? `-${mistake.name.replace(/\W+/g, '-')}` : ''}.mjs`);
    const inHost = mistake?.file.endsWith('.ts') ? mistake : undefined;
    const bundle = await bundleSim(outfile, inHost, 'test/sim/serial/main.ts');
    const child = spawn(process.execPath, [bundle, program, `${seed}`, `${count}`, `${story}`], {
      stdio: ['ignore', 'pipe', mistake ? 'ignore' : 'inherit'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { code, stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = readOptions(HELP);
  const { code, stdout } = await runSerial({
    seed: wholeOf(options, 'seed', Date.now() >>> 0),
    count: wholeOf(options, 'count', 1),
    story: wholeOf(options, 'story', 60),
  });
  process.stdout.write(stdout);
  process.exitCode = code;
}
