/** The sample application for Zephyr on a board that stands in for one with Zephyr and MCUboot: zephyr/board.c, zephyr/kernel.c. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../../child.ts';
import { compile, INCLUDE, PARTS } from './device.ts';

export const STAND_IN = fileURLToPath(new URL('./zephyr', import.meta.url));
export const MODULE = fileURLToPath(new URL('../../../targets/mcu', import.meta.url));
export const SAMPLE = path.join(MODULE, 'zephyr/sample');

/** As slots.h has it. */
const SLOT_BYTES = 0x80000;
const HEADER_BYTES = 512;
const MAGIC = 0x96f3b83d;
const TAIL_MAGIC = 0x6907;
const TAIL_SHA256 = 0x10;

/** A program as imgtool makes an image of it, without a signature: header, program, a tail with its hash (MCUboot, docs/design.md). */
export function imageOf(program: Uint8Array, [major, minor, revision]: readonly [number, number, number]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt16LE(HEADER_BYTES, 8);
  header.writeUInt32LE(program.length, 12);
  header.set([major, minor], 20);
  header.writeUInt16LE(revision, 22);
  const tail = Buffer.alloc(8 + 32);
  tail.writeUInt16LE(TAIL_MAGIC, 0);
  tail.writeUInt16LE(tail.length, 2);
  tail.writeUInt16LE(TAIL_SHA256, 4);
  tail.writeUInt16LE(32, 6);
  tail.set(createHash('sha256').update(header).update(program).digest(), 8);
  return Buffer.concat([header, program, tail]);
}

export interface ZephyrBoard {
  readonly port: string;
  readonly child: Child;
  /** What its first slot holds: what runs. */
  running(size: number): Buffer;
  /** Pulls its reset pin. */
  reset(): void;
}

/** The sample and the board, for this machine. @returns the sample's program */
export function buildSample(folder: string): Uint8Array {
  const program = path.join(folder, 'sample');
  const strict = ['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Wconversion', '-Werror'];
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-s'];
  // Smaller than a flash page: so it is filled in four pieces.
  const options = ['-DCONFIG_BOARD="stand-in"', '-DCONFIG_ERRAND_SAMPLE_PAGE_BYTES=1024'];
  const includes = [`-I${STAND_IN}/include`, `-I${STAND_IN}`, INCLUDE, `-I${MODULE}/examples`];
  const sources = readdirSync(`${SAMPLE}/src`).flatMap((name) =>
    name.endsWith('.c') ? [`${SAMPLE}/src/${name}`] : [],
  );
  const all = [...sources, `${MODULE}/examples/commands.c`, ...PARTS, `${STAND_IN}/kernel.c`];
  compile('gcc', [...strict, ...sanitizers, ...options, ...includes, ...all, '-o', program]);
  compile('gcc', [...strict, `${STAND_IN}/board.c`, '-o', path.join(folder, 'board')]);
  return readFileSync(program);
}

/** What kernel.c can have go wrong, by its environment. */
export interface Troubles {
  /** In each life, at the n-th time that something is to be remembered. */
  readonly POWER_FAILS_AT_SAVE: string;
  /** Of the firmware that cannot be confirmed. */
  readonly MAJOR_NOT_CONFIRMED: string;
}

/** Starts a board that a programmer has written this image to. */
export async function startBoard(
  folder: string,
  name: string,
  image: Uint8Array,
  troubles: Troubles,
): Promise<ZephyrBoard> {
  const [flash, settings, port] = ['flash', 'settings', 'tty'].map((kind) => path.join(folder, `${name}.${kind}`));
  const memory = Buffer.alloc(2 * SLOT_BYTES, 0xff);
  memory.set(image);
  writeFileSync(flash!, memory);
  mkdirSync(settings!);
  const child = startChild(path.join(folder, 'board'), [flash!, settings!, port!], {
    env: { ...process.env, ...troubles },
  });
  await child.line(/^ready/);
  return {
    port: port!,
    child,
    running: (size) => readFileSync(flash!).subarray(0, size),
    reset: () => void child.process.kill('SIGUSR2'),
  };
}
