import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const SETTINGS = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['better-sqlite3'],
  logLevel: 'error',
  banner: {
    js: "import { createRequire as simRequire } from 'node:module'; const require = simRequire(import.meta.url);",
  },
};

/** Bundles `entry` with all of `files`, whether it imports them or not, and nothing of them left out. */
export async function bundleAll(outfile, entry, files) {
  const contents = [entry, ...files].map((file) => `import './${file}';`).join('\n');
  await build({ ...SETTINGS, stdin: { contents, resolveDir: root }, treeShaking: false, outfile });
  return outfile;
}

/**
 * Bundles test/sim/main.ts, or another program of worlds, into `outfile`.
 *
 * @param mistake  `{ file, find, replace }`: planted into that file of the product as it is bundled; it must fit exactly once
 */
export async function bundleSim(outfile, mistake, entry = 'test/sim/main.ts') {
  let planted = 0;
  await build({
    ...SETTINGS,
    entryPoints: [entry],
    outfile,
    plugins: mistake === undefined ? [] : [{ name: 'mistake', setup: plant }],
  });
  if (mistake !== undefined && planted !== 1) throw new Error(`${mistake.name}: ${mistake.file} was not bundled`);
  return outfile;

  function plant(bundler) {
    bundler.onLoad({ filter: /\.ts$/ }, async ({ path: file }) => {
      if (path.relative(root, file) !== mistake.file) return undefined;
      const text = await readFile(file, 'utf8');
      const pieces = text.split(mistake.find);
      if (pieces.length !== 2)
        throw new Error(`${mistake.name}: found ${pieces.length - 1} times in ${mistake.file}: expected once`);
      planted++;
      return { contents: pieces.join(mistake.replace), loader: 'ts' };
    });
  }
}
