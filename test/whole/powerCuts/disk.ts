/** What a disk may hold after a power cut: all that was synced, and of the rest any part, in any order, torn anywhere. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Op } from './trace.ts';

type Change = Extract<Op, { file: number } | { folder: string }>;

/** What a disk writes as one, bytes. */
const SECTOR_BYTES = 512;

/** Larger writes are torn at few places. */
const FINE_BYTES_MAX = 4_096;

/** What is where a write should be. */
const FILLS = [
  ['ones', 0xff],
  ['as it was', undefined],
  ['zeros', 0],
] as const;

/** Files by their whole paths. */
export type Files = Map<string, Buffer>;

/** One way for a cut to leave the disk. */
export interface Left {
  how: string;
  files: Files;
  /** Some of a write is there, and some of it is not. */
  torn: boolean;
}

/** Everything that the disk may hold when power goes behind `ops[cut - 1]`, each once. */
export function* cuts(ops: readonly Op[], cut: number): Generator<Left> {
  const changes = ops.slice(0, cut).filter(isChange);
  const isSafe = changes.map((change, i) => changes.slice(i + 1).some((later) => syncs(later, change)));
  const unsafe = changes.map((_, i) => i).filter((i) => !isSafe[i] && !isSync(changes[i]!));
  const seen = new Set<string>();
  const leave = function* (how: string, kept: ReadonlySet<number>, torn?: [number, Buffer, Buffer]): Generator<Left> {
    const files = apply(changes, (i) => isSafe[i] || kept.has(i), torn);
    const key = [...files].map(([name, bytes]) => `${name}:${bytes.toString('latin1')}`).join('|');
    if (seen.has(key)) return;
    seen.add(key);
    yield { how: `cut behind ${cut}: ${how}`, files, torn: torn !== undefined };
  };
  for (let n = 0; n <= unsafe.length; n++) yield* leave(`${n} of ${unsafe.length}`, new Set(unsafe.slice(0, n)));
  for (const one of unsafe) {
    yield* leave(`${one} alone`, new Set([one]));
    yield* leave(`all but ${one}`, new Set(unsafe.filter((other) => other !== one)));
    const change = changes[one]!;
    if (change.do !== 'write') continue;
    const before = new Set(unsafe.filter((other) => other < one));
    for (const [how, mask] of tears(change.bytes.length))
      for (const [fill, rest] of change.bytes.length > FINE_BYTES_MAX ? FILLS.slice(1) : FILLS) {
        const garbage = Buffer.alloc(change.bytes.length, rest ?? 0);
        const written = Buffer.from(mask.map((there) => (there ? 1 : rest === undefined ? 0 : 2)));
        yield* leave(`${one} torn, ${how}, the rest ${fill}`, new Set([...before, one]), [one, written, garbage]);
      }
  }
}

/** Lengths at which a write is torn, and sectors of it that alone are there. */
function* tears(length: number): Generator<[how: string, mask: boolean[]]> {
  const near = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16, 20];
  const sectors = Array.from({ length: Math.ceil(length / SECTOR_BYTES) }, (_, i) => i * SECTOR_BYTES);
  const all = [...near, ...near.map((n) => length - n), ...sectors, Math.floor(length / 2), Math.floor(length / 3)];
  const lengths = new Set(length > FINE_BYTES_MAX ? [1, SECTOR_BYTES, length / 2, length - 1].map(Math.floor) : all);
  const mask = (there: (i: number) => boolean) => Array.from({ length }, (_, i) => there(i));
  for (const n of lengths)
    if (n >= 0 && n < length) {
      yield [`its first ${n}`, mask((i) => i < n)];
      yield [`all but its first ${n}`, mask((i) => i >= n)];
    }
  if (length <= SECTOR_BYTES) return;
  yield ['even sectors', mask((i) => Math.floor(i / SECTOR_BYTES) % 2 === 0)];
  yield ['odd sectors', mask((i) => Math.floor(i / SECTOR_BYTES) % 2 === 1)];
}

/** @param torn  a write: 1 where its byte is there, 2 where something else is, 0 where nothing was changed; that something */
function apply(
  changes: readonly Change[],
  isThere: (i: number) => boolean | undefined,
  torn?: [number, Buffer, Buffer],
): Files {
  const contents = new Map<number, Buffer>();
  const names = new Map<string, number>();
  const content = (file: number) => contents.get(file) ?? Buffer.alloc(0);
  changes.forEach((change, i) => {
    if (!isThere(i)) return;
    switch (change.do) {
      case 'name':
        names.set(path.join(change.folder, change.name), change.file);
        return;
      case 'unname':
        names.delete(path.join(change.folder, change.name));
        return;
      case 'rename':
        names.delete(path.join(change.folder, change.from));
        names.set(path.join(change.folder, change.to), change.file);
        return;
      case 'size': {
        const bytes = Buffer.alloc(change.size);
        content(change.file).copy(bytes);
        contents.set(change.file, bytes);
        return;
      }
      case 'write': {
        const before = content(change.file);
        const bytes = Buffer.alloc(Math.max(before.length, change.at + change.bytes.length));
        before.copy(bytes);
        if (torn?.[0] !== i) change.bytes.copy(bytes, change.at);
        else
          torn[1].forEach((what, k) => {
            if (what > 0) bytes[change.at + k] = (what === 1 ? change.bytes : torn[2])[k]!;
          });
        contents.set(change.file, bytes);
      }
    }
  });
  return new Map([...names].map(([name, file]) => [name, content(file)]));
}

/** Puts such files into a folder that was emptied before; `from` is where they were traced. */
export function lay(files: Files, from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of files)
    if (name.startsWith(`${from}/`)) {
      const place = path.join(to, name.slice(from.length));
      mkdirSync(path.dirname(place), { recursive: true, mode: 0o700 });
      writeFileSync(place, bytes, { mode: 0o600 });
    }
}

const isSync = ({ do: what }: Op) => what === 'sync' || what === 'sync folder';

function isChange(op: Op): op is Change {
  return 'file' in op || 'folder' in op;
}

function syncs(later: Op, change: Change): boolean {
  if (later.do === 'sync') return (change.do === 'write' || change.do === 'size') && change.file === later.file;
  return later.do === 'sync folder' && 'folder' in change && change.folder === later.folder;
}
