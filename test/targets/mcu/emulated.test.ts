import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame, type Frame } from '../../../runtime/serial/frame.ts';
import { encodeHostHello } from '../../../runtime/serial/hello.ts';
import { blocksOf, decodePull, encodeBlock } from '../../../runtime/serial/pull.ts';
import { createSplitter, split } from '../../../runtime/serial/splitter.ts';
import { bytesOf } from '../../runtime/serial/vectors.ts';
import { hasTool } from '../../tools.ts';
import { compile, INCLUDE, PARTS, WARNINGS } from './device.ts';

const test = suite('the C library on emulated processors');

const BOOT_ID = 4_000_000_000;
const BOOT = (BOOT_ID + 157) & 255;
const image = Uint8Array.from({ length: 150 }, (_, i) => i * 7);
const frame = (of: Omit<Frame, 'from' | 'addr'>) => encodeFrame({ addr: 0, from: 'host', ...of });
const poll = (seq: number) => frame({ type: 'REQUEST', seq, boot: BOOT, body: Uint8Array.of(0xa1, 0, 2) });
const data = blocksOf(image, { offset: 0, length: 16, count: 99 }).map((block) =>
  frame({ type: 'DATA', seq: 0, boot: BOOT, body: encodeBlock(block) }),
);
const damaged = data[3]!.slice();
damaged[9]! ^= 4;

/** What the processor is fed: HELLO, a repeated question, a damaged block and what follows it, which comes too early. */
const WIRE = Buffer.concat([
  ...[
    frame({ type: 'HELLO', seq: 1, boot: 0, body: encodeHostHello({ version: 1, host: 3_000_000_000 }) }),
    poll(0),
    poll(0),
  ],
  ...[...data.slice(0, 3), damaged, data[4]!, poll(1), ...data.slice(3), poll(2)],
]);

const BOARDS = [
  {
    name: 'ATmega328P in simavr',
    tools: [
      ['avr-gcc', 'gcc-avr avr-libc'],
      ['simavr', 'simavr'],
    ],
    compiler: ['avr-gcc', '-mmcu=atmega328p', '-DF_CPU=16000000UL'],
    run: ['simavr', '-m', 'atmega328p', '-f', '16000000'],
  },
  {
    name: 'Cortex-M0 in QEMU',
    tools: [
      ['arm-none-eabi-gcc', 'gcc-arm-none-eabi libnewlib-arm-none-eabi'],
      ['qemu-system-arm', 'qemu-system-arm'],
    ],
    compiler: [
      ...[
        'arm-none-eabi-gcc',
        '-mcpu=cortex-m0',
        '-mthumb',
        '-nostartfiles',
        '-nostdlib',
        '-Wl,--section-start=.vectors=0',
      ],
      ...['-Wl,-Ttext=0x100', '-Wl,-Tbss=0x20000000', '-Wl,-e,main'],
    ],
    run: [
      ...['qemu-system-arm', '-M', 'microbit', '-display', 'none', '-monitor', 'none', '-serial', 'none'],
      ...['-semihosting-config', 'enable=on,target=native', '-kernel'],
    ],
  },
] as const;

for (const { name, tools, compiler, run } of BOARDS)
  if (tools.every(([program, debian]) => hasTool(program, debian)))
    test(`${name}: answers, repeats, asks again for what was damaged, and verifies the image`, () => {
      const printed = runBoard(compiler, run);
      const [hex = '', verdict] = /([0-9a-f]{20,})([=?!])/.exec(printed)?.slice(1) ?? [];
      const frames = split(createSplitter(), bytesOf(hex)).flatMap((found) => ('frame' in found ? [found.frame] : []));
      assert.equal(
        frames.map(({ from, type, seq, boot }) => [from, type, seq, boot]),
        [
          ['device', 'HELLO', 0, BOOT_ID & 255],
          ['device', 'HELLO', 1, BOOT],
          ...[0, 0, 1, 2].map((seq) => ['device', 'REQUEST', seq, BOOT]),
        ],
        printed,
      );
      const pulls = frames.slice(2).map(({ body }) => decodePull(body));
      assert.equal(
        pulls.map(({ offset, count }) => [offset, count]),
        [
          [0, 4],
          [0, 4],
          [48, 4],
          [150, 0],
        ],
      );
      assert.is(verdict, '=');
    });

function runBoard(
  [cc, ...flags]: readonly [string, ...string[]],
  [program, ...args]: readonly [string, ...string[]],
): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-board-'));
  try {
    const list = (type: string, bytes: Uint8Array) => `static const uint8_t ${type}[] = {${[...bytes].join(',')}};\n`;
    const hash = createHash('sha256').update(image).digest();
    const header = `${list('wire', WIRE)}${list('hash', hash)}#define IMAGE_BYTES ${image.length}\n#define BOOT_ID ${BOOT_ID}u\n`;
    writeFileSync(path.join(folder, 'board.h'), header.replace(`${BOOT_ID}u`, `${BOOT_ID}ul`));
    const elf = path.join(folder, 'board.elf');
    const source = path.join(path.dirname(new URL(import.meta.url).pathname), 'board.c');
    compile(cc, [
      ...flags,
      ...WARNINGS,
      '-Os',
      INCLUDE,
      `-I${folder}`,
      source,
      ...PARTS,
      '-o',
      elf,
      '-lgcc',
      ...(cc === 'avr-gcc' ? [] : ['-lc']),
    ]);
    const { stdout, stderr, error } = spawnSync(program, [...args, elf], { encoding: 'utf8', timeout: 30_000 });
    return `${stdout}${stderr}${error?.message ?? ''}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.run();
