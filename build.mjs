/**
 * Builds what people deploy, one file each, and says how large it is.
 *
 *   node build.mjs                                    every file in dist/
 *   node build.mjs --check                            the same, after type-check, lint and format
 *   node build.mjs --help                             what else there is, and the parts of the agent
 *
 * `runtime/` is built by itself first, for no platform at all: an import that reaches outside it fails the build.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ARCHITECTURES, bridgeOptions } from './targets/bridge/bundle.mjs';
import { agentOptions, finishAgent } from './targets/sbc/bundle.mjs';
import { compileHandlers } from './targets/sbc/custom/compile.mjs';
import { ALL_PARTS, chooseParts, PARTS } from './targets/sbc/partList.mjs';

const root = path.dirname(fileURLToPath(import.meta.url));

const VERSION = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version;

/** The most bytes that the agent may have: it is sent to every device. A larger one fails the build. */
const AGENT_BUDGET = { plain: 40_960, gzipped: 14_336 };
/** What it is to come to with everything in: said beside its size while it is larger. */
const FULL_GOAL = { plain: 65_536, gzipped: 20_480 };

/** Files of handlers of one's own, for the agent's file. */
const HANDLERS = valuesOf('--handlers');

const TARGETS = {
  'errand-agent.cjs': agent(chosenParts()),
  'errand-agent-full.cjs': agent(ALL_PARTS),
  'errand-bridge.cjs': bridgeOptions(optionValue('--arch', ARCHITECTURES)),
  'errand.mjs': {
    entryPoints: ['targets/errand/main.ts'],
    format: 'esm',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: true,
    // Their modules instead of bundles for old loaders: what is not used stays out.
    mainFields: ['module', 'main'],
    // The native store stays in node_modules, and the client of an S3 endpoint, which few load; everything else is inside,
    // for a start in milliseconds. What pg would only use where it is there is not.
    // Fastify's compilers of schemas stay out too: http/listener.ts never asks for them.
    external: ['better-sqlite3', '@aws-sdk/*', 'pg-native', 'pg-cloudflare', '@fastify/*-compiler'],
    // What mqtt-packet gets is what Node has; the copy of it for browsers takes 126 KB.
    alias: { 'readable-stream': 'node:stream' },
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as errandRequire } from 'node:module'; const require = errandRequire(import.meta.url);",
    },
  },
};

const NAMES = Object.keys(TARGETS);

function agent(chosen) {
  // Handlers are told of their step by the part guards.
  const parts = HANDLERS.length === 0 ? chosen : [...new Set(['guards', ...chosen, 'custom'])];
  const own = parts.length === 0 ? { budget: AGENT_BUDGET } : { goal: FULL_GOAL };
  // How large one's own handlers are is one's own affair.
  const size = HANDLERS.length === 0 ? own : {};
  return { ...agentOptions(VERSION, parts), finish: (code) => finishWithHandlers(code, parts), ...size };
}

async function finishWithHandlers(code, parts) {
  if (HANDLERS.length === 0) return finishAgent(code);
  const { names, wrap } = await compileHandlers(HANDLERS, parts);
  console.error(`handlers of your own: ${names.join(', ')}`);
  return wrap(await finishAgent(code));
}

/** None unless some are asked for; undefined words end the build. */
function chosenParts() {
  const hows = ['--with', '--without'].filter((how) => process.argv.includes(how));
  if (hows.length === 0) return [];
  try {
    if (hows.length > 1) throw new Error('--with and --without are both given: expected one of them');
    const given = process.argv[process.argv.indexOf(hows[0]) + 1] ?? '--';
    if (given.startsWith('--')) throw new Error(`${hows[0]}: expected ${ALL_PARTS.join(', ')} behind it`);
    const parts = chooseParts(hows[0], given);
    if (HANDLERS.length > 0 && hows[0] === '--without' && !parts.includes('guards'))
      throw new Error(`--without ${process.argv[process.argv.indexOf('--without') + 1]}: --handlers need part guards`);
    return parts;
  } catch (error) {
    console.error(`errand: ${error.message}`);
    process.exit(2);
  }
}

