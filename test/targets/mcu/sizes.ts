/** What the C library costs, linked with all that it needs from the compiler's library, for two processors. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile, INCLUDE, PARTS, WARNINGS } from './device.ts';

/**
 * The budgets of design.md §9 were drawn from a prototype that had no kept replies, no HELLO, no firmware and a 16-bit
 * checksum. Link and bodies keep them; with pull and SHA-256 the library does not, nor with jobs: `firmware` and `reached`
 * are what these took, and what they must not pass. `ram` is what the structures of all parts take.
 */
export const BOARDS = [
  {
    name: 'ATmega328P',
    tool: 'avr',
    debian: 'gcc-avr avr-libc',
    cpu: ['-mmcu=atmega328p', '-mcall-prologues', '-mrelax'],
    budget: 2_560,
    firmware: 3_934,
    reached: 4_952,
    ram: 177,
  },
  {
    name: 'Cortex-M0+',
    tool: 'arm-none-eabi',
    debian: 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
    cpu: ['-mcpu=cortex-m0plus', '-mthumb'],
    budget: 1_536,
    firmware: 2_248,
    reached: 2_850,
    ram: 216,
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
    const link = ['-nostartfiles', '-nostdlib', '-Wl,-e,errand_link_take', '-Wl,--gc-sections', ...keep, '-lgcc'];
    compile(`${board.tool}-gcc`, [...board.cpu, ...WARNINGS, ...SMALL, INCLUDE, ...PARTS, ...link, '-o', elf]);
    const [text] = compile(`${board.tool}-size`, [elf]).split('\n')[1]!.trim().split(/\s+/).map(Number);
    // By section: `bss` of the short form has what newlib's script aligns by too.
    const state = /^\.(data|bss)\S* +[1-9].*$/m.exec(compile(`${board.tool}-size`, ['-A', elf]));
    if (state) throw new Error(`${state[0]}: expected no state of its own`);
    return text!;
  });
}

/** RAM of the structures of a link, a transfer and the jobs: the compiler tells it as the size of an array. */
export function structureBytes(board: (typeof BOARDS)[number]): number {
  return inFolder((folder) => {
    const [source, object] = [path.join(folder, 'ram.c'), path.join(folder, 'ram.o')];
    const parts = ['link', 'pull', 'jobs'].map((name) => `sizeof(struct errand_${name})`);
    writeFileSync(source, `#include "errand.h"\nextern char taken[];\nchar taken[${parts.join(' + ')}] = {1};\n`);
    compile(`${board.tool}-gcc`, [...board.cpu, ...WARNINGS, INCLUDE, '-c', source, '-o', object]);
    const [, data] = compile(`${board.tool}-size`, [object]).split('\n')[1]!.trim().split(/\s+/).map(Number);
    return data!;
  });
}

interface CallGraph {
  /** Stack bytes of each function below its caller. */
  readonly frames: ReadonlyMap<string, number>;
  readonly calls: ReadonlyMap<string, readonly string[]>;
}

/** Stack bytes of each function, and whom it calls; return addresses are counted where the processor pushes them. */
export function callGraph(board: (typeof BOARDS)[number]): CallGraph {
  return inFolder((folder) => {
    const [frames, calls] = [new Map<string, number>(), new Map<string, string[]>()];
    const objects = PARTS.map((part) => path.join(folder, `${path.basename(part, '.c')}.o`));
    // The older compiler of the AVR knows the frames alone.
    const kind = board.tool === 'avr' ? '-fstack-usage' : '-fcallgraph-info=su';
    for (const [i, part] of PARTS.entries())
      compile(`${board.tool}-gcc`, [...board.cpu, ...WARNINGS, ...SMALL, INCLUDE, kind, '-c', part, '-o', objects[i]!]);
    const call = (from: string, to: string) => calls.set(from, [...(calls.get(from) ?? []), to]);
    if (board.tool === 'avr') readDisassembly(folder, frames, call);
    else readCallGraph(folder, frames, call);
    return { frames, calls };
  });
}

/** As the compiler writes both down. A Cortex-M keeps return addresses in a register, saved within the frame. */
function readCallGraph(folder: string, frames: Map<string, number>, call: (from: string, to: string) => void): void {
  const bare = (title: string) => title.replace(/^.*:/, '').replace(/\..*$/, ''); // `sum.isra.0` is `sum`
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ci'))) {
    const text = readFileSync(path.join(folder, file), 'utf8');
    for (const [, title, bytes] of text.matchAll(/node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(static\)/g))
      frames.set(bare(title!), Number(bytes));
    for (const [, from, to] of text.matchAll(/edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"/g))
      call(bare(from!), bare(to!));
  }
}

/**
 * Frames as the compiler writes them down: pushes and the return address of 2 bytes are in them. Calls as the code of the objects
 * has them, jumps to another function too; of the compiler's own library a function costs its return address and its pushes.
 */
function readDisassembly(folder: string, frames: Map<string, number>, call: (from: string, to: string) => void): void {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.su')))
    for (const [, name, bytes] of readFileSync(path.join(folder, file), 'utf8').matchAll(
      /:(\w+)[.\w]*\t(\d+)\tstatic$/gm,
    ))
      frames.set(name!, Number(bytes));
  const elf = path.join(folder, 'library.elf');
  const [avr] = BOARDS;
  const objects = readdirSync(folder).filter((name) => name.endsWith('.o'));
  const link = ['-nostartfiles', '-nostdlib', '-Wl,-e,errand_link_take', '-lgcc', '-o', elf];
  compile('avr-gcc', [...avr.cpu, ...objects.map((name) => path.join(folder, name)), ...link]);
  let from = '';
  for (const line of compile('avr-objdump', ['-d', elf]).split('\n')) {
    const bare = (symbol: string) => symbol.replace(/\..*$/, ''); // `.part.0` and the like
    const [, name] = /^[0-9a-f]+ <([^>]+)>:$/.exec(line) ?? [];
    if (name) from = bare(name);
    if (name && !frames.has(from)) frames.set(from, 2);
    else if (/\tpush\t/.test(line) && from.startsWith('__')) frames.set(from, frames.get(from)! + 1);
    // What all functions share to save and restore registers is in their frames.
    const [, to] = /\t(?:r?call|r?jmp|br\w+)\t.*<([^>+]+)(?:\+0x[0-9a-f]+)?>/.exec(line) ?? [];
    if (to && bare(to) !== from && !/^__(prologue_saves|epilogue_restores)__$/.test(to)) call(from, bare(to));
  }
}

/** Functions of the header without these parts. */
export function without(...parts: string[]): string[] {
  return functions.filter((name) => !parts.some((part) => name.startsWith(`errand_${part}_`)));
}

/**
 * The deepest stack that the library takes below its caller, and in which function.
 * @throws Error when something recurses
 */
export function deepestStack(board: (typeof BOARDS)[number]): { bytes: number; name: string } {
  const { frames, calls } = callGraph(board);
  const depth = (name: string, above: readonly string[]): number => {
    if (above.includes(name)) throw new Error(`${[...above, name].join(' -> ')} recurses`);
    const below = (calls.get(name) ?? []).map((callee) => depth(callee, [...above, name]));
    return (frames.get(name) ?? 0) + Math.max(0, ...below);
  };
  const [bytes, name] = functions.map((name) => [depth(name, []), name] as const).sort(([a], [b]) => b - a)[0]!;
  return { bytes, name };
}
