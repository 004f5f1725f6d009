import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockFolder } from '../../transports/lock.ts';

const test = suite<{ folder: string }>('lock', { folder: '' });
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-lock-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const HOLDER = `
const { lockFolder } = await import(process.argv[1]);
const lock = await lockFolder(process.argv[2]);
console.log(lock ? 'held' : 'refused');
setInterval(() => {}, 60_000);
`;

test('the second is refused until the first releases', async ({ folder }) => {
  const first = await lockFolder(folder);
  assert.ok(first);
  assert.is(await lockFolder(folder), undefined);
  first.release();
  const again = await lockFolder(folder);
  assert.ok(again);
  assert.is(readdirSync(folder).length, 1);
  again.release();
  assert.equal(readdirSync(folder), []);
});

test('a holder in another process is seen, and one that was killed -9 is not in the way', async ({ folder }) => {
  const module = path.resolve(import.meta.dirname, '../../transports/lock.ts');
  for (let round = 0; round < 2; round += 1) {
    const args = ['--import', 'tsx', '--input-type=module', '-e', HOLDER, module, folder];
    const holder = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(holder.stdout, 'data');
    assert.is(String(said), 'held\n');
    assert.is(await lockFolder(folder), undefined);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }
  const mine = await lockFolder(folder);
  assert.ok(mine);
  assert.is(readdirSync(folder).length, 1, 'what the killed ones left is cleared away');
  mine.release();
});

test('of many that start together at most one goes on', async ({ folder }) => {
  for (let round = 0; round < 5; round += 1) {
    const locks = await Promise.all(Array.from({ length: 8 }, () => lockFolder(folder)));
    const held = locks.filter((lock) => lock !== undefined);
    assert.ok(held.length <= 1, `${held.length} hold it`);
    for (const lock of held) lock.release();
  }
});

test('a path that is too long for a lock is refused with how much', async ({ folder }) => {
  const long = path.join(folder, 'x'.repeat(100));
  try {
    await lockFolder(long);
    assert.unreachable();
  } catch (error) {
    const bytes = long.length + '/lock-12345678'.length - 107;
    assert.match((error as Error).message, new RegExp(`x is ${bytes} bytes too long for a lock in it$`));
  }
});

test.run();
