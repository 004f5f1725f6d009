import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createFlashTask } from '../../../runtime/serial/flashTask.ts';
import type { TaskOutcome } from '../../../runtime/serial/task.ts';
import { clock } from '../../../targets/bridge/clock.ts';
import { openLine } from '../../../targets/bridge/line.ts';
import { createTaskRunner } from '../../../targets/bridge/taskRunner.ts';
import { ttyShell } from '../../../transports/serial/ttyShell.ts';
import { runChild, startChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { openWorkshop, type Workshop } from './board.ts';

const test = suite('several microcontrollers on one line');
const BRIDGE = fileURLToPath(new URL('../../../dist/errand-bridge.cjs', import.meta.url));
let workshop: Workshop;

if (hasTool('gcc', 'build-essential')) {
  test.before(() => {
    workshop = openWorkshop();
  });
  test.after(() => workshop.end());

  test('one image to four of them, each losing blocks: sent little more than once, and right on each', async () => {
    const board = await workshop.board('shared', 'nodes=4', 'drop=40', 'frame=128', 'block=64', 'count=8');
    const image = new Uint8Array(randomBytes(16_384));
    const sha256 = new Uint8Array(createHash('sha256').update(image).digest());
    const runners = new Map([1, 2, 3, 4].map((addr) => [addr, createTaskRunner()]));
    let blocks = 0;
    const line = openLine(
      {
        port: board.port,
        bauds: [4_000_000],
        addresses: [1, 2, 3, 4, 9],

        shell: ttyShell,
      },
      {
        up: (addr, device) => runners.get(addr)!.attach(line.station(addr), device),
        down: (addr, reason) => runners.get(addr)?.detach(reason),
        frame: ({ from, type }) => {
          if (from === 'host' && type === 'DATA') blocks += 1;
        },
      },
    );
    const outcomes = await Promise.all(
      [...runners.values()].map(
        (runner) =>
          new Promise<TaskOutcome>((ended) =>
            runner.start(createFlashTask({ image, sha256, slot: 0 }, clock()), { ended }),
          ),
      ),
    );
    await line.end();
    assert.ok(
      outcomes.every(({ succeeded }) => succeeded),
      JSON.stringify(outcomes),
    );
    for (const node of [1, 2, 3, 4])
      assert.ok(readFileSync(path.join(`${board.folder}-${node}`, 'firmware')).equals(image), `node ${node}`);
    // One by one it would be 4 times 256, and what was lost.
    assert.ok(blocks < 2 * 256 * 1.5, `${blocks} blocks for an image of 256`);
    assert.is(board.child.process.exitCode, null, 'no two spoke at once');
  });

  test('scan: who answers on a line, in order, with progress; nobody is exit code 1, Ctrl-C ends at once', async () => {
    const board = await workshop.board('scan', 'nodes=5', 'frame=128');
    const env = { ...process.env, ERRAND_CACHE: path.join(workshop.folder, 'cache') };
    const bridge = (...args: string[]) => runChild(process.execPath, [BRIDGE, 'scan', ...args], { env });
    const { code, stdout, stderr } = await bridge(board.port, '--to', '9', '--baud', '1000000', '--answer', '40');
    assert.is(code, 0, stderr);
    assert.equal(
      stdout.split('\n').map((line) => /^ +(\d+) {2}(scan-\d): .*frames of 128 bytes/.exec(line)?.slice(1).join(' ')),
      ['1 scan-1', '2 scan-2', '3 scan-3', '4 scan-4', '5 scan-5', undefined],
    );
    assert.match(stderr, /asking 1 of 1 to 9 at 1000000 baud, 0 answered so far\n(.*\n)*5 of 9 addresses answered/);
    const nobody = await bridge(board.port, '--from', '200', '--to', '202');
    assert.equal([nobody.code, nobody.stdout], [1, '']);
    assert.is((await bridge(board.port, '--from', '9', '--to', '3')).code, 2);
    assert.match((await bridge(path.join(workshop.folder, 'nothing'))).stderr, /it is not there/);
    const child = startChild(process.execPath, [BRIDGE, 'scan', board.port, '--from', '6'], { env });
    await child.line(/asking 6 of/);
    assert.is(await child.kill('SIGINT'), 130);
  });

  test('ping and run reach one of them by its address', async () => {
    const board = await workshop.board('bench', 'nodes=3');
    const env = { ...process.env, ERRAND_CACHE: path.join(workshop.folder, 'cache') };
    const bridge = (...args: string[]) => runChild(process.execPath, [BRIDGE, ...args], { env });
    assert.match((await bridge('ping', board.port, '--addr', '2', '--count', '1')).stdout, /^bench-2: /);
    assert.is((await bridge('run', board.port, '--addr', '3', 'add', '1', '2')).stdout, '3\n');
    const file = path.join(workshop.folder, 'one.bin');
    writeFileSync(file, randomBytes(1_000));
    assert.is((await bridge('flash', board.port, file, '--addr', '1')).code, 0);
    assert.is((await bridge('ping', board.port, '--addr', '9', '--wait', '1')).code, 1);
  });
}

test.run();
