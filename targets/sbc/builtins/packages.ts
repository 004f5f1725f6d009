import type { HandlerContext } from '../handlers/handler.ts';
import { readNames } from './names.ts';
import { firstProgram } from './tools.ts';

/** What comes before the names. */
interface Manager {
  install: readonly [string, ...string[]];
  remove: readonly [string, ...string[]];
  /** Fetches the lists of packages, where `install` does not by itself; done when it failed. */
  refresh?: readonly [string, ...string[]];
}

const APT = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '--yes'] as const;

/** In the order they are looked for; the key is the program. */
const MANAGERS = {
  'apt-get': {
    install: [...APT, 'install', '--'],
    remove: [...APT, 'remove', '--'],
    refresh: [...APT, 'update'],
  },
  apk: { install: ['apk', '--update-cache', 'add'], remove: ['apk', 'del'] },
  opkg: { install: ['opkg', 'install'], remove: ['opkg', 'remove'], refresh: ['opkg', 'update'] },
  dnf: { install: ['dnf', '--assumeyes', 'install'], remove: ['dnf', '--assumeyes', 'remove'] },
} as const satisfies Record<string, Manager>;

function findManager(): Manager {
  return MANAGERS[firstProgram(Object.keys(MANAGERS) as (keyof typeof MANAGERS)[])];
}

/** Its lists may be old, or (opkg, after a boot) not there at all: then they are fetched, and it is tried once more. */
export async function installPackages({ args, execute }: HandlerContext): Promise<number> {
  const names = readNames('packages', args);
  const { install, refresh } = findManager();
  const code = await execute(...install, ...names);
  if (code === 0 || !refresh || (await execute(...refresh)) !== 0) return code;
  return execute(...install, ...names);
}

export async function removePackages({ args, execute }: HandlerContext): Promise<number> {
  const names = readNames('packages', args);
  return execute(...findManager().remove, ...names);
}
