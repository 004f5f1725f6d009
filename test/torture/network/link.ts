/** A bad line, and the far end of it as a place to start processes in. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Child, startChild } from '../../child.ts';

/** Each way. */
export interface Badness {
  /** Of packets, 0 to 1. */
  loss: number;
  delayMillis: number;
}

export interface Link {
  /** Who does it: netem, a process, or the relay of the near end where there is no way to a namespace. */
  readonly by: string;
  /** The address of the near end, for the far one. */
  readonly near: string;
  /** Words to put before those that run a program: it is at the far end. */
  readonly words: readonly string[];
  /** True where packets themselves are lost and late. */
  readonly real: boolean;
  end(): Promise<string>;
}

/** Without root or tun devices the line is this machine's own, and the relay has to be bad alone. */
export async function openLink({ loss, delayMillis }: Badness, seed: number): Promise<Link> {
  const none = { near: '127.0.0.1', words: [], real: false, end: async () => '' };
  if (process.getuid!() !== 0 || !existsSync('/dev/net/tun'))
    return { ...none, by: 'the relay alone: tun devices need root' };
  // Of the addresses between carriers (RFC 6598), four for each process.
  const at = (process.pid % 0x100000) * 4;
  const [near, far] = [1, 2].map((n) => `100.${64 + (at >> 16)}.${(at >> 8) & 255}.${(at & 255) + n}`);
  const file = path.join(import.meta.dirname, 'link.py');
  const link: Child = startChild('python3', [file, near!, far!, `${loss}`, `${delayMillis}`, `${seed}`], {
    open: true,
  });
  const ready = await link.line(/^ready/).catch((error: Error) => error);
  if (ready instanceof Error) return { ...none, by: `the relay alone: ${link.lines.at(-1)}` };
  return {
    by: ready.replace('ready: by ', ''),
    near: near!,
    words: ['nsenter', `--net=/proc/${link.pid}/ns/net`],
    real: true,
    async end() {
      link.process.stdin!.end();
      await link.ended;
      return link.lines.at(-1)!;
    },
  };
}
