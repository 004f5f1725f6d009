/** How the bridge becomes one file with the native code of one architecture in it: options for esbuild. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = path.dirname(fileURLToPath(import.meta.url));
const packages = path.resolve(root, '../../node_modules');
const PREBUILDS = path.join(packages, '@serialport/bindings-cpp/prebuilds');

export const ARCHITECTURES = ['linux-x64', 'linux-arm64', 'linux-arm'];

/** This machine's, where the native code exists for it. */
function ownArchitecture() {
  const own = `${process.platform}-${process.arch}`;
  return ARCHITECTURES.includes(own) ? own : 'linux-x64';
}

/** What esbuild is told. `version` is shown by `--version`. */
export function bridgeOptions(architecture = ownArchitecture()) {
  return {
    entryPoints: ['targets/bridge/start.ts'],
    format: 'cjs',
    target: 'node18',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    banner: { js: '#!/usr/bin/env -S node --use-openssl-ca' },
    // Its own native code speeds up nothing of our size (figures: 484 ns with it, 484 without).
    alias: { 'cbor-x': path.join(packages, 'cbor-x/index.js') },
    plugins: [embedBinding(architecture)],
  };
}

/** In the place of the module that looks for the native code in a package's folders: one that has it inside. */
function embedBinding(architecture) {
  return {
    name: 'embed the native binding',
    setup(build) {
      build.onLoad({ filter: /@serialport[\\/]bindings-cpp[\\/]dist[\\/]serialport-bindings\.js$/ }, () => ({
        contents: `import { loadBinding } from ${JSON.stringify(path.join(root, 'nativeBinding.ts'))};
          export const binding = loadBinding(${JSON.stringify(embedded(architecture))});`,
        resolveDir: root,
        loader: 'ts',
      }));
    },
  };
}

function embedded(architecture) {
  const folder = path.join(PREBUILDS, architecture);
  if (!existsSync(folder))
    throw new Error(`serialport has no native code for ${architecture}: ${ARCHITECTURES.join(', ')}`);
  const variants = {};
  for (const file of readdirSync(folder).sort()) {
    const [, variant] = /^@serialport\+bindings-cpp\.(.+)\.node$/.exec(file) ?? [];
    if (variant === undefined) continue;
    const bytes = readFileSync(path.join(folder, file));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    variants[variant] = { sha256, gzip: gzipSync(bytes, { level: 9 }).toString('base64') };
  }
  return { platform: architecture, variants };
}
