import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import { compile } from './device.ts';

const test = suite('the example devices');
const examples = new URL('../../../targets/mcu/examples/', import.meta.url).pathname;

/** Makes an example in a folder of its own, hands over the folder, and removes it. */
function made(folder: string, settings: readonly string[], look: (out: string) => void): void {
  const out = mkdtempSync(path.join(tmpdir(), 'errand-example-'));
  try {
    compile('make', ['-s', '-C', path.join(examples, folder), `OUT=${out}`, ...settings]);
    look(out);
  } finally {
    rmSync(out, { recursive: true });
  }
}

if (hasTool('avr-gcc', 'gcc-avr avr-libc')) {
  test('the boot section of the Uno calls nothing outside of itself: it writes over the program', () =>
    made('uno', [], (out) => {
      const code = compile('avr-objdump', ['-d', '-j', '.boot', '-j', '.boot_start', path.join(out, 'uno.elf')]);
      const targets = [...code.matchAll(/\t(?:r?call|r?jmp)\t.*;\s*0x([0-9a-f]+)/g)].map(([, hex = '']) =>
        parseInt(hex, 16),
      );
      assert.ok(targets.length > 10, 'its calls are found');
      assert.equal([...new Set(targets.filter((address) => address < 0x7800))], [0], 'but the start of the program');
    }));

  test('the program of the Uno leaves 900 of its 2,048 bytes of RAM to the stack, and fits below the slot', () =>
    made('uno', [], (out) => {
      const sections = compile('avr-size', ['-A', path.join(out, 'uno.elf')]);
      const size = (name: string) => Number(new RegExp(`^\\${name}\\s+(\\d+)`, 'm').exec(sections)?.[1]);
      assert.ok(2048 - size('.data') - size('.bss') >= 900, sections);
      assert.ok(size('.text') + size('.data') <= 0x3800, sections);
    }));
}

if (hasTool('arm-none-eabi-gcc', 'gcc-arm-none-eabi libnewlib-arm-none-eabi'))
  for (const board of ['microbit', 'mps2'])
    test(`${board}: the stub has no data, and the program begins with its vectors`, () =>
      made('cortex-m', [`BOARD=${board}`], (out) => {
        const symbols = compile('arm-none-eabi-nm', [path.join(out, `${board}-program.elf`)]);
        assert.match(symbols, /^00001000 \w vectors$/m);
        const sections = compile('arm-none-eabi-size', ['-A', path.join(out, `${board}.elf`)]);
        assert.match(sections, /^\.factory\s+\d{4,}/m);
      }));

test.run();