function help() {
  const parts = Object.entries(PARTS).map(([name, { what, needs }]) => {
    return `  ${name.padEnd(14)}${what}${needs ? ` (needs ${needs.join(', ')})` : ''}\n`;
  });
  return `node build.mjs [--check] [--target TARGET] builds into dist/, and says how large each file is

  --check            type-check, lint and format first
  --target TARGET    one alone: ${NAMES.map(targetOf).join(', ')}; sbc: both files of the agent
  --arch ARCH        the bridge with the native code of another machine: ${ARCHITECTURES.join(', ')}
  --without PARTS    dist/errand-agent.cjs with all parts but these, with commas between them
  --with PARTS       dist/errand-agent.cjs with these parts only; it has none when neither is given
  --handlers FILE    dist/errand-agent.cjs with the handlers that this TypeScript defines, and with part guards; several times
                     for several files; --target agent-full: with every part
  --sizes            builds nothing, and prints what each part adds to the agent, and its largest sources (half a minute)
  --out FILE         where the one file that is built goes, instead of dist/

errand-agent.cjs is the lean agent, errand-agent-full.cjs has every part:

${parts.join('')}`;
}

/** Installs the packages that package-lock.json names, when they are not there yet or are others. */
export function ensureInstalled() {
  const stamp = path.join(root, 'node_modules', '.package-lock.json');
  const lock = path.join(root, 'package-lock.json');
  if (existsSync(stamp) && samePackages(stamp, lock)) return;
  const modules = path.join(root, 'node_modules');
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    console.error(
      `errand: ${modules} is a link and holds other packages than package-lock.json: install them where it leads`,
    );
    process.exit(1);
  }
  console.error(
    'installing packages (npm ci; the native store is compiled where no prebuilt one is found: 1 to 3 minutes)',
  );
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

function samePackages(stamp, lock) {
  const versions = (file) =>
    Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages ?? {})
      .filter(([name, entry]) => name !== '' && !entry.optional)
      .map(([name, entry]) => `${name}@${entry.version}`)
      .sort()
      .join('\n');
  return versions(stamp) === versions(lock);
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    console.error(`errand: ${program} ${args.join(' ')} failed: ${error?.message ?? `exit code ${status}`}`);
    process.exit(1);
  }
}

/** Every file of runtime/, bundled for no platform: fails on `node:` and on a path that leaves the folder. */
async function buildRuntime(esbuild) {
  const files = readdirSync(path.join(root, 'runtime'), { recursive: true })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => path.join('runtime', file));
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: files,
    bundle: true,
    platform: 'neutral',
    format: 'esm',
    write: false,
    outdir: 'dist/runtime',
    metafile: true,
    logLevel: 'error',
  });
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    for (const { path: target, original } of imports) {
      if (!target.startsWith('runtime/'))
        throw new Error(`${file} imports ${original}: runtime/ imports nothing outside itself`);
    }
  }
  return files.length;
}

/** Whoever runs the file meanwhile finds the old one or the new one, whole. */
function replaceFile(file, bytes) {
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, bytes);
  renameSync(temporary, file);
}

async function buildTarget(esbuild, name, { finish = (code) => code, budget = {}, goal = {}, ...options }) {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    charset: 'utf8',
    logLevel: 'error',
    outfile: path.join('dist', name),
    define: { ERRAND_VERSION: JSON.stringify(VERSION) },
    write: false,
    ...options,
  });
  const bytes = Buffer.from(await finish(outputFiles[0].text));
  const [out = path.join(root, 'dist', name)] = valuesOf('--out');
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`--out ${out} is a folder: expected the name of a file`);
  mkdirSync(path.dirname(out), { recursive: true });
  replaceFile(out, bytes);
  const sizes = { plain: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
  const kilo = (size) => `${(size / 1024).toFixed(1)} KB`.padStart(9);
  const shown = valuesOf('--out').at(0) ?? `dist/${name}`;
  console.error(`${shown.padEnd(26)} ${kilo(sizes.plain)}   ${kilo(sizes.gzipped)} gzipped`);
  for (const [kind, most] of Object.entries(goal))
    if (sizes[kind] > most)
      console.error(`  ${sizes[kind] - most} bytes ${kind} above the goal of ${most} for every part`);
  for (const [kind, most] of Object.entries(budget)) {
    if (sizes[kind] > most)
      throw new Error(
        `dist/${name} has ${sizes[kind]} bytes ${kind}, at most ${most} are allowed: something that was added to ` +
          `${path.dirname(options.entryPoints[0])}, transports or runtime since it last fitted has to become smaller`,
      );
  }
}

