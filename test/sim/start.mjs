/** Bundles the simulated world (a planted mistake may be put into it: see mistakes.ts) and runs it. `--help` says how. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSim } from './bundle.mjs';

const bundle = await bundleSim(path.join(path.dirname(fileURLToPath(import.meta.url)), '../../dist/sim/main.mjs'));
const { status } = spawnSync(process.execPath, [bundle, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exit(status ?? 1);
