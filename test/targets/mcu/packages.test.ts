import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../../child.ts';
import { hasTool, lacks } from '../../tools.ts';
import { compile } from './device.ts';
import { canEmulate, type Emulators, openEmulators } from './emulators.ts';

const test = suite('the C library in other build systems');
const library = fileURLToPath(new URL('../../../targets/mcu/', import.meta.url));
const BRIDGE = fileURLToPath(new URL('../../../dist/errand-bridge.cjs', import.meta.url));
const ARDUINO = '/usr/share/arduino/hardware/arduino/avr';
const UNO =
  '-mmcu=atmega328p -DF_CPU=16000000L -DARDUINO=10819 -DARDUINO_AVR_UNO -DARDUINO_ARCH_AVR -Os -ffunction-sections'.split(
    ' ',
  );

let emulators: Emulators;
test.before(() => {
  emulators = openEmulators();
});
test.after(() => emulators.end());

if (hasTool('g++', 'build-essential'))
  test('errand.h is C++11 too', () => {
    const source = path.join(emulators.folder, 'header.cpp');
    writeFileSync(source, '#include "errand.h"\nint main() { errand_link link = {}; errand_link_init(&link); }\n');
    const warnings = ['-std=c++11', '-Wall', '-Wextra', '-Wpedantic', '-Wno-missing-field-initializers', '-Werror'];
    compile('g++', [...warnings, `-I${library}/include`, '-fsyntax-only', source]);
  });

const core = existsSync(ARDUINO) || lacks('the Arduino core', 'apt-get install arduino-core-avr');
if (core && canEmulate('uno'))
  test('Arduino: the layout that make makes is a library, and its sketch has jobs on an Uno', async () => {
    compile('make', ['-s', '-C', library, 'arduino', `OUT=${emulators.folder}`]);
    const { port } = await emulators.start('uno', { installed: buildSketch(), image: '' });
    const env = { ...process.env, ERRAND_CACHE: path.join(emulators.folder, 'cache') };
    const run = (...words: string[]) => runChild(process.execPath, [BRIDGE, 'run', port, ...words], { env });
    assert.equal((await run('add', '40', '2')).stdout, '42\n');
    assert.is((await run('led', '1')).code, 0);
    assert.match((await run('add', 'x')).stderr, /only whole numbers are taken/);
  });

/** Compiles library, core and sketch, as the Arduino IDE does; the HEX file. */
function buildSketch(): string {
  const out = path.join(emulators.folder, 'sketch');
  const source = path.join(emulators.folder, 'Errand');
  mkdirSync(out);
  const cores = path.join(ARDUINO, 'cores/arduino');
  const include = [cores, `${ARDUINO}/variants/standard`, `${ARDUINO}/libraries/EEPROM/src`, `${source}/src`];
  const flags = [...UNO, ...include.map((folder) => `-I${folder}`)];
  const inFolder = (folder: string, ext: string) =>
    readdirSync(folder).flatMap((name) => (name.endsWith(ext) ? [path.join(folder, name)] : []));
  const object = (file: string) => path.join(out, `${path.basename(file)}.o`);
  for (const file of [...inFolder(cores, '.c'), ...inFolder(cores, '.S'), ...inFolder(path.join(source, 'src'), '.c')])
    compile('avr-gcc', [...flags, ...(file.endsWith('.c') ? ['-std=gnu11'] : []), '-c', file, '-o', object(file)]);
  const cpp = ['-std=gnu++11', '-fpermissive', '-fno-exceptions', '-fno-threadsafe-statics'];
  // Text is not used, and wants a younger compiler than Debian's.
  for (const file of inFolder(cores, '.cpp').filter((name) => !name.endsWith('WString.cpp')))
    compile('avr-g++', [...flags, ...cpp, '-c', file, '-o', object(file)]);
  const sketch = path.join(source, 'examples/Device/Device.ino');
  const strict = ['-Wall', '-Wextra', '-Werror', '-include', 'Arduino.h', '-x', 'c++'];
  compile('avr-g++', [...flags, ...cpp, ...strict, '-c', sketch, '-o', object(sketch)]);
  const elf = path.join(out, 'sketch.elf');
  compile('avr-gcc', ['-mmcu=atmega328p', '-Wl,--gc-sections', ...inFolder(out, '.o'), '-o', elf]);
  compile('avr-objcopy', ['-O', 'ihex', '-R', '.eeprom', elf, `${elf}.hex`]);
  return `${elf}.hex`;
}

test.run();
