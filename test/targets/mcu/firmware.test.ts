import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild, startChild } from '../../child.ts';
import { compile } from './device.ts';
import { BOARDS, canEmulate, type Emulators, openEmulators, SLOTS } from './emulators.ts';

const test = suite('real firmware on emulated boards');
const BRIDGE = fileURLToPath(new URL('../../../dist/errand-bridge.cjs', import.meta.url));

const UNO_PAGE_BYTES = 128;
/** Of `waiting_bytes` in keep.h. */
const UNO_WAITING_AT = 6;

/** Where layout.h has the program of both Cortex-M boards. */
const PROGRAM_AT = 0x1000;
const PAGE_BYTES = { microbit: 1024, mps2: 4096 } as const;

let emulators: Emulators;
const env = () => ({ ...process.env, ERRAND_CACHE: path.join(emulators.folder, 'cache') });
const bridge = (...args: string[]) => runChild(process.execPath, [BRIDGE, ...args], { env: env() });

function addressOf(elf: string, symbol: string): number {
  const [, hex] = new RegExp(`^([0-9a-f]+) \\w ${symbol}$`, 'm').exec(compile('arm-none-eabi-nm', [elf])) ?? [];
  if (hex === undefined) throw new Error(`${elf} has no ${symbol}`);
  return parseInt(hex, 16);
}

test.before(() => {
  emulators = openEmulators();
});
test.after(() => emulators.end());

for (const name of BOARDS)
  if (canEmulate(name)) {
    test(`${name}: answers, runs commands once, and says why one failed`, async () => {
      const { port } = await emulators.start(name, emulators.build(name));
      const hello = await bridge('ping', port, '--count', '1');
      assert.match(
        hello.stdout,
        new RegExp(`^${name}-1: firmware 1 .* commands: pin, add, wait, fail\n`),
        hello.stderr,
      );
      assert.is((await bridge('run', port, 'add', '40', '-2147483648', '4')).stdout, '-2147483604\n');
      const failed = await bridge('run', port, 'fail');
      assert.equal([failed.code, failed.stdout], [1, '-7\n']);
      assert.match(failed.stderr, /the sensor does not answer/);
      assert.is((await bridge('run', port, 'wait', '50')).code, 0);
      assert.match((await bridge('run', port, 'pin', '99', '1')).stderr, /there is no such pin/);
    });

    if (name === 'mps2') continue; // test/whole/firmware.test.ts flashes it, with 256 KB
    test(`${name}: boots what it pulled, in spite of a reset half-way, and goes on where it was`, async () => {
      const board = await emulators.start(name, emulators.build(name));
      const { image } = emulators.build(name, 'FIRMWARE=2', ...(name === 'uno' ? [] : ['PADDING=8192']));
      const child = startChild(process.execPath, [BRIDGE, 'flash', board.port, image], { env: env() });
      await child.line(/^ [4-8]\d %/);
      const from = child.lines.length;
      await board.reset();
      assert.is(await child.ended, 0, child.lines.join('\n'));
      assert.ok(!child.lines.slice(from).some((line) => /^ {2,3}\d %/.test(line)), child.lines.join('\n'));
      assert.match((await bridge('ping', board.port, '--count', '1')).stdout, /: firmware 2 /);
      const size = readFileSync(image).length;
      assert.ok((await board.slot(size)).equals(readFileSync(image)), 'byte for byte');
    });
  }

if (canEmulate('uno'))
  test('uno: power fails while a new program is copied over the old one: the copy begins anew', async () => {
    const firmware = emulators.build('uno');
    const image = readFileSync(emulators.build('uno', 'FIRMWARE=2').image);
    const memories = path.join(emulators.folder, 'cut.memories');
    const [flashFile, eepromFile] = [path.join(memories, 'flash'), path.join(memories, 'eeprom')];
    const before = await emulators.start('uno', firmware, memories);
    await before.child.kill('SIGTERM');
    const flash = readFileSync(flashFile);
    flash.set(image, SLOTS.uno);
    flash.set(image.subarray(0, 40 * UNO_PAGE_BYTES));
    flash.fill(0xff, 40 * UNO_PAGE_BYTES, 41 * UNO_PAGE_BYTES); // erased, not yet written
    writeFileSync(flashFile, flash);
    const eeprom = readFileSync(eepromFile);
    eeprom.writeUInt16LE(image.length, UNO_WAITING_AT);
    writeFileSync(eepromFile, eeprom);
    const { port, child } = await emulators.start('uno', firmware, memories);
    assert.match((await bridge('ping', port, '--count', '1')).stdout, /: firmware 2 /);
    await child.kill('SIGTERM');
    assert.ok(readFileSync(flashFile).subarray(0, image.length).equals(image));
    assert.is(readFileSync(eepromFile).readUInt16LE(UNO_WAITING_AT) >> 8, 0xff, 'nothing waits any more');
  });

for (const name of ['microbit', 'mps2'] as const)
  if (canEmulate(name))
    test(`${name}: power fails at five points of the copy of a new program: it begins anew, and boots byte for byte`, async () => {
      const firmware = emulators.build(name);
      const board = await emulators.startCortex(name, firmware);
      await bridge('ping', board.port, '--count', '1'); // the stub has installed the first program
      const { image } = emulators.build(name, 'FIRMWARE=2', 'PADDING=8192');
      const bytes = readFileSync(image);
      const processor = await board.debug();
      await processor.breakAt(addressOf(firmware.installed, 'flash_write_page'));
      const child = startChild(process.execPath, [BRIDGE, 'flash', board.port, image], { env: env() });
      const pages = Math.ceil(bytes.length / PAGE_BYTES[name]);
      // Which page of the copy, the last two are those of `keep`; and how many instructions into it.
      const cuts = [
        [1, 0],
        [2, 300],
        [pages, 40],
        [pages + 1, 60],
        [pages + 2, 30],
      ] as const;
      for (const [page, instructions] of cuts) {
        for (let i = 0; i < page; i += 1) await processor.run();
        await processor.step(instructions);
        await board.reset();
      }
      await processor.breakAt(undefined);
      await processor.leave();
      assert.is(await child.ended, 0, child.lines.join('\n'));
      // The second time that a program began: neither the old one nor the factory's came in between.
      assert.match((await bridge('ping', board.port, '--count', '1')).stdout, /: firmware 2 .* boot-id 2,/);
      assert.ok((await board.memory(PROGRAM_AT, bytes.length)).equals(bytes), 'byte for byte');
    });

if (canEmulate('uno'))
  test('uno: a program that has no room is refused before anything is written', async () => {
    const board = await emulators.start('uno', emulators.build('uno'));
    const file = path.join(emulators.folder, 'large.bin');
    writeFileSync(file, new Uint8Array(16_384));
    const refused = await bridge('flash', board.port, file);
    assert.equal([refused.code, /there is no room for it/.test(refused.stderr)], [1, true], refused.stderr);
    assert.match((await bridge('flash', board.port, file, '--image', '2')).stderr, /there is no such image/);
  });

test.run();
