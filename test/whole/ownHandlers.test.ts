// biome-ignore-all lint/suspicious/noTemplateCurlyInString: placeholders in documents are spelled like this
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';
import { arnOf, type House, openHouse } from './house.ts';

/** Handlers in TypeScript, compiled in as the README says, with the real service. */
const test = suite<{ house: House; file: string }>('handlers of one’s own');
const root = fileURLToPath(new URL('../../', import.meta.url));

test.before(async (context) => {
  context.house = await openHouse();
  context.file = path.join(context.house.folder, 'errand-agent.cjs');
  const files = ['--handlers', 'examples/readings.ts', '--handlers', 'test/whole/ownHandlers.ts'];
  const args = ['build.mjs', '--target', 'sbc', ...files, '--with', 'guards,downloads', '--out', context.file];
  const { code, stderr } = await runChild(process.execPath, args, { cwd: root });
  assert.is(code, 0, stderr);
  assert.match(stderr, /handlers of your own: collect-readings, wait-for, deaf, /);
});
test.after(async ({ house }) => house?.end());

const ENDS = ['SUCCEEDED', 'FAILED', 'REJECTED'];

const call = (name: string, args: string[] = [], more: object = {}) => ({
  action: { name, type: 'runHandler', input: { handler: name, args }, ...more },
});

async function create(house: House, jobId: string, thing: string, document: object, ...more: string[]): Promise<void> {
  const text = JSON.stringify({ version: '1.0', includeStdOut: true, ...document });
  await house.errand('create-job', '--job-id', jobId, '--targets', arnOf(thing), '--document', text, ...more);
}

/** Whole ones: a file is there before what is written to it. */
const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []);

/** The process that a handler wrote the id of, `count` of them. */
async function pidIn(file: string, count = 1): Promise<number> {
  while (linesOf(file).length < count) await new Promise((resolve) => setImmediate(resolve));
  return Number(linesOf(file)[count - 1]);
}

/** Until no process of this group is left that could do anything. */
async function groupGone(pid: number): Promise<void> {
  for (;;) {
    const { stdout } = await runChild('ps', ['-e', '-o', 'pgid=,stat=']);
    if (!stdout.split('\n').some((line) => new RegExp(`^ *${pid} +[^Z]`).test(line))) return;
  }
}

test('progress is shown while it runs, what handlers returned with the outcome, what they logged as output', async ({
  house,
  file,
}) => {
  const at = (name: string) => path.join(house.folder, name);
  writeFileSync(at('temp1_input'), '-1500\n');
  house.startAgent({ file }, await house.thing('told'));
  const collect = call('collect-readings', [at('temp1_input'), at('log.csv'), '3', '0']);
  await create(house, 'told', 'told', { steps: [collect, call('wait-for', [at('go')])] });
  for (;;) {
    const { statusDetails } = await house.until('told', 'told', 'IN_PROGRESS');
    const { half, ...rest } = statusDetails.detailsMap ?? {};
    if (!half) continue;
    assert.equal([half, rest], ['true', { step: 'wait-for', progress: '2/2' }]);
    break;
  }
  writeFileSync(at('go'), '');
  const { status, statusDetails } = await house.until('told', 'told', ...ENDS);
  assert.is(status, 'SUCCEEDED');
  assert.equal(statusDetails.detailsMap, {
    step: 'wait-for',
    progress: '2/2',
    reason: 'Job exited with status: 0',
    lowest: '-1.5',
    highest: '-1.5',
    document: 'idle',
    answer: '42',
    stdout: `3 readings of ${at('temp1_input')}\n`,
  });
  assert.is(linesOf(at('log.csv')).length, 3);
  assert.match(linesOf(at('log.csv'))[2]!, /^\d{4}-.*Z,-1\.5$/);
});

test('however a handler ends, its step fails with the reason and the agent goes on', async ({ house, file }) => {
  const agent = house.startAgent({ file }, await house.thing('broken'));
  const reasons: Record<string, string> = {
    'throw-later': "Expected property name or '}' in JSON",
    exit: 'its process ended by itself before it had returned',
    never: 'it waits for something that can no longer happen',
    abort: '.*node was killed by signal: SIGABRT',
    'too-much': 'progress\\(\\) has 5 pairs: at most 4 are allowed',
    throw: 'the pump is dry',
  };
  const steps = Object.keys(reasons).map((name) => call(name, [], { ignoreStepFailure: name !== 'throw' }));
  await create(house, 'broken', 'broken', { steps });
  for (const [name, reason] of Object.entries(reasons))
    await agent.line(new RegExp(`of 6 '${name}' ended: step '${name}': ${name}: ${reason}`));
  const { status, statusDetails } = await house.until('broken', 'broken', ...ENDS);
  const { reason, stderr = '' } = statusDetails.detailsMap!;
  assert.equal([status, reason], ['FAILED', "step 'throw': throw: the pump is dry"]);
  assert.match(stderr, /Error: the pump is dry\n +at .*\.run \(.*errand-agent\.cjs:\d+:\d+\)/);
});

