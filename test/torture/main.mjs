/** `npm run torture` and `npm run torture:service`, `-- [OPTIONS]`: installs and builds what is missing, then kills. `--help` says what. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureInstalled } from '../../build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
ensureInstalled();
await build();
const [what, ...options] = process.argv.slice(2);
const run = path.join(here, what === 'agent' ? 'agent/run.ts' : 'run.ts');
const torture = spawn(process.execPath, ['--import', 'tsx', run, ...options], {
  cwd: path.join(here, '../..'),
  stdio: 'inherit',
  // In a group of its own, so that Ctrl-C reaches none of the agents and not their service: what has happened so far is still judged.
  detached: what === 'agent',
});
// Told to end, this one waits until the other has cleaned up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => torture.kill(signal));
torture.on('exit', (code, signal) => process.exit(signal ? 130 : code));
