import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agentOptions, finishAgent } from '../../../../targets/sbc/bundle.mjs';
import { compileHandlers } from '../../../../targets/sbc/custom/compile.mjs';
import { handler } from '../../../../targets/sbc/custom/errand.ts';
import { ALL_PARTS } from '../../../../targets/sbc/partList.mjs';
import { runChild } from '../../../child.ts';

const test = suite<{ folder: string }>('compileHandlers', { folder: '' });
test.before.each((context) => {
  context.folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-custom-')));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const root = path.resolve(import.meta.dirname, '../../../..');
const HEAD = "import { handler } from 'errand';\n";

/** What the build says of these files, without their folder. */
async function faultsOf(folder: string, files: Record<string, string>, parts: string[] = []): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const given = Object.keys(files).filter((name) => name !== 'tsconfig.json');
  try {
    await compileHandlers(
      given.map((name) => path.join(folder, name)),
      parts,
    );
    return '';
  } catch (error) {
    return (error as Error).message.replaceAll(new RegExp(`[^\\s]*${folder}/`, 'g'), '').replaceAll(/^(\.\.\/)+/gm, '');
  }
}

test('a name given twice, one that is built in, and one that cannot be: all told at once, with file and line', async ({
  folder,
}) => {
  const faults = await faultsOf(
    folder,
    {
      'a.ts': `${HEAD}handler('twice', () => {});\nhandler('reboot.sh', () => {});\nhandler('../x', () => {});\n`,
      'b.ts': `${HEAD}\nexport const it = [1].map(() => handler('twice', () => {}));\nhandler('errand:download', () => {});\n`,
      'c.ts': 'export {};',
    },
    ['builtins'],
  );
  assert.equal(faults.split('\n'), [
    'the handlers are wrong',
    "a.ts:3:1: this agent has a handler 'reboot.sh' built in: expected another name",
    'a.ts:4:1: "../x" is no name of a handler: expected 1 to 64 of a-z A-Z 0-9 . _ -, a letter or digit first',
    "b.ts:3:33: there is a handler 'twice' already: a.ts:2:1",
    'b.ts:4:1: "errand:download" is no name of a handler: expected 1 to 64 of a-z A-Z 0-9 . _ -, a letter or digit first',
    "c.ts: it defines no handler: expected handler('name', run) of 'errand'",
  ]);
});

test('wrong types are told with file, line and column: of what a handler is given, and of what it returns', async ({
  folder,
}) => {
  const text = `${HEAD}handler('a', async ({ args, progress }) => {
  const first: string = args[0];
  progress({ reason: first });
  return { log: [1] };
});
`;
  const faults = await faultsOf(folder, { 'a.ts': text });
  assert.match(faults, /^the types are wrong\n/);
  for (const place of ['2,14', '3,9', '4,14']) assert.match(faults, `a.ts(${place}): error TS`);
});

test('the tsconfig.json of the author holds for its files, with its paths and its strictness', async ({ folder }) => {
  mkdirSync(path.join(folder, 'lib'));
  writeFileSync(path.join(folder, 'lib/pump.ts'), 'export const pump = 3;\n');
  const options = { paths: { '#/*': ['./lib/*'] }, module: 'esnext', moduleResolution: 'bundler', strict: false };
  const files = {
    'tsconfig.json': JSON.stringify({ compilerOptions: { ...options, rootDir: 'lib', composite: true } }),
    'a.ts': `${HEAD}import { pump } from '#/pump';\nhandler('a', (context) => { const none: number = null; return { pump, none }; });\n`,
  };
  assert.is(await faultsOf(folder, files), '');
});

test('a file that cannot be loaded, bundled or found is told in one sentence', async ({ folder }) => {
  assert.match(
    await faultsOf(folder, {
      'a.ts': `${HEAD}const pins: string[] = [];\npins[0]!.trim();\nhandler('a', () => {});\n`,
    }),
    /^the handlers are wrong\na\.ts:3:\d+: it cannot be loaded: Cannot read properties of undefined/,
  );
  const unfit = await faultsOf(folder, {
    'a.js': "import './pins.node';\n",
    'a.mjs': `${HEAD}handler('a', () => import.meta.url);\n`,
  });
  assert.match(unfit, /a\.js:1:7: ERROR: Could not resolve/);
  assert.match(unfit, /a\.mjs:2:\d+: ERROR: "import\.meta" is not available/);
  for (const [given, why] of [
    ['nowhere.ts', 'there is no such file'],
    ['x.py', 'expected a .ts or .js file'],
  ] as const) {
    const file = path.join(folder, given);
    if (given === 'x.py') writeFileSync(file, '');
    const refused = await compileHandlers([file], []).catch((error: Error) => error.message);
    assert.is(refused, `--handlers ${file}: ${why}`);
  }
});

test('build.mjs: what --handlers and --out cannot go with is refused, and nothing is written', async ({ folder }) => {
  const out = path.join(folder, 'x.cjs');
  const refused = await Promise.all(
    [
      ['--target', 'bridge', '--handlers', 'examples/readings.ts'],
      ['--target', 'sbc', '--out', out],
      ['--target', 'sbc', '--handlers', '--out', out],
      ['--handlers', 'examples/readings.ts', '--without', ALL_PARTS.join(',')],
    ].map((args) => runChild(process.execPath, ['build.mjs', ...args], { cwd: root })),
  );
  assert.equal(
    refused.map(({ code, stderr }) => [code, stderr.trim().split('\n').at(-1)]),
    [
      [
        1,
        'errand: build failed: --handlers are for the agent: expected --target sbc, agent or agent-full, found bridge',
      ],
      [
        1,
        'errand: build failed: --out names one file, but these are to be built: errand-agent.cjs, errand-agent-full.cjs; --target says which',
      ],
      [2, 'errand: --handlers: expected a file behind it'],
      [2, `errand: --without ${ALL_PARTS}: --handlers need part guards`],
    ],
  );
  assert.equal(readdirSync(folder), []);
});

test('run, --dry-run and doctor know the handlers; a file of the folder wins; without the part downloads there are none; runAsUser holds', async ({
  folder,
}) => {
  chmodSync(folder, 0o711);
  const file = path.join(folder, 'agent.cjs');
  const mine = path.join(folder, 'mine.ts');
  writeFileSync(
    mine,
    `${HEAD}handler('who', ({ env, args: [url = ''], log }) => log(\`\${process.getuid!()} \${env.USER} \${env.ERRAND_THING} \${url}\`));
handler('load', ({ download }) => download({ url: 'http://localhost:1/', file: 'x' }));\n`,
  );
  const parts = ['guards', 'doctor', 'custom'];
  const { outputFiles } = await build({ ...agentOptions('1.2.3', parts), absWorkingDir: root });
  const { names, wrap } = await compileHandlers([mine], parts);
  assert.equal(names, ['who', 'load']);
  writeFileSync(file, wrap(await finishAgent(outputFiles[0]!.text)));
  const agent = (...args: string[]) =>
    spawnSync(process.execPath, [file, ...args], { encoding: 'utf8', cwd: folder }).stdout;
  const job = path.join(folder, 'job.json');
  const write = (handler: string, more: object = {}) => {
    const action = { name: 'a', type: 'runHandler', input: { handler, args: ['one'] }, ...more };
    writeFileSync(job, JSON.stringify({ version: '1.0', includeStdOut: true, steps: [{ action }] }));
  };
  write('who');
  const own = process.getuid!();
  assert.match(agent('run', job), new RegExp(`^stdout: ${own} \\S+ local one$[\\s\\S]*SUCCEEDED\n$`, 'm'));
  assert.match(agent('run', job, '--dry-run'), /would run .*"who".*, which this agent has in it/);
  if (own === 0) {
    write('who', { runAsUser: 'nobody' });
    assert.match(agent('run', job), /^stdout: 65534 nobody local one$/m);
  }
  write('load');
  assert.match(agent('run', job), /^reason: step 'a': load: this agent was built without the part downloads$/m);
  const handlers = path.join(folder, 'handlers');
  mkdirSync(handlers, { mode: 0o700 });
  writeFileSync(path.join(handlers, 'who'), '#!/bin/sh\necho "file $2"\n', { mode: 0o700 });
  write('who');
  assert.match(agent('run', job, '--handlers', handlers), /^stdout: file one$/m);
  assert.not.match(agent('run', job, '--handlers', handlers, '--dry-run'), /has in it/);
  assert.is(agent('--version'), '1.2.3\n');
  assert.match(readFileSync(file, 'utf8'), /^#!.*\nconst ERRAND_CUSTOM=\[\["who",false\],\["load",false\]\];\n/);
});

test('a handler can be called in its author’s own tests, by what handler() gives back', async () => {
  const one = handler('one', { idempotent: true }, ({ args }) => ({ first: args[0]! }));
  assert.equal([one.name, one.idempotent], ['one', true]);
  assert.equal(await one.run({ args: ['a'] } as never), { first: 'a' });
});

test.run();
