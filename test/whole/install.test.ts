/** The scripts that `errand-agent install` writes, run by shells with stand-ins for what OpenWrt and OpenRC bring. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';
import { hasTool } from '../tools.ts';
import { FULL_AGENT } from './house.ts';

const test = suite<{ root: string }>('install');
test.before((context) => {
  context.root = mkdtempSync(path.join(os.tmpdir(), 'errand-install-'));
});
test.after(({ root }) => rmSync(root, { recursive: true }));

const install = (...args: string[]) => runChild(process.execPath, [FULL_AGENT, 'install', ...args]);

async function write(root: string, init: string): Promise<string> {
  const { code, stdout } = await install('--root', path.join(root, init), '--init', init, '--config', '/etc/a/b.json');
  assert.is(code, 0, stdout);
  return path.join(root, init, 'etc/init.d/errand-agent');
}

/** /bin/sh is what Debian has; ash what OpenWrt and Alpine have. */
const SHELLS = [['sh'], ...(hasTool('busybox', 'busybox') ? [['busybox', 'ash']] : [])] as [string, ...string[]][];

/** Runs `commands` with the script read before them. */
async function source([shell, ...words]: [string, ...string[]], script: string, before: string, commands: string) {
  assert.equal(await runChild(shell, [...words, '-n', script]), { code: 0, stdout: '', stderr: '' });
  return runChild(shell, [...words, '-euc', `${before}\n. '${script}'\n${commands}`]);
}

/** What is to be started, with `--version` behind it: it must be the agent, and take the flags. */
async function checkCommand(words: string[]): Promise<void> {
  assert.equal(words.slice(-3), [FULL_AGENT, '--config', '/etc/a/b.json']);
  const [program, ...args] = [...words, '--version'];
  const { code, stdout } = await runChild(program!, args);
  assert.is(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
}

test('procd: sh and ash read the script, and start_service tells procd to keep the agent running', async ({ root }) => {
  const script = await write(root, 'procd');
  const standIn =
    'procd_open_instance() { echo open; }; procd_close_instance() { echo close; }; procd_set_param() { echo "$*"; }';
  for (const shell of SHELLS) {
    const { code, stdout, stderr } = await source(shell, script, standIn, 'start_service; echo "$USE_PROCD $START"');
    assert.equal([code, stderr], [0, '']);
    const [open, command = '', ...rest] = stdout.trim().split('\n');
    assert.equal([open, rest.at(-2), rest.at(-1)], ['open', 'close', '1 95']);
    // retry 0: for ever. The agent gives a step 10 s when it is asked to end, procd alone would kill it after 5.
    for (const param of ['respawn 3600 5 0', 'term_timeout 20', 'stdout 1', 'stderr 1'])
      assert.ok(rest.includes(param));
    const [name, ...words] = command.split(' ');
    assert.is(name, 'command');
    await checkCommand(words);
  }
});

test('OpenRC: sh and ash read the script, which names what supervise-daemon is to run', async ({ root }) => {
  const script = await write(root, 'openrc');
  for (const shell of SHELLS) {
    const show = 'depend; echo "$supervisor $respawn_delay $retry"; eval "printf \'%s\\n\' $command $command_args"';
    const { code, stdout, stderr } = await source(shell, script, 'need() { echo "need $*"; }', show);
    assert.equal([code, stderr], [0, '']);
    const [need, supervisor, ...words] = stdout.trim().split('\n');
    assert.equal([need, supervisor], ['need net', 'supervise-daemon 5 TERM/20/KILL/5']);
    await checkCommand(words);
  }
});

test('what a script cannot hold is refused, and nothing is written', async ({ root }) => {
  for (const config of [
    '/etc/my errand/a.json',
    '/etc/$(reboot)/a.json',
    '/etc/a";reboot;"',
    '/etc/100%',
    "/etc/a'b",
  ]) {
    const { code, stderr } = await install('--root', path.join(root, 'none'), '--init', 'procd', '--config', config);
    assert.equal([code, stderr.trim().split('\n').length], [2, 1]);
    assert.match(stderr, /^errand-agent: install: .*: expected paths of letters, digits and _@\+=:,\.- only$/m);
  }
  assert.throws(() => writeFileSync(path.join(root, 'none/x'), ''), 'ENOENT');
});

test.run();
