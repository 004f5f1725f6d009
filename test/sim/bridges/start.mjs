/**
 * Worlds with bridges and microcontrollers: compiles the microcontroller's library, bundles the world, and runs it. `--help` tells
 * the rest.
 */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleSim } from '../bundle.mjs';
import { inProcesses } from '../processes.mjs';
import { mcuProgram } from '../serial/start.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** The program of these worlds; with a mistake in it, or none. */
export function bundleBridges(mistake) {
  const name = mistake ? `bridges-${mistake.name.replace(/\W+/g, '-')}` : 'bridges';
  return bundleSim(path.join(root, `dist/sim/${name}.mjs`), mistake, 'test/sim/bridges/main.ts');
}

/** Runs `count` of these worlds from `seed` on, until one breaks a promise. Resolves to the exit code and what was printed. */
export async function runBridges({ seed, count, story = 0 }, mistake) {
  const bundle = await bundleBridges(mistake);
  const args = ['--mcu', mcuProgram(), '--seed', `${seed}`, '--count', `${count}`, '--story', `${story}`];
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  return { code: await new Promise((resolve) => child.on('close', resolve)), stdout };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (spawnSync('gcc', ['--version']).status !== 0) {
    console.error("sim: these worlds take the microcontroller's library as it is compiled: apt-get install gcc");
    process.exit(2);
  }
  const bundle = await bundleBridges();
  process.exitCode = await inProcesses(bundle, ['--mcu', mcuProgram(), ...process.argv.slice(2)]);
}
