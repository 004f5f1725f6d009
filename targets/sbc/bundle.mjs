/** How the agent becomes one small file: options for esbuild, and the last steps after it. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { defines } from './partList.mjs';
import { numberWords, SHORT_NAMES } from './private.mjs';
import { shorten } from './shorten.mjs';

/** Started by `#!`: Node then leaves its 144 built-in root certificates unread; only the configured CA is trusted. */
const SHEBANG = '#!/usr/bin/env -S node --use-openssl-ca';

/** What esbuild is told. `version` is shown by `--version`; `parts` are those of partList.mjs that are in. */
export function agentOptions(version, parts = []) {
  return {
    entryPoints: ['targets/sbc/start.ts'],
    bundle: true,
    platform: 'node',
    charset: 'utf8',
    format: 'esm',
    target: 'node18',
    // A field that a constructor sets is not declared as well.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    mangleProps: new RegExp(`^(${Object.keys(SHORT_NAMES).join('|')})$`),
    mangleCache: SHORT_NAMES,
    plugins: [oneNameEach, leaveOut],
    define: { ERRAND_VERSION: JSON.stringify(version), ...defines(parts) },
    write: false,
    logLevel: 'error',
  };
}

/**
 * The agent's text from what esbuild made of it. terser goes over it once more: it puts functions where they are called
 * and takes 0.7 KB out of the gzipped file. Nothing of what it may do is unsafe for code without getters and without `this`
 * in functions.
 *
 * @param code  a minified ES module that imports by name only
 */
export async function finishAgent(code) {
  // Not imported above: build.mjs, which installs packages, reads this file before there are any.
  const { minify } = await import('terser');
  const { ast } = await minify(withShortThrows(toCommonJs(code)), {
    ecma: 2020,
    // Names on the top level are shorten's.
    mangle: true,
    compress: {
      toplevel: true,
      passes: 8,
      // `${a}` becomes ''+a, which is the same for texts, numbers and whatever has no valueOf of its own.
      unsafe: true,
      unsafe_arrows: true,
      unsafe_methods: true,
      pure_getters: true,
      keep_fargs: false,
      sequences: false,
    },
    format: { spidermonkey: true, code: false },
  });
  numberWords(ast);
  shorten(ast);
  const { code: small } = await minify(ast, {
    ecma: 2020,
    parse: { spidermonkey: true },
    compress: false,
    mangle: false,
  });
  return `${SHEBANG}\n${small}`;
}

/**
 * A call in the place of each `throw new Error(...)`, of which there are many: a statement of its own it is still, and `if` before it
 * becomes shorter.
 */
function withShortThrows(code) {
  return `${code.replaceAll('throw new Error(', 'throwError(')};function throwError(message){throw new Error(message)}`;
}

const OWN_REQUIRE = 'requireOfTheBundle';

/** Our files do nothing when they are loaded: one of which nothing is used stays out, whatever its tables are made of. */
const leaveOut = {
  name: 'leave out',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path),
      sideEffects: false,
    }));
  },
};

/** What several files import of a Node module has one name in the bundle, not one for each file. */
const oneNameEach = {
  name: 'one name each',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, namespace }) =>
      namespace === 'node' ? { path, external: true } : { path, namespace: 'node', sideEffects: false },
    );
    // The bundle has a `require` of its own, by a name that esbuild does not know.
    build.onLoad({ filter: /^node:module$/, namespace: 'node' }, () => ({
      contents: `export const createRequire = () => ${OWN_REQUIRE}`,
    }));
    build.onLoad({ filter: /^node:/, namespace: 'node' }, ({ path }) => ({
      contents: `export { ${Object.keys(createRequire(import.meta.url)(path))} } from '${path}'`,
    }));
  },
};

/**
 * The bundle as CommonJS, which Node starts soonest. Unlike esbuild's own, each function of Node's modules keeps the
 * short name that it has as an import.
 */
export function toCommonJs(code) {
  const modules = [];
  const body = code.replace(/import\{([^}]+)\}from"([^"]+)";/g, (_, list, module) => {
    modules.push(`{${list.replaceAll(' as ', ':')}}=require("${module}")`);
    return '';
  });
  if (/\b(import|export)(\s+\w+\s+from)?\s*[{*"]/.test(body))
    throw new Error('the agent imports or exports in an unforeseen way');
  return `"use strict";const ${modules};${body.replaceAll(OWN_REQUIRE, 'require')}`;
}
