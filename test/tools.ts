/** Tools that tests need beside Node, and what to do where one is missing. */
import { spawnSync } from 'node:child_process';

const said = new Set<string>();

/**
 * True when `program` can be started here. Where it is missing, one line says which and how to get it and the
 * caller skips its tests; with ERRAND_TESTS=all (CI) it is a failure instead, thrown at once.
 */
export function hasTool(program: string, debianPackage: string): boolean {
  if (spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0) return true;
  // Debian keeps servers in /usr/sbin, which is not on everybody's PATH.
  if (spawnSync('test', ['-x', `/usr/sbin/${program}`]).status === 0) return true;
  return lacks(program, `apt-get install ${debianPackage}`);
}

/** Says that `program` is not here and which command gets it: in one line, once; or with ERRAND_TESTS=all as a failure. */
export function lacks(program: string, command: string): false {
  const how = `${program} is missing: ${command}`;
  if (process.env.ERRAND_TESTS === 'all') throw new Error(how);
  if (!said.has(program)) console.log(`\n  skipped: ${how}`);
  said.add(program);
  return false;
}
