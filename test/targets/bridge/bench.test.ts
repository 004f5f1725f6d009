import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild, startChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { openWorkshop, type Workshop } from './board.ts';

const test = suite('errand-bridge at the bench');
const BRIDGE = fileURLToPath(new URL('../../../dist/errand-bridge.cjs', import.meta.url));

let workshop: Workshop;
const env = () => ({ ...process.env, ERRAND_CACHE: path.join(workshop.folder, 'cache') });
const bridge = (...args: string[]) => runChild(process.execPath, [BRIDGE, ...args], { env: env() });

if (hasTool('gcc', 'build-essential')) {
  test.before(() => {
    workshop = openWorkshop();
  });
  test.after(() => workshop.end());

  test('ping: who is there, its commands, and answers', async () => {
    const { port } = await workshop.board('ping', 'frame=128');
    const { code, stdout } = await bridge('ping', port, '--count', '2');
    assert.is(code, 0);
    assert.match(
      stdout,
      /^ping: .*frames of 128 bytes.*commands: add, slow, fail, print, die\nanswer 1: .* ms\nanswer 2: /,
    );
  });

  test('ping: the rate that was asked for first is wrong, and the next ones are tried', async () => {
    const { port } = await workshop.board('probe');
    // On a pseudo-terminal every rate is right: what is shown is that several may be named.
    assert.is((await bridge('ping', port, '--baud', 'probe', '--count', '1')).code, 0);
    const wrong = await bridge('ping', port, '--baud', 'fast');
    assert.is(wrong.code, 2);
    assert.match(wrong.stderr, /--baud 'fast': expected a whole number, 50 to 4000000/);
  });

  test('run: arguments there, the result and what was printed back, and an exit code that tells how it went', async () => {
    const board = await workshop.board('run');
    const { code, stdout, stderr } = await bridge('run', board.port, 'add', '40', '-2147483648', '4');
    assert.equal([code, stdout], [0, '-2147483604\n']);
    assert.match(stderr, /add succeeded/);
    const printed = await bridge('run', board.port, 'print', 'hello, world');
    assert.equal([printed.code, printed.stdout], [0, 'hello, world\n']);
    const failed = await bridge('run', board.port, 'fail');
    assert.equal([failed.code, failed.stdout], [1, '-7\n']);
    assert.match(failed.stderr, /fail failed: the sensor does not answer/);
    const unknown = await bridge('run', board.port, 'open-door');
    assert.match(unknown.stderr, /has no command 'open-door': it announces add, slow/);
    const wrong = await bridge('run', board.port, 'add', '1.5');
    assert.equal([wrong.code, wrong.stderr.includes("argument 1 '1.5': only whole numbers can be sent")], [2, true]);
    assert.equal(board.ran(), ['add', 'print', 'fail']);
  });

  test('run: Ctrl-C stops the command on the device', async () => {
    const board = await workshop.board('interrupt');
    const child = startChild(process.execPath, [BRIDGE, 'run', board.port, 'slow', '60000'], { env: env() });
    await child.line(/taking its time/);
    assert.is(await child.kill('SIGINT'), 130);
    assert.ok(child.lines.some((line) => line.includes('slow failed: stopped')));
  });

  test('flash: 16 KB in spite of a reset and a pulled cable, byte for byte, and not twice', async () => {
    const board = await workshop.board('flash', 'baud=230400', 'frame=128', 'block=64', 'count=8');
    const image = randomBytes(16_384);
    const file = path.join(workshop.folder, 'image.bin');
    writeFileSync(file, image);
    const child = startChild(process.execPath, [BRIDGE, 'flash', board.port, file], { env: env() });
    await child.line(/^ 2\d %/);
    board.reset();
    await child.line(/^ 5\d %/);
    board.cable();
    await child.line(/unplugged/);
    board.cable();
    assert.is(await child.ended, 0, child.lines.join('\n'));
    assert.ok(board.file('firmware')?.equals(image));
    assert.ok(!child.lines.slice(-9).some((line) => /^ {2}[0-9] %/.test(line)), 'it went on where it was');
    const again = await bridge('flash', board.port, file);
    assert.match(again.stderr, /already runs the firmware/);
  });

  test('monitor: frames with time and direction, text as it is, and bytes when asked for', async () => {
    const board = await workshop.board('monitor');
    const child = startChild(process.execPath, [BRIDGE, 'monitor', board.port, '--hex'], { env: env() });
    await child.line(/^ +\d+\.\d{3} -> #1 HELLO from host \d+/);
    await child.line(/^ +\d+\.\d{3} <- #1 HELLO from 'monitor', boot-id \d+/);
    await child.line(/^ +\d+\.\d{3} <- 00 01 /);
    const from = child.lines.length;
    board.reset();
    await child.lineAfter(from, /<- #0 HELLO from 'monitor'/);
    assert.is(await child.kill('SIGINT'), 130);
  });

  test('output that nobody takes: a command ends as it would, a monitor ends by itself; nothing is traced', async () => {
    const board = await workshop.board('untaken');
    const full = (...args: string[]) =>
      runChild('/bin/sh', ['-c', 'exec "$@" > /dev/full', 'sh', process.execPath, BRIDGE, ...args], { env: env() });
    const added = await full('run', board.port, 'add', '1', '2', '3');
    assert.equal(
      [added.code, /add succeeded/.test(added.stderr), added.stderr.includes('EventEmitter')],
      [0, true, false],
    );
    assert.is((await full('run', board.port, 'fail')).code, 1);
    const child = startChild(process.execPath, [BRIDGE, 'monitor', board.port, '--hex'], { env: env() });
    await child.line(/<- #1 HELLO/);
    child.process.stdout!.destroy();
    board.reset();
    assert.is(await child.ended, 130);
    assert.not.match(child.lines.join('\n'), /EPIPE/);
  });

  test('wrong words end with 2 and one sentence, a missing port with 1', async () => {
    for (const [words, said] of [
      [['flash', '/dev/x'], /expected: errand-bridge flash PORT IMAGE/],
      [['ping', 'COM1'], /'COM1': expected a path/],
      [['ping', '/dev/x', '--speed', '1'], /unknown option --speed/],
      [['pong'], /unknown command 'pong'/],
    ] as const) {
      const { code, stderr } = await bridge(...words);
      assert.is(code, 2);
      assert.match(stderr, said);
    }
    const missing = await bridge('ping', path.join(workshop.folder, 'nothing'), '--wait', '1');
    assert.equal([missing.code, missing.stderr.includes('it is not there')], [1, true]);
    assert.match((await bridge('--help')).stdout, /monitor PORT/);
  });
}

test.run();
