import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Closing, closeAll } from '../../../targets/service/closing.ts';
import { openFoundation } from '../../../targets/service/foundation.ts';
import { readServiceSettings, type ServiceSettings } from '../../../targets/service/settings.ts';

const test = suite<{ folder: string }>('foundation');
test.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-foundation-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

async function openAndClose(data: string): Promise<void> {
  const closing: Closing = [];
  try {
    await openFoundation(readServiceSettings(['--data', data]) as ServiceSettings, closing);
  } finally {
    await closeAll(closing);
  }
}

const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);

test('a new or empty data folder is for its owner alone; one with other things in it keeps its mode, not so what is secret', async ({
  folder,
}) => {
  const [made, empty, home] = ['made', 'empty', 'home'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const data of [empty, home]) {
    mkdirSync(data);
    chmodSync(data, 0o755);
  }
  writeFileSync(path.join(home, 'notes'), '');
  for (const data of [made, empty, home]) await openAndClose(data);
  assert.equal([made, empty, home].map(modeOf), ['700', '700', '755']);
  const open = readdirSync(home).filter((name) => statSync(path.join(home, name)).mode & 0o077);
  assert.equal(open.sort(), ['ca.pem', 'notes']);
});

test('a data folder that cannot be used is one sentence with the reason', async ({ folder }) => {
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  for (const [data, reason] of [
    [file, 'a part of its path is no folder (ENOTDIR)'],
    [path.join(file, 'data'), 'a part of its path is no folder (ENOTDIR)'],
    ['/proc/x', 'it is not there (ENOENT)'],
  ] as const) {
    const said = await openAndClose(data).then(
      () => 'no error',
      (error: Error) => error.message,
    );
    assert.is(said, `the data folder ${data} cannot be used: ${reason}`);
  }
  assert.equal(readServiceSettings(['--data', '']), { faults: ["--data is '': expected a folder"] });
});

test.run();
