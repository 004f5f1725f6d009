/** `npm run fuzz -- [OPTIONS]` and `npm run fuzz:coverage`: installs what is missing, then sends hostile input. `--help` says what. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from '../../build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
ensureInstalled();
const [first, ...others] = process.argv.slice(2);
const [program, args] = first?.endsWith('.ts') ? [first, others] : ['run.ts', process.argv.slice(2)];
const fuzz = spawn(process.execPath, ['--import', 'tsx', path.join(here, program), ...args], {
  cwd: path.join(here, '../..'),
  stdio: 'inherit',
});
// Ctrl-C reaches both; this one waits until the other has cleaned up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => fuzz.kill(signal));
fuzz.on('exit', (code, signal) => process.exit(signal ? 130 : code));
