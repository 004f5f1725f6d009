/** How handlers of one's own come into the agent's file: `node build.mjs --target sbc --handlers ./mine.ts`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../../..');

/** How strict we are with ourselves. */
const OUR_OPTIONS = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8')).compilerOptions;

/** How long the files may take to load. */
const LOAD_MILLIS_MAX = 10_000;

/**
 * Checks files of handlers and compiles them.
 *
 * The types are checked as the tsconfig.json above each file says, or strictly where there is none; then every file is loaded once, here, to
 * see what it defines.
 *
 * @param given  paths, from the current folder on
 * @param parts  of the agent that they are for
 * @returns      `names` of the handlers, and `wrap`: the agent's file, as finishAgent gives it, with them
 * @throws       Error: what is wrong, a line each, with file, line and column where there are such
 */
export async function compileHandlers(given, parts) {
  const files = given.map(findFile);
  const work = mkdtempSync(path.join(tmpdir(), 'errand-handlers-'));
  try {
    checkTypes(files, work);
    const found = await probe(files, given, parts, work);
    const code = await bundle(files, found);
    const table = found.map(({ name, idempotent }) => [name, idempotent]);
    return { names: found.map(({ name }) => name), wrap: (agent) => wrap(agent, table, code) };
  } finally {
    rmSync(work, { recursive: true });
  }
}

function findFile(given) {
  if (!statSync(given, { throwIfNoEntry: false })?.isFile())
    throw new Error(`--handlers ${given}: there is no such file`);
  if (!/\.[cm]?[jt]s$/.test(given)) throw new Error(`--handlers ${given}: expected a .ts or .js file`);
  return realpathSync(given);
}

/** Files of one tsconfig.json are checked together. */
function checkTypes(files, work) {
  const configs = files.map((file) => above(path.dirname(file), 'tsconfig.json')[0]);
  const faults = [...new Set(configs)].map((config, i) => {
    const own = files.filter((_, j) => configs[j] === config);
    return typeFaults(config, own, path.join(work, `tsconfig.${i}.json`));
  });
  if (faults.some((text) => text)) throw new Error(`the types are wrong\n${faults.join('').trimEnd()}`);
}

/** What tsc says of files; nothing when all is well. */
function typeFaults(config, files, made) {
  const { paths = {}, types = [], typeRoots = [] } = (config && shownConfig(config)) || {};
  const absolute = (list) => list.map((entry) => path.resolve(path.dirname(config ?? root), entry));
  const compilerOptions = {
    ...(config ? {} : { ...OUR_OPTIONS, verbatimModuleSyntax: false }),
    rootDir: '/',
    noEmit: true,
    isolatedDeclarations: false,
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    emitDeclarationOnly: false,
    allowImportingTsExtensions: true,
    allowJs: true,
    skipLibCheck: true,
    types: [...new Set([...types, 'node'])],
    typeRoots: [
      ...absolute(typeRoots),
      ...above(path.dirname(files[0]), 'node_modules/@types'),
      path.join(root, 'node_modules/@types'),
    ],
    paths: {
      ...Object.fromEntries(Object.entries(paths).map(([name, list]) => [name, absolute(list)])),
      errand: [path.join(here, 'errand.ts')],
    },
  };
  writeFileSync(made, JSON.stringify({ ...(config && { extends: config }), compilerOptions, files, include: [] }));
  const { status, stdout, stderr, error } = tsc('-p', made, '--pretty', 'false');
  if (error) throw new Error(`the types could not be checked: ${error.message}`);
  return status === 0 ? '' : stdout + stderr;
}

/** Its compiler options with those that it extends; undefined when it cannot be read: tsc then says why. */
function shownConfig(config) {
  try {
    return JSON.parse(tsc('-p', config, '--showConfig').stdout).compilerOptions;
  } catch {
    return undefined;
  }
}

