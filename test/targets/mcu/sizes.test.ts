import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { compile, INCLUDE, PARTS, WARNINGS } from './device.ts';

const test = suite('the C library on its boards');

/**
 * The budgets of design.md §9 were drawn from a prototype that had no kept replies, no HELLO, no firmware and a 16-bit
 * checksum. Link and bodies keep them; everything, with pull and SHA-256, does not: `reached` is what it took, and what
 * it must not pass.
 */
const BOARDS = [
  {
    name: 'ATmega328P',
    tool: 'avr',
    debian: 'gcc-avr avr-libc',
    cpu: ['-mmcu=atmega328p', '-mcall-prologues', '-mrelax'],
    budget: 2_560,
    reached: 6_100,
  },
  {
    name: 'Cortex-M0+',
    tool: 'arm-none-eabi',
    debian: 'gcc-arm-none-eabi libnewlib-arm-none-eabi',
    cpu: ['-mcpu=cortex-m0plus', '-mthumb'],
    budget: 1_536,
    reached: 3_400,
  },
] as const;
const RAM_BUDGET = 256;
const SMALL = ['-Os', '-ffunction-sections', '-fdata-sections', '-fno-tree-loop-distribute-patterns'];

const header = readFileSync(new URL('../../../targets/mcu/include/errand.h', import.meta.url), 'utf8');
const functions = [...new Set([...header.matchAll(/\b(errand_[a-z0-9_]+)\(/g)].map((match) => match[1]!))].filter(
  (name) => new RegExp(`^[a-z][^/\\n]*\\b${name}\\([^)]*\\);`, 'm').test(header),
);

function inFolder<Result>(run: (folder: string) => Result): Result {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-sizes-'));
  try {
    return run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Links the library alone with what it calls; bytes of ROM. Whatever has no `data` and `bss` has no state of its own. */
function linked(board: (typeof BOARDS)[number], roots: readonly string[]): number {
  return inFolder((folder) => {
    const elf = path.join(folder, 'library.elf');
    const keep = roots.map((name) => `-Wl,-u,${name}`);
    const link = ['-nostartfiles', '-nostdlib', '-Wl,-e,errand_link_feed', '-Wl,--gc-sections', ...keep, '-lgcc'];
    compile(`${board.tool}-gcc`, [...board.cpu, ...WARNINGS, ...SMALL, INCLUDE, ...PARTS, ...link, '-o', elf]);
    const [text, data, bss] = compile(`${board.tool}-size`, [elf]).split('\n')[1]!.trim().split(/\s+/).map(Number);
    assert.equal([data, bss], [0, 0], 'no state outside of what the caller gives');
    return text!;
  });
}

test('the header declares what is measured', () => assert.is(functions.length, 28));

for (const board of BOARDS)
  if (hasTool(`${board.tool}-gcc`, board.debian)) {
    test(`${board.name}: link and bodies keep the budget; everything stays under what it reached`, () => {
      const some = linked(
        board,
        functions.filter((name) => !/_(pull|sha256|jobs)_/.test(name)),
      );
      const all = linked(board, functions);
      console.log(
        `\n  ${board.name} -Os: link and bodies ${some} B, with firmware, SHA-256 and jobs ${all} B ROM; budget ${board.budget} B`,
      );
      assert.ok(some <= board.budget, `${some} bytes: expected at most ${board.budget}`);
      assert.ok(all <= board.reached, `${all} bytes: expected at most ${board.reached}`);
    });

    test(`${board.name}: the structures of a link and a transfer fit ${RAM_BUDGET} bytes`, () =>
      inFolder((folder) => {
        const source = path.join(folder, 'ram.c');
        const room = `sizeof(struct errand_link) + sizeof(struct errand_pull) <= ${RAM_BUDGET}`;
        writeFileSync(source, `#include "errand.h"\ntypedef char fits[${room} ? 1 : -1];\n`);
        compile(`${board.tool}-gcc`, [
          ...board.cpu,
          ...WARNINGS,
          INCLUDE,
          '-c',
          source,
          '-o',
          path.join(folder, 'ram.o'),
        ]);
      }));
  }

if (hasTool('arm-none-eabi-gcc', 'gcc-arm-none-eabi libnewlib-arm-none-eabi'))
  test('nothing recurses, and the deepest stack is known', () => {
    const { frames, calls } = callGraph();
    const depth = (name: string, above: readonly string[]): number => {
      assert.not.ok(above.includes(name), `${[...above, name].join(' -> ')} recurses`);
      const below = (calls.get(name) ?? []).map((callee) => depth(callee, [...above, name]));
      return (frames.get(name) ?? 0) + Math.max(0, ...below);
    };
    const deepest = functions.map((name) => [depth(name, []), name] as const).sort(([a], [b]) => b - a)[0]!;
    console.log(
      `\n  Cortex-M0+ -Os: deepest stack ${deepest[0]} B, in ${deepest[1]}, the caller's flash functions apart`,
    );
    assert.ok(deepest[0] <= 256, `${deepest[0]} bytes in ${deepest[1]}`);
    assert.is(frames.size > 24, true, 'the call graph has the static functions too');
  });

/** Stack bytes of each function, and whom it calls, as the compiler writes them down. */
function callGraph(): { frames: Map<string, number>; calls: Map<string, string[]> } {
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

for (const program of ['gcc', 'clang'])
  if (hasTool(program, program))
    test(`${program} has no warning, and finds no heap in it`, () =>
      inFolder((folder) => {
        for (const part of PARTS) {
          const object = path.join(folder, 'part.o');
          compile(program, [...WARNINGS, '-O2', INCLUDE, '-c', part, '-o', object]);
          assert.not.match(compile('nm', ['-u', object]), /alloc|free/);
        }
      }));

test.run();
