import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';

const script = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

test('node build.mjs refuses what it would else pass over, in one sentence, and builds nothing', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-build-'));
  try {
    for (const [words, code, said] of [
      [['--targte', 'agent'], 2, /^errand: unknown --targte: node build\.mjs --help says what there is\n$/],
      [['agent'], 2, /^errand: unknown agent: /],
      [['--with'], 2, /^errand: --with: expected ways, .*, pkcs11 behind it\n$/],
      [['--without', '--check'], 2, /^errand: --without: expected ways, /],
      [['--target', 'agent', '--out', folder], 1, /\nerrand: build failed: --out .* is a folder: expected the name of/],
    ] as const) {
      const found = await runChild(process.execPath, [script('build.mjs'), ...words]);
      assert.equal([found.code, found.stdout], [code, ''], found.stderr);
      assert.match(found.stderr, said);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('npm test tells its use, and refuses an option, before it installs or builds', async () => {
  const run = (word: string) => runChild(process.execPath, [script('test/main.mjs'), word]);
  const help = await run('--help');
  assert.equal([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /npm test PATTERN/);
  const wrong = await run('--grep');
  assert.equal([wrong.code, wrong.stdout], [2, '']);
  assert.match(wrong.stderr, /^npm test: unknown --grep\n\n/);
});

test.run();
