/** What the C library costs, linked with all that it needs from the compiler's library, for two processors. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile, INCLUDE, PARTS, WARNINGS } from './device.ts';

/**
 * The budgets of design.md §9 were drawn from a prototype that had no kept replies, no HELLO, no firmware and a 16-bit
 * checksum. Link and bodies keep them; with pull and SHA-256 the library does not, nor with jobs: `firmware` and `reached`
 * are what these took, and what they must not pass.
 */
export const BOARDS = [
  {
    name: 'ATmega328P',
    tool: 'avr',
    debian: 'gcc-avr avr-libc',
    cpu: ['-mmcu=atmega328p', '-mcall-prologues', '-mrelax'],
    budget: 2_560,
    firmware: 4_900,
    reached: 6_100,
  },
  {
    name: 'Cortex-M0+',
    tool: 'arm-none-eabi',
    debian: 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
    cpu: ['-mcpu=cortex-m0plus', '-mthumb'],
    budget: 1_536,
    firmware: 2_640,
    reached: 3_400,
  },
] as const;
export const RAM_BUDGET = 256;
const SMALL = ['-Os', '-ffunction-sections', '-fdata-sections', '-fno-tree-loop-distribute-patterns'];

const header = readFileSync(new URL('../../../targets/mcu/include/errand.h', import.meta.url), 'utf8');
/** All that the header declares. */
export const functions = [
  ...new Set([...header.matchAll(/\b(errand_[a-z0-9_]+)\(/g)].map((match) => match[1]!)),
].filter((name) => new RegExp(`^[a-z][^/\\n]*\\b${name}\\([^)]*\\);`, 'm').test(header));

export function inFolder<Result>(run: (folder: string) => Result): Result {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-sizes-'));
  try {
    return run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Links the library alone with what it calls; bytes of ROM. Whatever has no `data` and `bss` has no state of its own. */
export function linked(board: (typeof BOARDS)[number], roots: readonly string[]): number {
  return inFolder((folder) => {
    const elf = path.join(folder, 'library.elf');
    const keep = roots.map((name) => `-Wl,-u,${name}`);
    const link = ['-nostartfiles', '-nostdlib', '-Wl,-e,errand_link_feed', '-Wl,--gc-sections', ...keep, '-lgcc'];
    compile(`${board.tool}-gcc`, [...board.cpu, ...WARNINGS, ...SMALL, INCLUDE, ...PARTS, ...link, '-o', elf]);
    const [text, data, bss] = compile(`${board.tool}-size`, [elf]).split('\n')[1]!.trim().split(/\s+/).map(Number);
    if (data !== 0 || bss !== 0)
      throw new Error(`${data} bytes of data and ${bss} of bss: expected no state of its own`);
    return text!;
  });
}

/** Stack bytes of each function, and whom it calls, as the compiler writes them down. */
export function callGraph(): { frames: Map<string, number>; calls: Map<string, string[]> } {
  return inFolder((folder) => {
    const frames = new Map<string, number>();
    const calls = new Map<string, string[]>();
    const board = BOARDS[1];
    for (const part of PARTS) {
      const object = path.join(folder, `${path.basename(part, '.c')}.o`);
      compile('arm-none-eabi-gcc', [
        ...board.cpu,
        ...WARNINGS,
        ...SMALL,
        INCLUDE,
        '-fcallgraph-info=su',
        '-c',
        part,
        '-o',
        object,
      ]);
    }
    const bare = (title: string) => title.replace(/^.*:/, '');
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.ci'))) {
      const text = readFileSync(path.join(folder, file), 'utf8');
      for (const [, title, bytes] of text.matchAll(/node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(static\)/g))
        frames.set(bare(title!), Number(bytes));
      for (const [, from, to] of text.matchAll(/edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/g))
        calls.set(bare(from!), [...(calls.get(bare(from!)) ?? []), bare(to!)]);
    }
    return { frames, calls };
  });
}

/** Functions of the header without these parts. */
export function without(...parts: string[]): string[] {
  return functions.filter((name) => !parts.some((part) => name.startsWith(`errand_${part}_`)));
}

/**
 * The deepest stack that the library takes below its caller, and in which function.
 * @throws Error when something recurses
 */
export function deepestStack(): { bytes: number; name: string } {
  const { frames, calls } = callGraph();
  const depth = (name: string, above: readonly string[]): number => {
    if (above.includes(name)) throw new Error(`${[...above, name].join(' -> ')} recurses`);
    const below = (calls.get(name) ?? []).map((callee) => depth(callee, [...above, name]));
    return (frames.get(name) ?? 0) + Math.max(0, ...below);
  };
  const [bytes, name] = functions.map((name) => [depth(name, []), name] as const).sort(([a], [b]) => b - a)[0]!;
  return { bytes, name };
}
