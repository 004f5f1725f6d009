/** How the agent becomes one small file: options for esbuild, and the last steps after it. */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { defines } from './partList.mjs';

/** Started by `#!`: Node then leaves its 144 built-in root certificates unread; only the configured CA is trusted. */
const SHEBANG = '#!/usr/bin/env -S node --use-openssl-ca';

/**
 * Properties that nobody outside of the bundle sees, each given a short name in it. Not one of these may be a member of
 * something that Node gives or takes, a word on the wire, in the record, in a log line or in the settings: those keep
 * their names. Nor is one read by a computed name or asked for by `in`. One that is forgotten here costs a few bytes, no more.
 */
export const PRIVATE_NAMES = `
  about alpn answer askNext asked attempts base because bytes bytesMax chance child chunk cleanSession client clientId connectPacket
  device document doubt dup effects ended expect extras fields filters finished flag found framer fromClient fromRunner generation
  groups held heldBytes home items json keepAliveSeconds killAt lines lost member newest onBytes onClosed onOpened online onlineSinceMillis
  operation optional options out packet packetIdentifier packets pauseMillis pauseUntil payload programs qos
  readRecord receivedAtMillis record repeatAt request requestTopic resendAtMillis retain retryAtMillis
  retryMaxMillis returnCode returnCodes runner runs saving seed sent sentAtMillis sessionPresent
  setbacks signalled stderrLines stopBy succeeded subscribePacket subscribed subscribes subscriptions tell toClient toRunner tokens
  topic topicFilter topicName untilMillis untold wakeAt warn warning warnings what work
`
  .trim()
  .split(/\s+/);

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
    minify: true,
    legalComments: 'none',
    mangleProps: new RegExp(`^(${PRIVATE_NAMES.join('|')})$`),
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
  const { ast } = await minify(toCommonJs(code), {
    ecma: 2020,
    toplevel: true,
    compress: {
      passes: 5,
      unsafe_arrows: true,
      unsafe_methods: true,
      pure_getters: true,
      keep_fargs: false,
      sequences: false,
    },
    format: { ast: true, code: false },
  });
  // Functions lie together, before what calls them: they are alike, and gzip takes 50 bytes less.
  const place = ({ TYPE }) => ['Directive', 'Defun', TYPE].indexOf(TYPE);
  ast.body.sort((one, other) => place(one) - place(other));
  const { code: small } = await minify(ast, { ecma: 2020, compress: false, mangle: false });
  return `${SHEBANG}\n${small}`;
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
