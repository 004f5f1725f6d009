import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild, startChild } from '../../child.ts';
import { BOARDS, canEmulate, type Emulators, openEmulators } from './emulators.ts';

const test = suite('real firmware on emulated boards');
const BRIDGE = fileURLToPath(new URL('../../../dist/errand-bridge.cjs', import.meta.url));

let emulators: Emulators;
const env = () => ({ ...process.env, ERRAND_CACHE: path.join(emulators.folder, 'cache') });
const bridge = (...args: string[]) => runChild(process.execPath, [BRIDGE, ...args], { env: env() });

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
  test('uno: a program that has no room is refused before anything is written', async () => {
    const board = await emulators.start('uno', emulators.build('uno'));
    const file = path.join(emulators.folder, 'large.bin');
    writeFileSync(file, new Uint8Array(16_384));
    const refused = await bridge('flash', board.port, file);
    assert.equal([refused.code, /there is no room for it/.test(refused.stderr)], [1, true], refused.stderr);
    assert.match((await bridge('flash', board.port, file, '--image', '2')).stderr, /there is no such image/);
  });

test.run();
