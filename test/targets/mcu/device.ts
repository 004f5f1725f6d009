/** The device's library, compiled for this machine with the sanitizers on, as a process that a test talks with. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../..');

export const PARTS = ['link', 'cbor', 'pull', 'verify', 'jobs'].map((part) =>
  path.join(root, `targets/mcu/src/${part}.c`),
);
export const WARNINGS = '-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror'.split(' ');
export const INCLUDE = `-I${path.join(root, 'targets/mcu/include')}`;

/** Runs a compiler or its tools; throws with what it said when it fails. */
export function compile(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stderr}`);
  return stdout;
}

/** A program of this folder with the library, in a folder of its own. */
export function build(name: 'device' | 'vectors'): { program: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-mcu-'));
  const program = path.join(folder, name);
  const source = path.join(root, `test/targets/mcu/${name}.c`);
  const sanitizers = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  compile('gcc', [...WARNINGS, ...sanitizers, INCLUDE, source, ...PARTS, '-o', program]);
  return { program, remove: () => rmSync(folder, { recursive: true }) };
}

const request = (seq: number) => [0xe0, 0, 0x10 | seq, 1];
const LEADS = {
  talk: [
    0,
    0xdf,
    ...request(0),
    ...request(0),
    ...request(1),
    ...request(5),
    0xe0,
    0,
    0x20,
    1,
    0xe0,
    255,
    0x20,
    0,
    0xdf,
    0xdf,
  ],
  overlong: [0, 0, ...new Array(100).fill(2), 0],
  body: [1, 0xa4, 1, 0x20, 2, 0x41, 9, 3, 0xf5, 4, 0x82, 0x18, 0x40, 0x60],
  blocks: [0xf3, ...new Array(40).fill(0), ...new Array(20).fill(9)],
};

/**
 * Runs libFuzzer over the library from a few inputs that lead in (fuzz.c). Returns the share of lines reached by file.
 * @throws Error with the input's bytes and what the sanitizer said, when it finds something
 */
export function fuzz(runs: number): Record<string, number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-fuzz-'));
  try {
    const program = path.join(folder, 'fuzz');
    const sanitizers = ['-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'];
    const coverage = ['-fprofile-instr-generate', '-fcoverage-mapping'];
    const source = path.join(root, 'test/targets/mcu/fuzz.c');
    compile('clang', [...WARNINGS, ...sanitizers, ...coverage, INCLUDE, source, ...PARTS, '-o', program]);
    const corpus = path.join(folder, 'corpus');
    mkdirSync(corpus);
    for (const [name, input] of Object.entries(LEADS)) writeFileSync(path.join(corpus, name), Uint8Array.from(input));
    const [raw, merged] = [path.join(folder, 'raw'), path.join(folder, 'merged')];
    const flags = ['-seed=1', `-runs=${runs}`, '-max_len=300', '-verbosity=0', `-artifact_prefix=${folder}/`];
    const { status, stderr } = spawnSync(program, [...flags, corpus], {
      encoding: 'utf8',
      env: { ...process.env, LLVM_PROFILE_FILE: raw },
    });
    if (status !== 0) throw new Error(stderr);
    compile('llvm-profdata', ['merge', raw, '-o', merged]);
    const report = JSON.parse(compile('llvm-cov', ['export', '-summary-only', program, `-instr-profile=${merged}`]));
    const files: { filename: string; summary: { lines: { percent: number } } }[] = report.data[0].files;
    return Object.fromEntries(files.map(({ filename, summary }) => [path.basename(filename), summary.lines.percent]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Device {
  /** One command of device.c; its answers. Rejects when the process has died, with what the sanitizer said. */
  ask(command: string): Promise<string[]>;
  end(): Promise<void>;
}

export function startDevice(program: string): Device {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  let complaint = '';
  let answered: ((lines: string[]) => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  child.stderr.setEncoding('utf8').on('data', (part) => (complaint += part));
  child.stdout.setEncoding('utf8').on('data', (part) => {
    text += part;
    if (text !== '.\n' && !text.endsWith('\n.\n')) return;
    const lines = text.split('\n').slice(0, -2);
    text = '';
    answered?.(lines);
  });
  child.stdin.on('error', () => {}); // 'close' tells it
  const ended = new Promise<void>((resolve) =>
    child.on('close', (code) => {
      failed?.(new Error(`the device ended with ${code}: ${complaint}`));
      resolve();
    }),
  );
  return {
    ask: (command) =>
      new Promise((resolve, reject) => {
        answered = resolve;
        failed = reject;
        child.stdin.write(`${command}\n`);
      }),
    end: async () => {
      failed = undefined;
      child.stdin.end();
      await ended;
    },
  };
}
