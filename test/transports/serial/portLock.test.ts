import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockPort } from '../../../transports/serial/portLock.ts';

const test = suite('the lock of a port');

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'errand-lock-'));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('lockPort: one holder, in the file that modem programs look at; released, the next one gets it', () => {
  inFolder((folder) => {
    const lock = lockPort('/dev/pts/7', [folder]);
    assert.ok('release' in lock);
    assert.equal(readdirSync(folder), ['LCK..pts_7']);
    assert.is(readFileSync(path.join(folder, 'LCK..pts_7'), 'utf8'), `${`${process.pid}`.padStart(10)}\n`);
    assert.equal(lockPort('/dev/pts/7', [folder]), { holder: process.pid });
    assert.ok('release' in lockPort('/dev/ttyUSB0', [folder]), 'another port');
    lock.release();
    assert.ok('release' in lockPort('/dev/pts/7', [folder]));
  });
});

test('lockPort: the file of a process that was killed is in nobody’s way, that of a living one is', () => {
  inFolder((folder) => {
    const { pid } = spawnSync('true');
    writeFileSync(path.join(folder, 'LCK..ttyUSB1'), `${`${pid}`.padStart(10)}\n`);
    assert.ok('release' in lockPort('/dev/ttyUSB1', [folder]));
    writeFileSync(path.join(folder, 'LCK..ttyUSB2'), `${`${process.ppid}`.padStart(10)}\n`);
    assert.equal(lockPort('/dev/ttyUSB2', [folder]), { holder: process.ppid });
  });
});

test('lockPort: a folder that takes no files is passed over', () => {
  inFolder((folder) => {
    const lock = lockPort('/dev/ttyUSB3', [path.join(folder, 'missing'), '/proc', folder]);
    assert.ok('release' in lock && existsSync(path.join(folder, 'LCK..ttyUSB3')));
  });
});

test.run();
