/** Holds a process, its children and the pages of their files to so much memory, as a small board would. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface MemoryLimit {
  /** As in `cgroup v1`. */
  readonly kind: string;
  /** Words to put before those that run a program: it and its children are held. */
  readonly words: readonly [program: string, ...args: string[]];
  /** How many processes the kernel has killed for want of memory. */
  kills(): number;
  /** When all of them have ended. */
  end(): void;
}

interface Kind {
  kind: string;
  /** Own line of /proc/self/cgroup. */
  own: RegExp;
  root: string;
  limit: string;
  /** Where there is swap, it is not to count as memory. */
  swap: [file: string, value: (bytes: number) => number];
  killed: string;
}

const KINDS: readonly Kind[] = [
  {
    kind: 'cgroup v2',
    own: /^0::(.*)$/m,
    root: '/sys/fs/cgroup',
    limit: 'memory.max',
    swap: ['memory.swap.max', () => 0],
    killed: 'memory.events',
  },
  {
    kind: 'cgroup v1',
    own: /^\d+:memory:(.*)$/m,
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    swap: ['memory.memsw.limit_in_bytes', (bytes) => bytes],
    killed: 'memory.oom_control',
  },
];

/** Undefined where no control group can be made: without root, or in most containers. */
export function limitMemory(bytes: number): MemoryLimit | undefined {
  const groups = readFileSync('/proc/self/cgroup', 'utf8');
  for (const kind of KINDS) {
    // In a container the own path may lie above what is mounted.
    for (const above of new Set([path.join(kind.root, kind.own.exec(groups)?.[1] ?? ''), kind.root])) {
      const group = path.join(above, `errand-test-${process.pid}-${++made}`);
      try {
        return open(kind, above, group, bytes);
      } catch {
        if (existsSync(group)) rmdirSync(group);
      }
    }
  }
  return undefined;
}

let made = 0;

function open({ kind, limit, swap, killed }: Kind, above: string, group: string, bytes: number): MemoryLimit {
  if (kind === 'cgroup v2') {
    if (!existsSync(path.join(above, 'cgroup.controllers'))) throw new Error('it is not mounted there');
    appendFileSync(path.join(above, 'cgroup.subtree_control'), '+memory');
  }
  mkdirSync(group);
  writeFileSync(path.join(group, limit), `${bytes}`);
  if (existsSync(path.join(group, swap[0]))) writeFileSync(path.join(group, swap[0]), `${swap[1](bytes)}`);
  const enter = `echo $$ > ${path.join(group, 'cgroup.procs')} && exec "$@"`;
  return {
    kind,
    words: ['sh', '-c', enter, 'sh'],
    kills: () => Number(/^oom_kill (\d+)/m.exec(readFileSync(path.join(group, killed), 'utf8'))?.[1] ?? 0),
    end: () => rmdirSync(group),
  };
}
