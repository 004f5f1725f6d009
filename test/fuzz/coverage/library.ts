/** The microcontroller's library in a process, compiled with the sanitizers: its answers to many inputs at once. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the repository: put into a bundle, which lies elsewhere. */
declare const FUZZ_ROOT: string | undefined;
const root =
  typeof FUZZ_ROOT === 'undefined' ? path.join(path.dirname(fileURLToPath(import.meta.url)), '../../..') : FUZZ_ROOT;
const SOURCES = ['test/fuzz/coverage/link.c', 'targets/mcu/src/link.c', 'targets/mcu/src/cbor.c'];
const FLAGS = ['-std=c99', '-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

export interface Library {
  /** A line for each of the records; one by one, so never ask twice at a time. */
  ask(records: readonly Uint8Array[]): Promise<string[]>;
  close(): void;
}

let program: string | undefined;

/** @throws Error when there is no compiler, or the library does not compile */
export function startLibrary(): Library {
  program ??= compile();
  return overPipes(spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] }));
}

/** Once in a process; it is removed when that ends. */
function compile(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-library-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const made = path.join(folder, 'link');
  const args = [...FLAGS, '-Itargets/mcu/include', ...SOURCES, '-o', made];
  const { status, stderr } = spawnSync('gcc', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc: ${stderr ?? 'it is not here: apt-get install gcc libc6-dev'}`);
  return made;
}

function overPipes(child: ChildProcess): Library {
  const { stdin, stdout, stderr } = child;
  let lines: string[] = [];
  let rest = '';
  let said = '';
  let wanted = 0;
  let settle: { resolve: (lines: string[]) => void; reject: (error: Error) => void } | undefined;
  stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
  stdin!.on('error', () => {}); // 'close' tells it
  child.on('close', () => settle?.reject(new Error(`the library ended: ${said}`)));
  stdout!.setEncoding('latin1').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
    if (lines.length < wanted) return;
    const answer = lines;
    lines = [];
    settle?.resolve(answer);
  });
  return {
    ask: (records) => {
      if (records.length === 0) return Promise.resolve([]);
      wanted = records.length;
      const parts = records.flatMap((record) => [Uint8Array.of(record.length & 255, record.length >> 8), record]);
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
        stdin!.write(Buffer.concat([...parts, Uint8Array.of(0, 0)]));
      });
    },
    close: () => void stdin!.end(),
  };
}
