import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { agentOptions, finishAgent } from '../../../targets/sbc/bundle.mjs';
import { ALL_PARTS, chooseParts, defines } from '../../../targets/sbc/partList.mjs';

const root = path.resolve(import.meta.dirname, '../../..');

async function bundleWith(parts: readonly string[]): Promise<string> {
  const { outputFiles } = await build({ ...agentOptions('0.0.0', parts), absWorkingDir: root });
  return finishAgent(outputFiles[0]!.text);
}

/** Words that a part alone brings into the file. */
const MARKS: Readonly<Record<string, RegExp>> = {
  ways: /Proxy-Authorization/,
  https: /preference-applied/,
  doctor: /WatchdogSec/,
  guards: /timeoutSeconds/,
  builtins: /install-packages\.sh|systemctl/,
  downloads: /if-range/,
  legacy: /aws-iot-device-client\.conf/,
  jobsagent: /ERR_DOWNLOAD_FAILED/,
  provisioning: /certificateOwnershipToken/,
  pkcs11: /pin-source/,
};

test('a part that is left out leaves nothing in the file, and each one has a mark to know it by', async () => {
  const [lean, full] = [await bundleWith([]), await bundleWith(ALL_PARTS)];
  assert.equal(Object.keys(MARKS), [...ALL_PARTS]);
  for (const [name, mark] of Object.entries(MARKS)) {
    assert.not.match(lean, mark, name);
    assert.match(full, mark, name);
  }
  assert.not.match(lean, /ERRAND_WITHOUT/);
  assert.not.match(full, /ERRAND_WITHOUT/);
  // Comes with handlers of one's own, not by its name.
  for (const file of [lean, full]) assert.not.match(file, /ERRAND_CUSTOM/);
});

test('every part is asked for in the source by the name that the build defines', () => {
  const source = ['targets/sbc/parts.ts', 'targets/sbc/main.ts', 'targets/sbc/ways/connectWays.ts', 'runtime/parts.ts']
    .map((file) => readFileSync(path.join(root, file), 'utf8'))
    .join('\n');
  for (const name of Object.keys(defines([]))) assert.match(source, new RegExp(`typeof ${name} === 'undefined'`));
});

test('--with takes the parts named, --without all others; unknown ones are refused in one sentence', () => {
  assert.equal(chooseParts('--without', ''), [...ALL_PARTS]);
  assert.equal(chooseParts('--with', 'builtins,guards'), ['guards', 'builtins']);
  assert.equal(chooseParts('--without', ALL_PARTS.join(',')), []);
  assert.throws(
    () => chooseParts('--without', 'builtins,x'),
    /^--without 'x' is no part: expected ways, https, doctor, guards/,
  );
  assert.throws(() => chooseParts('--without', 'guards'), /^--without guards: part builtins needs part guards$/);
});

test.run();