test('cancel ends a handler that listens to nothing, with all that it started; then the clean-up runs', async ({
  house,
  file,
}) => {
  const agent = house.startAgent({ file }, await house.thing('deaf'));
  const [pids, tidied] = ['deaf.pids', 'deaf.tidied'].map((name) => path.join(house.folder, name)) as [string, string];
  const onFailure = { action: { name: 'tidy', type: 'runCommand', input: { command: `touch,${tidied}` } } };
  await create(house, 'deaf', 'deaf', { steps: [call('deaf', [pids])], onFailure });
  const pid = await pidIn(pids);
  await house.errand('cancel-job', '--job-id', 'deaf', '--force');
  await groupGone(pid);
  await agent.line(/job deaf: clean-up ended: Job exited with status: 0/);
  assert.ok(existsSync(tidied));
});

test('timeoutSeconds: a handler that listens to its signal is told why, and has time to say something', async ({
  house,
  file,
}) => {
  house.startAgent({ file }, await house.thing('polite'));
  const pids = path.join(house.folder, 'polite.pids');
  await create(house, 'polite', 'polite', { steps: [call('polite', [pids], { timeoutSeconds: 1 })] });
  const { status, statusDetails } = await house.until('polite', 'polite', ...ENDS);
  const { reason, stdout } = statusDetails.detailsMap!;
  assert.equal(
    [status, reason, stdout],
    ['FAILED', 'it was ended after 1 s: its timeoutSeconds', 'the step is being ended\n'],
  );
  await groupGone(await pidIn(pids));
});

test('kill -9 of the agent ends its handler; one that is idempotent is run again, another never', async ({
  house,
  file,
}) => {
  const identity = await house.thing('cut');
  const at = (name: string) => path.join(house.folder, `cut.${name}`);
  const cut = async (jobId: string, step: object, pids: string) => {
    const agent = house.startAgent({ file }, identity);
    await create(house, jobId, 'cut', { steps: [step] });
    const pid = await pidIn(pids);
    await agent.kill();
    await groupGone(pid);
    writeFileSync(at('go'), '');
    const next = house.startAgent({ file }, identity);
    const ended = await house.until(jobId, 'cut', ...ENDS);
    await next.kill('SIGTERM');
    return [ended.status, linesOf(pids).length, ended.statusDetails.detailsMap!.reason];
  };
  assert.equal(await cut('again', call('again', [at('again'), at('go')]), at('again')), [
    'SUCCEEDED',
    2,
    'Job exited with status: 0',
  ]);
  assert.equal(await cut('once', call('polite', [at('once')]), at('once')), [
    'FAILED',
    1,
    "step 1 of 1 'polite' was interrupted by a power cut or a restart: it is not run again",
  ]);
});

test('download() is the agent’s own: checked, and only below --downloads', async ({ house, file }) => {
  const content = randomBytes(100_000);
  writeFileSync(path.join(house.folder, 'fw.bin'), content);
  await house.errand('put-artifact', path.join(house.folder, 'fw.bin'));
  const downloads = path.join(house.folder, 'downloads');
  house.startAgent({ file }, await house.thing('fetching'), '--downloads', downloads);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const url = '${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/fw.bin}';
  const role = ['--presigned-url-config', 'roleArn=arn:aws:iam::123456789012:role/reader,expiresInSec=600'];
  await create(house, 'wrong', 'fetching', { steps: [call('fetch', [url, '0'.repeat(64)])] }, ...role);
  const { status, statusDetails } = await house.until('wrong', 'fetching', ...ENDS);
  assert.is(status, 'FAILED');
  assert.match(statusDetails.detailsMap!.reason!, `step 'fetch': fetch: its SHA-256 is ${sha256}, expected 0000`);
  await create(house, 'right', 'fetching', { steps: [call('fetch', [url, sha256])] }, ...role);
  assert.is((await house.until('right', 'fetching', ...ENDS)).status, 'SUCCEEDED');
  assert.equal(readFileSync(path.join(downloads, 'fw.bin')), content);
});

test.run();
