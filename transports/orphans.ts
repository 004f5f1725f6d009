import { readdirSync, readFileSync } from 'node:fs';
import { killGroup, statOf } from './programs.ts';

/** Looks at all processes; who is left after the last hangs in the kernel. */
const LOOKS_MAX = 100;
const LOOK_MILLIS = 10;

/** Nothing without /proc. */
function processes(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
}

/**
 * Kills what an interrupted step has left running, when its agent alone was killed (kill -9, no memory): each process group with one in
 * it whose environment has _ERRAND_STEP as `mark` says. Who cleared that is not found. Linux only; elsewhere nothing is.
 *
 * Not when it is in our own: then the step has started us, by an init script.
 */
export async function killOrphans(mark: string | undefined): Promise<void> {
  let found = process.env._ERRAND_STEP !== mark;
  for (let look = 0; found && look < LOOKS_MAX; look += 1) {
    found = false;
    for (const pid of processes())
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`_ERRAND_STEP=${mark}`)) continue;
        found = true;
        const group = Number(statOf(pid)[2]);
        // 0: in a namespace that we do not see; to `kill` it would be our own.
        if (group > 1) killGroup({ pid: group }, 'SIGKILL');
      } catch {
        // No process, gone, or another user's.
      }
    if (found) await new Promise((resolve) => setTimeout(resolve, LOOK_MILLIS));
  }
}
