/** `npm run sim:downloads`: see --help. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSim } from '../bundle.mjs';
import { readOptions, wholeOf } from '../options.mjs';

const HELP = `Worlds of a file that a board loads: the production handler on real files, and a server that cuts, refuses, changes the file and
answers with what it was not asked for; ends of the agent, and power cuts that take what was not synced.

  npm run sim:downloads -- [--seed N] [--count N]

  --seed N   the first seed (default: fresh)
  --count N  how many worlds, one seed after another (100)

Exit code 0: no promise was broken; 1: one was, and its seed is told; 2: wrong arguments.
`;

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** The program of these worlds. */
export const bundleDownloads = () =>
  bundleSim(path.join(root, 'dist/sim/downloads.mjs'), undefined, 'test/sim/downloads/main.ts');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const options = readOptions(HELP);
  const args = [
    '--seed',
    `${wholeOf(options, 'seed', Date.now() >>> 0)}`,
    '--count',
    `${wholeOf(options, 'count', 100)}`,
  ];
  const child = spawn(process.execPath, [await bundleDownloads(), ...args], { stdio: 'inherit' });
  process.exitCode = await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}
