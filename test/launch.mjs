/** What stands before every script of this folder that is written in TypeScript. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, ensureInstalled } from '../build.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

/**
 * Installs and builds what is missing, runs a script, and ends as it ends.
 *
 * @param script  below this folder
 * @param args    for it
 * @param how     options of spawn; `builds: false`: it needs nothing of what is built
 */
export async function launch(script, args, { builds = true, ...how } = {}) {
  ensureInstalled();
  if (builds && !args.includes('--help')) await build();
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(here, script), ...args], {
    cwd: path.dirname(here),
    stdio: 'inherit',
    ...how,
  });
  // Ctrl-C reaches both; this one waits until the other has cleaned up.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 130 : code));
}
