import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheFolder, type Embedded, loadBinding } from '../../../targets/bridge/nativeBinding.ts';

const test = suite('the native code in the file of the bridge');
const HERE = { platform: 'linux-x64', variants: ['glibc'] };
// The real one of this machine: what is loaded must load.
const prebuilds = new URL(
  `../../../node_modules/@serialport/bindings-cpp/prebuilds/${process.platform}-${process.arch}/`,
  import.meta.url,
);
const own = readdirSync(prebuilds).find((name) => name.includes('glibc'))!;
const bytes = readFileSync(new URL(encodeURIComponent(own), prebuilds));
const sha256 = createHash('sha256').update(bytes).digest('hex');
const embedded: Embedded = {
  platform: 'linux-x64',
  variants: { glibc: { sha256, gzip: gzipSync(bytes).toString('base64') } },
};

function inFolder(work: (folder: string, file: string) => void): void {
  const above = mkdtempSync(path.join(tmpdir(), 'errand-native-'));
  const folder = path.join(above, 'cache');
  try {
    work(folder, path.join(folder, `${sha256}.node`));
  } finally {
    rmSync(above, { recursive: true });
  }
}

test('unpacked into a folder of our own under its hash, once, and loaded', () => {
  inFolder((folder, file) => {
    assert.type((loadBinding(embedded, folder, HERE) as { open: unknown }).open, 'function');
    assert.equal([statSync(folder).mode & 0o777, statSync(file).mode & 0o777], [0o700, 0o500]);
    const { ino } = statSync(file);
    loadBinding(embedded, folder, HERE);
    assert.is(statSync(file).ino, ino);
    assert.equal(readdirSync(folder).length, 1);
  });
});

test('a file that was changed is not loaded but written anew', () => {
  inFolder((folder, file) => {
    loadBinding(embedded, folder, HERE);
    rmSync(file); // not in place: it is mapped into this process
    writeFileSync(file, 'not what it was', { mode: 0o700 });
    loadBinding(embedded, folder, HERE);
    assert.ok(readFileSync(file).equals(bytes));
  });
});

test('a folder or file that others may write to, or a link in its place, is refused', () => {
  inFolder((folder, file) => {
    loadBinding(embedded, folder, HERE);
    chmodSync(folder, 0o770);
    assert.throws(() => loadBinding(embedded, folder, HERE), /others may use .*cache, mode 0770; run: chmod go-rwx/);
    chmodSync(folder, 0o700);
    chmodSync(file, 0o702);
    assert.throws(() => loadBinding(embedded, folder, HERE), /others may use .*\.node, mode 0702/);
    const link = `${folder}-link`;
    symlinkSync(folder, link);
    assert.throws(() => loadBinding(embedded, link, HERE), /is no folder, or a link to one/);
  });
});

test('another machine, another C library, damaged bytes: one sentence each', () => {
  inFolder((folder) => {
    const arm = { platform: 'linux-arm', variants: ['armv7.glibc'] };
    assert.throws(() => loadBinding(embedded, folder, arm), /was built for linux-x64, and runs on linux-arm/);
    const musl = { ...HERE, variants: ['musl'] };
    assert.throws(() => loadBinding(embedded, folder, musl), /none for linux-x64 with musl: only for glibc/);
    const damaged = { platform: 'linux-x64', variants: { glibc: { sha256, gzip: gzipSync('x').toString('base64') } } };
    assert.throws(() => loadBinding(damaged, folder, HERE), /its bytes in this file are damaged/);
  });
});

test('cacheFolder: as told, else the cache of the user', () => {
  assert.is(cacheFolder({ ERRAND_CACHE: '/x' }), '/x');
  assert.is(cacheFolder({ XDG_CACHE_HOME: '/y' }), '/y/errand');
});

test.run();
