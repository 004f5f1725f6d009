/** Bundles the simulated world and runs it, in as many processes as `--jobs` says. `--help` tells the rest. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSim } from './bundle.mjs';
import { inProcesses } from './processes.mjs';

const bundle = await bundleSim(path.join(path.dirname(fileURLToPath(import.meta.url)), '../../dist/sim/main.mjs'));
process.exitCode = await inProcesses(bundle, process.argv.slice(2));
