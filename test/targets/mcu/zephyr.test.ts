import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild, startChild } from '../../child.ts';
import { hasTool, lacks } from '../../tools.ts';
import { compile } from './device.ts';
import { buildSample, imageOf, MODULE, SAMPLE, STAND_IN, startBoard } from './zephyrBoard.ts';

/** Zephyr itself is stood in for, by the folder zephyr beside this file: targets/mcu/README.md says what that leaves open. */
const test = suite('the Zephyr module and its sample');
const BRIDGE = fileURLToPath(new URL('../../../dist/errand-bridge.cjs', import.meta.url));
const PYTHON = '/usr/bin/python3';

let folder: string;
test.before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'errand-zephyr-'));
});
test.after(() => rmSync(folder, { recursive: true }));

const hasKconfig =
  spawnSync(PYTHON, ['-c', 'import kconfiglib, yaml']).status === 0 ||
  lacks('kconfiglib', 'apt-get install python3-kconfiglib python3-yaml');

if (hasKconfig)
  test('Kconfig: nothing without ERRAND; jobs bring firmware with them; all else is as asked', () => {
    const names = ['ERRAND', 'ERRAND_FIRMWARE', 'ERRAND_JOBS'];
    const args = ['--sets', folder, path.join(SAMPLE, 'Kconfig'), MODULE, ...names];
    const sets = JSON.parse(compile(PYTHON, [path.join(STAND_IN, 'configure.py'), ...args]));
    assert.equal(sets, {
      ...{ nnn: [], nny: [], nyn: [], nyy: [] },
      ynn: ['ERRAND'],
      yyn: ['ERRAND', 'ERRAND_FIRMWARE'],
      ...{ yny: names, yyy: names },
    });
  });

/** The parts of the library, by the first words of their functions, in the order in which options add them. */
const PARTS_OF = {
  n: '',
  ynn: 'body item link map write',
  yyn: 'body item link map pull sha256 write',
  yyy: 'body item jobs link map pull sha256 write',
};

const arm = () => hasTool('arm-none-eabi-gcc', 'gcc-arm-none-eabi libnewlib-arm-none-eabi');
if (hasKconfig && hasTool('cmake', 'cmake') && arm())
  for (const [options, parts] of Object.entries(PARTS_OF))
    test(`CMake: with ERRAND, FIRMWARE, JOBS at ${options} a Cortex-M0 gets ${parts || 'nothing'}`, () => {
      const out = path.join(folder, `cmake-${options}`);
      const conf = path.join(folder, `${options}.conf`);
      const [errand, firmware, jobs] = options;
      const rest = errand === 'y' ? `CONFIG_ERRAND_FIRMWARE=${firmware}\nCONFIG_ERRAND_JOBS=${jobs}\n` : '';
      writeFileSync(conf, `CONFIG_ERRAND=${errand}\n${rest}`);
      const env = { ...process.env, ZEPHYR_BASE: STAND_IN };
      const { status, stderr } = spawnSync('cmake', ['-S', SAMPLE, '-B', out, `-DEXTRA_CONF_FILE=${conf}`], { env });
      assert.is(status, 0, String(stderr));
      const archive = path.join(out, 'modules/errand/liberrand.a');
      // The sample needs all parts, and is compiled with them.
      if (options !== 'n') compile('make', ['-s', '-C', out, ...(options === 'yyy' ? ['all'] : ['errand'])]);
      const symbols = options === 'n' ? '' : compile('arm-none-eabi-nm', ['--defined-only', archive]);
      const found = new Set([...symbols.matchAll(/ T errand_([a-z0-9]+)_/g)].map(([, part]) => part));
      assert.is([...found].sort().join(' '), parts);
      if (options === 'yyy') {
        const files = [...symbols.matchAll(/^(\w+)\.c\.obj:$/gm)].map(([, name]) => `${name}.c`);
        assert.equal(files.sort(), readdirSync(path.join(MODULE, 'src')).sort(), 'every file of the library');
      }
    });

if (hasTool('gcc', 'build-essential'))
  test('the sample: runs commands, pulls firmware in spite of a reset, confirms it, and an image that does not start is put back', async () => {
    const program = buildSample(folder);
    const board = await startBoard(folder, 'board', imageOf(program, [1, 2, 3]));
    const env = { ...process.env, ERRAND_CACHE: path.join(folder, 'cache') };
    const bridge = (...args: string[]) => startChild(process.execPath, [BRIDGE, ...args], { env });
    const added = await runChild(process.execPath, [BRIDGE, 'run', board.port, 'add', '40', '2'], { env });
    assert.is(added.stdout, '42\n', `${added.stderr}${board.child.lines.join('\n')}`);

    const image = imageOf(program, [2, 0, 1]);
    const file = path.join(folder, 'two.bin');
    writeFileSync(file, image);
    const flash = bridge('flash', board.port, file);
    await flash.line(/^ [3-6]\d %/);
    const from = flash.lines.length;
    board.reset();
    assert.is(await flash.ended, 0, [...flash.lines, ...board.child.lines].join('\n'));
    assert.match(flash.lines.join('\n'), /^e55a0001: firmware 1\.2\.3\+0 .* commands: pin, add, wait, fail$/m);
    assert.ok(!flash.lines.slice(from).some((line) => /^ {2,3}\d %/.test(line)), 'it goes on where it was');
    assert.ok(board.running(image.length).equals(image), 'byte for byte');

    const broken = path.join(folder, 'broken.bin');
    writeFileSync(broken, imageOf(new Uint8Array(10_001), [3, 0, 0]));
    const failed = bridge('flash', board.port, broken);
    assert.is(await failed.ended, 1, failed.lines.join('\n'));
    assert.match(failed.lines.join('\n'), /^e55a0001: firmware 2\.0\.1\+0 /m);
    const boots = ['starts 1.2.3', 'starts 1.2.3', 'tries 2.0.1', 'tries 3.0.0', 'puts back 2.0.1'];
    assert.equal(
      board.child.lines.slice(1),
      boots.map((boot) => `MCUboot ${boot}`),
    );
    assert.ok(board.running(image.length).equals(image), 'the one before is there again');
    await board.child.kill();
  });

test.run();
