/** `npm run torture:network -- [OPTIONS]`: installs and builds what is missing, then runs jobs over a bad line. `--help` says what. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureInstalled } from '../../build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
ensureInstalled();
await build();
const torture = spawn(process.execPath, ['--import', 'tsx', path.join(here, 'run.ts'), ...process.argv.slice(2)], {
  cwd: path.join(here, '../..'),
  stdio: 'inherit',
});
// Ctrl-C reaches both; this one waits until the other has cleaned up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => torture.kill(signal));
torture.on('exit', (code, signal) => process.exit(signal ? 130 : code));
