/**
 * `npm test [PATTERN]`: installs and builds what is missing, then runs the tests whose path contains PATTERN.
 *
 * ERRAND_TESTS=all   a test whose tool is missing fails instead of being skipped (so in CI)
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureInstalled } from '../build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
ensureInstalled();
await build();
const tests = spawn(process.execPath, ['--import', 'tsx', path.join(here, 'run.ts'), ...process.argv.slice(2)], {
  cwd: path.dirname(here),
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => tests.kill(signal));
tests.on('exit', (code, signal) => process.exit(signal ? 130 : code));
