/** A corpus as it is kept: a text file for each target, an input a line, above them what they reach together. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../corpus');

export interface Corpus {
  /** Branches that its inputs reach, of all that there were when it was written. */
  reached: number;
  branches: number;
  inputs: Uint8Array[];
}

/** Empty when there is none yet. */
export function readCorpus(target: string): Corpus {
  const file = fileOf(target);
  if (!existsSync(file)) return { reached: 0, branches: 0, inputs: [] };
  const [head = '', ...lines] = readFileSync(file, 'latin1').split('\n');
  const [reached = 0, branches = 0] = (head.match(/\d+/g) ?? []).map(Number);
  return { reached, branches, inputs: lines.filter((line) => line !== '').map(bytesOfLine) };
}

export function writeCorpus(target: string, { reached, branches, inputs }: Corpus): void {
  const head = `# ${reached} of ${branches} branches (npm run fuzz:coverage -- --target ${target} writes this file)`;
  writeFileSync(fileOf(target), `${[head, ...inputs.map(lineOf)].join('\n')}\n`, 'latin1');
}

/** Printable ASCII is itself, any other byte and the backslash are `\` and two hexadecimal digits. */
export function lineOf(input: Uint8Array): string {
  return Array.from(input, (byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}

export function bytesOfLine(line: string): Uint8Array {
  const text = line.replace(/\\([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function fileOf(target: string): string {
  return path.join(folder, `${target}.txt`);
}