/** Builds every target. Resolves when all are written; rejects with the first reason. */
export async function build() {
  const esbuild = await import('esbuild');
  const count = await buildRuntime(esbuild);
  console.error(`runtime/: ${count} files, none reaches outside`);
  const wanted = optionValue('--target', [...NAMES.map(targetOf), 'sbc']);
  const names = NAMES.filter((name) => isWanted(wanted, name));
  if (valuesOf('--out').length > 0 && names.length !== 1)
    throw new Error(`--out names one file, but these are to be built: ${names.join(', ')}; --target says which`);
  if (HANDLERS.length > 0 && !names.every((name) => name.startsWith('errand-agent')))
    throw new Error(`--handlers are for the agent: expected --target sbc, agent or agent-full, found ${wanted}`);
  for (const name of names) await buildTarget(esbuild, name, TARGETS[name]);
}

/** With a choice of parts or handlers, `sbc` is the file of that choice alone; handlers are for no other. */
function isWanted(given, name) {
  const chosen = ['--with', '--without', '--handlers'].some((how) => process.argv.includes(how));
  const wanted = given ?? (HANDLERS.length > 0 ? 'sbc' : undefined);
  if (wanted === 'sbc') return name === 'errand-agent.cjs' || (name === 'errand-agent-full.cjs' && !chosen);
  return wanted === undefined || targetOf(name) === wanted;
}

/** `bridge` of `errand-bridge.cjs`. */
function targetOf(name) {
  return name.replace(/\..*/, '').replace(/^errand-/, '');
}

/** What is behind each `name`, in its order. */
function valuesOf(name) {
  const values = process.argv.filter((_, i) => process.argv[i - 1] === name);
  const count = process.argv.filter((word) => word === name).length;
  if (values.length === count && values.every((value) => !value.startsWith('--'))) return values;
  console.error(`errand: ${name}: expected a file behind it`);
  process.exit(2);
}

function optionValue(name, values) {
  const at = process.argv.indexOf(name);
  if (at < 0) return undefined;
  const value = process.argv[at + 1];
  if (values.includes(value)) return value;
  console.error(`errand: ${name} '${value ?? ''}': expected ${values.join(', ')}`);
  process.exit(2);
}

/** A word that is passed over where it is mistyped builds something else than was asked for. */
function strayWord(words) {
  const switches = ['--check', '--help', '--sizes'];
  const valued = ['--target', '--arch', '--with', '--without', '--handlers', '--out'];
  return words.find((word, i) => ![...switches, ...valued].includes(word) && !valued.includes(words[i - 1]));
}

function check() {
  const tool = (file, ...args) => run(process.execPath, [path.join(root, 'node_modules', file), ...args]);
  tool('typescript/bin/tsc', '-p', 'tsconfig.json');
  tool('typescript/bin/tsc', '-p', 'runtime/tsconfig.json');
  tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.');
}

/** @throws Error when a short name of the agent's bundle would be seen outside of it: tests of sources do not notice */
async function checkPrivateNames() {
  const { agentSources, privateFaults } = await import('./targets/sbc/privateTypes.mjs');
  const faults = privateFaults(path.join(root, 'tsconfig.json'), await agentSources(root));
  if (faults.length > 0) throw new Error(`names in targets/sbc/private.mjs:\n${faults.join('\n')}`);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const stray = strayWord(process.argv.slice(2));
  if (stray !== undefined) {
    console.error(`errand: unknown ${stray}: node build.mjs --help says what there is`);
    process.exit(2);
  }
  if (process.argv.includes('--help')) {
    process.stdout.write(help());
    process.exit(0);
  }
  ensureInstalled();
  if (process.argv.includes('--sizes')) {
    const { sizesOfAgent } = await import('./targets/sbc/sizes.mjs');
    process.stdout.write(await sizesOfAgent(root));
    process.exit(0);
  }
  if (process.argv.includes('--check')) check();
  try {
    if (process.argv.includes('--check')) await checkPrivateNames();
    await build();
  } catch (error) {
    console.error(`errand: build failed: ${error.message}`);
    process.exit(1);
  }
}