function tsc(...args) {
  return spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), ...args], {
    encoding: 'utf8',
  });
}

/** Every `name` that exists in `folder` and above, the nearest first. */
function above(folder, name) {
  const up = path.dirname(folder);
  const own = path.join(folder, name);
  return [...(existsSync(own) ? [own] : []), ...(up === folder ? [] : above(up, name))];
}

/** Loads the files in a process of its own. @returns what they define, by the order of the files */
async function probe(files, given, parts, work) {
  const ours = (file) => JSON.stringify(path.join(root, 'targets/sbc', file));
  const builtIns = [
    ...(parts.includes('builtins') ? [['BUILT_IN', 'builtins/builtins.ts']] : []),
    ...(parts.includes('downloads') ? [['DOWNLOADERS', 'downloads/handler.ts']] : []),
  ];
  const entry = `import { look } from ${ours('custom/probe.ts')};
${builtIns.map(([name, file]) => `import { ${name} } from ${ours(file)};`).join('\n')}
look([${files.map((file, i) => `[${JSON.stringify(given[i])}, () => require(${JSON.stringify(file)})]`)}],
  [${builtIns.map(([name]) => `...${name}`)}].map(({ name }) => name));`;
  const outfile = path.join(work, 'probe.cjs');
  const text = await esbuilt(entry, path.join(here, 'probe.ts'), {
    outfile,
    sourcemap: 'inline',
    sourcesContent: false,
  });
  writeFileSync(outfile, text);
  const { output, status, signal, error, stderr } = spawnSync(process.execPath, ['--enable-source-maps', outfile], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    timeout: LOAD_MILLIS_MAX,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  });
  if (error?.code === 'ETIMEDOUT')
    throw new Error(`loading ${given.join(', ')} did not end within ${LOAD_MILLIS_MAX / 1_000} s`);
  if (!output?.[3]) {
    const how = error?.message ?? (signal ? `it was killed by ${signal}` : `it ended with ${status}`);
    throw new Error(`loading ${given.join(', ')}: ${how}\n${stderr}`.trimEnd());
  }
  const { handlers, faults } = JSON.parse(output[3]);
  if (faults.length > 0) throw new Error(`the handlers are wrong\n${faults.join('\n')}`);
  return handlers;
}

/** The process of a handler: loads the one file that it is in. Names are kept, so that a trace on stderr can be read. */
function bundle(files, found) {
  const loads = found.map(({ name, file }) => `${JSON.stringify(name)}: () => require(${JSON.stringify(files[file])})`);
  const entry = `import { runHandler } from ${JSON.stringify(path.join(here, 'child.ts'))};
runHandler(process.argv[3], { ${loads} });`;
  return esbuilt(entry, path.join(here, 'errand.ts'), { minifySyntax: true, minifyWhitespace: true });
}

async function esbuilt(contents, errand, options) {
  const { build } = await import('esbuild');
  const resolveErrand = {
    name: 'errand',
    setup: ({ onResolve }) => onResolve({ filter: /^errand$/ }, () => ({ path: errand })),
  };
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, sourcefile: 'handlers' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node18',
    charset: 'utf8',
    legalComments: 'none',
    write: false,
    logLevel: 'silent',
    logOverride: { 'empty-import-meta': 'error' },
    plugins: [resolveErrand],
    ...options,
  });
  return outputFiles[0].text;
}

/**
 * One file of both: begun as `errand-agent handler NAME` it is the process of a handler and nothing of the agent is run; begun in any other
 * way it is the agent, for which nothing of the handlers is. Each is a function of its own, which the other costs no memory but its text.
 */
function wrap(agent, table, code) {
  const [, shebang, body] = /^(#!.*\n)(.*)$/s.exec(agent);
  return `${shebang}const ERRAND_CUSTOM=${JSON.stringify(table)};
if(process.argv[2]==="handler")(()=>{${code}})();
else(()=>{${body}})();
`;
}
