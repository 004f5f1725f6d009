import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';
import { BOARDS, canEmulate } from '../targets/mcu/emulators.ts';
import { hasTool } from '../tools.ts';

const tools = [
  hasTool('unshare', 'util-linux'),
  hasTool('ip', 'iproute2'),
  hasTool('aws', 'awscli'),
  hasTool('curl', 'curl'),
  hasTool('mosquitto_rr', 'mosquitto-clients'),
  ...BOARDS.map(canEmulate),
].every(Boolean);

(tools ? test : test.skip)('every shell block of the README works as it stands, one after another', async () => {
  const tasks = fileURLToPath(new URL('readmeTasks.ts', import.meta.url));
  const script = 'ip link set lo up && exec "$0" --import tsx "$1"';
  // No network but loopback, no port in use: what the README says about default ports can be taken literally.
  const { code, stdout, stderr } = await runChild('unshare', [
    '--map-root-user',
    '--net',
    'sh',
    '-c',
    script,
    process.execPath,
    tasks,
  ]);
  assert.is(code, 0, `${stdout}${stderr}`);
  assert.match(stdout, /^hello: .*"numberOfSucceededThings":1/m);
  assert.match(stdout, /^file: .*"numberOfSucceededThings":1/m);
  assert.match(stdout, /runs the firmware [0-9a-f]{16}/);
});

test.run();
