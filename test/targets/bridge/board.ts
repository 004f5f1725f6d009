/** Boards for the bridge: the compiled C library on pseudo-terminals (board.c), as processes of a test. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../../child.ts';
import { compile, INCLUDE, PARTS, WARNINGS } from '../mcu/device.ts';

const source = fileURLToPath(new URL('board.c', import.meta.url));

export interface Board {
  /** The link to its terminal, as udev would make one. */
  readonly port: string;
  /** What a reset does not take: `firmware`, `ran`, `slot`, `resume`. */
  readonly folder: string;
  readonly child: Child;
  reset(): void;
  /** Pulls the cable out, or puts it back. */
  cable(): void;
  /** Names of the commands that were begun, in order. */
  ran(): string[];
  /** A file of its folder; undefined when there is none. */
  file(name: string): Buffer | undefined;
}

export interface Workshop {
  readonly folder: string;
  /** @param settings  as in board.c, `frame=128` */
  board(id: string, ...settings: string[]): Promise<Board>;
  end(): Promise<void>;
}

/** Compiles the board, with the sanitizers on unless its own speed matters. */
export function openWorkshop({ fast = false } = {}): Workshop {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-bridge-'));
  const program = path.join(folder, 'board');
  const sanitizers = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  compile('gcc', [...WARNINGS, ...(fast ? ['-O2'] : sanitizers), INCLUDE, source, ...PARTS, '-o', program]);
  const boards: Child[] = [];
  return {
    folder,
    async board(id, ...settings) {
      const own = path.join(folder, `${id}.board`);
      const port = path.join(folder, `tty-${id}`);
      const child = startChild(program, [own, port, id, ...settings]);
      boards.push(child);
      await child.line(/ready/);
      const file = (name: string) => {
        try {
          return readFileSync(path.join(own, name));
        } catch {
          return undefined;
        }
      };
      return {
        port,
        folder: own,
        child,
        reset: () => void child.process.kill('SIGUSR2'),
        cable: () => void child.process.kill('SIGUSR1'),
        ran: () => `${file('ran') ?? ''}`.split('\n').slice(0, -1),
        file,
      };
    },
    async end() {
      for (const board of boards) await board.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
