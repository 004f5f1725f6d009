import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

/** Output that nobody takes: a full disk, or a reader that has gone. The line is lost, the exit code is not, and nothing is traced. */
const test = suite<{ folder: string }>('untaken output', { folder: '' });
test.before((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-untaken-'));
});
test.after(({ folder }) => rmSync(folder, { recursive: true }));

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

const WAYS = ['full', 'gone'] as const;

/** @returns the exit code, and what came to stderr where that is taken */
async function end(file: string, args: readonly string[], untaken: 'stdout' | 'stderr', how: (typeof WAYS)[number]) {
  const full = openSync('/dev/full', 'w');
  const lost = how === 'full' ? full : 'pipe';
  const [stdout, stderr] = untaken === 'stdout' ? ([lost, 'pipe'] as const) : (['ignore', lost] as const);
  const child = spawn(process.execPath, [path.join(dist, file), ...args], { stdio: ['ignore', stdout, stderr] });
  closeSync(full);
  if (how === 'gone') child[untaken]!.destroy();
  let said = '';
  if (untaken === 'stdout') child.stderr!.setEncoding('utf8').on('data', (text) => (said += text));
  const code = await new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
  return { code, said };
}

test('on stdout: help, version and what a person asked for end as they would', async ({ folder }) => {
  const file = path.join(folder, 'job.json');
  const step = (command: string) => ({ action: { name: command, type: 'runCommand', input: { command } } });
  writeFileSync(file, JSON.stringify({ version: '1.0', steps: [step('true')] }));
  const bad = path.join(folder, 'bad.json');
  writeFileSync(bad, JSON.stringify({ version: '1.0', steps: [step('false')] }));
  const settings = ['--data', folder];
  for (const [name, expected, ...args] of [
    ['errand-agent.cjs', 0, '--help'],
    ['errand-agent-full.cjs', 0, '--version'],
    ['errand-agent-full.cjs', 1, 'doctor', ...settings],
    ['errand-agent-full.cjs', 2, 'status', ...settings],
    ['errand-agent-full.cjs', 0, 'run', file],
    ['errand-agent-full.cjs', 1, 'run', bad],
    ['errand-agent-full.cjs', 0, 'install', '--init', 'systemd', '--dry-run'],
    ['errand-bridge.cjs', 0, '--help'],
    ['errand-bridge.cjs', 0, 'ports'],
  ] as const)
    await Promise.all(
      WAYS.map(async (how) => {
        assert.equal(await end(name, args, 'stdout', how), { code: expected, said: '' }, `${name} ${args[0]} ${how}`);
      }),
    );
});

test('on stderr: a refusal keeps its exit code', async () => {
  for (const [name, expected, ...args] of [
    ['errand-agent.cjs', 2, '--nonsense'],
    ['errand-agent-full.cjs', 2, 'run'],
    ['errand-bridge.cjs', 2, '--nonsense'],
    ['errand-bridge.cjs', 2, 'nonsense'],
    ['errand-bridge.cjs', 1, 'ping', '/nowhere/tty', '--wait', '1'],
    ['errand.mjs', 252, 'nonsense'],
    ['errand.mjs', 2, 'service', '--nonsense'],
  ] as const)
    await Promise.all(
      WAYS.map(async (how) => {
        assert.is((await end(name, args, 'stderr', how)).code, expected, `${name} ${args[0]} ${how}`);
      }),
    );
});

test.run();
