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
  ynn: 'body item link write',
  yyn: 'body item link pull write',
  yyy: 'body item jobs link pull write',
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
        const sources = readdirSync(path.join(MODULE, 'src')).filter((name) => name.endsWith('.c'));
        assert.equal(files.sort(), sources.sort(), 'every file of the library');
      }
    });

if (hasTool('gcc', 'build-essential'))
  test('the sample: runs commands, pulls firmware in spite of power cuts, and it stays only when it was confirmed', async () => {
    const program = buildSample(folder);
    const troubles = { POWER_FAILS_AT_SAVE: '30', MAJOR_NOT_CONFIRMED: '3' };
    const board = await startBoard(folder, 'board', imageOf(program, [1, 2, 3]), troubles);
    const env = { ...process.env, ERRAND_CACHE: path.join(folder, 'cache') };
    const whole = (lines: readonly string[]) => [...lines, ...board.child.lines].join('\n');
    const flash = async (image: Uint8Array) => {
      const file = path.join(folder, 'image.bin');
      writeFileSync(file, image);
      const child = startChild(process.execPath, [BRIDGE, 'flash', board.port, file], { env });
      // A harm to flash, or a sanitizer, ends the board, and the bridge would wait for it to come back.
      const code = await Promise.race([child.ended, board.child.ended.then(() => child.kill('SIGTERM'))]);
      return { code, lines: child.lines };
    };
    const added = await runChild(process.execPath, [BRIDGE, 'run', board.port, 'add', '40', '2'], { env });
    assert.is(added.stdout, '42\n', whole([added.stderr]));

    const image = imageOf(program, [2, 0, 1]);
    const { code, lines } = await flash(image);
    assert.is(code, 0, whole(lines));
    assert.match(lines.join('\n'), /^e55a0001: firmware 1\.2\.3\+0 .* commands: pin, add, wait, fail$/m);
    const percents = lines.flatMap((line) => /^ *(\d+) %/.exec(line)?.[1] ?? []).map(Number);
    assert.ok(
      percents.every((percent, i) => percent >= (percents[i - 1] ?? 0) - 3),
      whole(lines),
    );
    assert.ok(board.running(image.length).equals(image), 'byte for byte');
    const boots = () => board.child.lines.slice(1).map((line) => line.replace('MCUboot ', ''));
    assert.match(boots().join(', '), /^starts 1\.2\.3, (starts 1\.2\.3, )+tries 2\.0\.1$/);

    const cases = { 'is no program': new Uint8Array(10_001), 'cannot be confirmed': program };
    for (const [what, bytes] of Object.entries(cases)) {
      const from = board.child.lines.length;
      const failed = await flash(imageOf(bytes, [3, 0, 0]));
      assert.is(failed.code, 1, `${what}: ${whole(failed.lines)}`);
      assert.match(failed.lines.join('\n'), /^e55a0001: firmware 2\.0\.1\+0 /m);
      if (bytes === program) board.reset();
      await board.child.lineAfter(from, /puts back 2\.0\.1/);
    }
    assert.ok(board.running(image.length).equals(image), 'the one before is there again');
    await board.child.kill();
  });

test.run();
