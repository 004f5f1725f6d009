import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JsonObject } from '../../../../runtime/jobs/json.ts';
import { OPERATION_PREFIX, ROLL_BACK } from '../../../../runtime/jobs/operations.ts';
import type { StatusDetails } from '../../../../runtime/jobs/statusDetails.ts';
import type { HandlerContext } from '../../../../targets/sbc/handlers/handler.ts';
import { jobsAgent } from '../../../../targets/sbc/legacy/jobsAgent.ts';
import { openPackages, type Packages } from '../../../../targets/sbc/legacy/packages.ts';
import type { Settings } from '../../../../targets/sbc/settings.ts';

/** The operations of jobs-agent.js with real processes; what counts as stable is short. */
const test = suite<{ data: string; packages: Packages[] }>('jobsAgent');
test.before.each((context) => {
  context.data = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'errand-jobs-agent-')));
  mkdirSync(path.join(context.data, 'packages'));
  context.packages = [];
});
test.after.each(async ({ data, packages }) => {
  for (const one of packages) for (const name of Object.keys(one.kept.processes)) await one.stop(name);
  rmSync(data, { recursive: true });
});

const STABLE_MILLIS = 50;
/** At the end of a process, 5 ms apart. */
const LOOKS_MAX = 1_000;

function open(context: { data: string; packages: Packages[] }): Packages {
  const opened = openPackages(context.data, 'lamp', STABLE_MILLIS);
  context.packages.push(opened);
  return opened;
}

interface Ended {
  concluded: StatusDetails;
  progress: StatusDetails[];
  called: string[];
  error: string | undefined;
}

/** Runs an operation to its end. */
async function run(
  data: string,
  packages: Packages,
  document: JsonObject,
  {
    args = [],
    name = OPERATION_PREFIX + document.operation,
    signal = new AbortController().signal,
    exitCode = 0,
  }: {
    args?: string[];
    name?: string;
    signal?: AbortSignal;
    exitCode?: number;
  } = {},
): Promise<Ended> {
  const ended: Ended = { concluded: {}, progress: [], called: [], error: undefined };
  const context = {
    thingName: 'lamp',
    document,
    args,
    signal,
    progress: (details: StatusDetails) => void ended.progress.push(details),
    conclude: (details: StatusDetails) => {
      ended.concluded = details;
    },
    execute: async (...argv: string[]) => {
      ended.called.push(argv.join(' '));
      return exitCode;
    },
  } as unknown as HandlerContext;
  const settings = { data, thingName: 'lamp' } as Settings;
  const download = () => Promise.reject(new Error('the server answered 404'));
  const { handlers } = jobsAgent(settings, download, packages);
  try {
    await handlers.find((one) => one.name === name)!.run(context);
  } catch (error) {
    ended.error = (error as Error).message;
  }
  return ended;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** An install of one file, whose content comes from a file of the test. */
function installOf(data: string, content: string, more: JsonObject = {}): { document: JsonObject; args: string[] } {
  const source = path.join(data, 'source');
  writeFileSync(source, content);
  const checksum = { hashAlgorithm: 'SHA256', inline: { value: sha256(content) } };
  const files = [{ fileName: 'bin/app', fileSource: { url: `file://${source}` }, checksum }];
  return { document: { operation: 'install', packageName: 'p', files, ...more }, args: [`file://${source}`] };
}

const RUNNING = { launchCommand: 'exec sleep 60', autoStart: 'true' };

test('install: the files are in their place, those of before beside them, and the list is as it was (documents §5.3)', async (context) => {
  const packages = open(context);
  const app = path.join(context.data, 'packages', 'bin', 'app');
  for (const content of ['one', 'two']) {
    const { document, args } = installOf(context.data, content);
    const { concluded, progress, error } = await run(context.data, packages, document, { args });
    assert.equal([concluded, error], [{ state: 'package files installed' }, undefined]);
    assert.equal(progress, [{ step: 'downloading', fileName: 'bin/app' }]);
    assert.is(readFileSync(app, 'utf8'), content);
  }
  assert.is(readFileSync(`${app}.old`, 'utf8'), 'one');
  rmSync(app);
  const { document, args } = installOf(context.data, 'three');
  await run(context.data, packages, document, { args });
  assert.not.ok(existsSync(`${app}.old`), 'of an earlier install: taking this one back would bring it');
  assert.equal([packages.kept.installed, packages.kept.placing], [[], undefined]);
});

test('install with autoStart: it runs, is listed, and is there after a restart of the agent', async (context) => {
  const packages = open(context);
  const { document, args } = installOf(context.data, 'one', RUNNING);
  const { concluded } = await run(context.data, packages, document, { args });
  assert.equal(concluded, { state: 'package installed and started' });
  const { pid } = packages.kept.processes.p!;
  const status = await run(context.data, packages, { operation: 'systemStatus' });
  assert.is(status.concluded.installedPackages, '[p]');
  assert.is(Object.keys(status.concluded).length, 7);
  // As after kill -9: the process is still there, and the next agent knows nothing but what is on disk.
  const next = open(context);
  assert.is.not(next.kept.processes.p!.pid, pid);
  assert.ok(next.isRunning('p'));
  for (let i = 0; packages.isRunning('p') && i < LOOKS_MAX; i += 1) await new Promise((look) => setTimeout(look, 5));
  assert.throws(() => process.kill(pid, 0), /ESRCH/, 'it never runs twice');
});

test('a wrong checksum and a file that does not come change nothing', async (context) => {
  const packages = open(context);
  const app = path.join(context.data, 'packages', 'bin', 'app');
  const first = installOf(context.data, 'one');
  await run(context.data, packages, first.document, { args: first.args });
  const { document, args } = installOf(context.data, 'two');
  writeFileSync(path.join(context.data, 'source'), 'torn');
  const torn = await run(context.data, packages, document, { args });
  assert.equal(torn.concluded, { errorCode: 'ERR_DOWNLOAD_FAILED', downloadError: 'Checksum mismatch' });
  const gone = await run(context.data, packages, document, { args: ['https://127.0.0.1/app'] });
  assert.equal(gone.concluded, { errorCode: 'ERR_DOWNLOAD_FAILED', downloadError: 'the server answered 404' });
  assert.is(readFileSync(app, 'utf8'), 'one');
  assert.not.ok(existsSync(`${app}.new`));
});

test('a package that ends at once: taken back, and what ran before runs again', async (context) => {
  const packages = open(context);
  const app = path.join(context.data, 'packages', 'bin', 'app');
  const first = installOf(context.data, 'one', RUNNING);
  await run(context.data, packages, first.document, { args: first.args });
  const bad = installOf(context.data, 'two', { ...RUNNING, launchCommand: 'exit 3' });
  const { concluded } = await run(context.data, packages, bad.document, { args: bad.args });
  assert.equal(concluded, { errorCode: 'ERR_UNEXPECTED_PACKAGE_EXIT', errorMessage: 'package exited with 3' });
  assert.is(readFileSync(app, 'utf8'), 'two');
  assert.is((await run(context.data, packages, {}, { name: ROLL_BACK, args: ['p'] })).error, undefined);
  assert.is(readFileSync(app, 'utf8'), 'one');
  assert.ok(packages.isRunning('p'));
});

test('an install cut off while it puts files in their places is taken back after the restart', async (context) => {
  const packages = open(context);
  const app = path.join(context.data, 'packages', 'bin', 'app');
  const first = installOf(context.data, 'one');
  await run(context.data, packages, first.document, { args: first.args });
  writeFileSync(`${app}.old`, 'one');
  writeFileSync(app, 'half');
  packages.kept.placing = {
    packageName: 'p',
    files: [
      { file: app, hadOld: true },
      { file: `${app}-2`, hadOld: false },
    ],
  };
  packages.save();
  writeFileSync(`${app}-2`, 'new');
  await run(context.data, open(context), {}, { name: ROLL_BACK, args: ['p'] });
  assert.equal([readFileSync(app, 'utf8'), existsSync(`${app}-2`)], ['one', false]);
  assert.is((await run(context.data, open(context), {}, { name: ROLL_BACK, args: ['p'] })).error, undefined, 'once');
});

test('start, stop and restart: what they conclude, also for a package that is not there', async (context) => {
  const packages = open(context);
  packages.kept.installed = [{ packageName: 'p', launchCommand: 'trap "" HUP; sleep 60', autoStart: false }];
  packages.save();
  const again = open(context);
  assert.not.ok(again.isRunning('p'), 'autoStart is false');
  const tell = async (operation: string, packageName = 'p') =>
    (await run(context.data, again, { operation, packageName })).concluded;
  assert.equal(await tell('start'), { state: 'package started' });
  assert.equal(await tell('start'), {
    errorCode: 'ERR_UNABLE_TO_START_PACKAGE',
    errorMessage: 'package already running',
  });
  assert.equal(await tell('restart'), { state: 'package started' });
  assert.equal(await tell('stop'), { state: 'package stopped' });
  assert.equal(await tell('stop'), { state: 'package stopped' }, 'also when it does not run');
  assert.equal(await tell('start', 'q'), {
    errorCode: 'ERR_INVALID_PACKAGE_NAME',
    errorMessage: 'no package installed called: q',
  });
});

test('a job that is cancelled while its package starts ends at once', async (context) => {
  const packages = openPackages(context.data, 'lamp', 600_000);
  context.packages.push(packages);
  packages.kept.installed = [{ packageName: 'p', launchCommand: 'sleep 60' }];
  const abort = new AbortController();
  const running = run(context.data, packages, { operation: 'start', packageName: 'p' }, { signal: abort.signal });
  abort.abort();
  assert.is((await running).error, 'the job was ended');
});

test('reboot and shutdown: the delay is in minutes, and a program that fails is ERR_SYSTEM_CALL_FAILED', async (context) => {
  const packages = open(context);
  const before = process.env.PATH;
  const tools = path.join(context.data, 'tools');
  mkdirSync(tools);
  for (const name of ['shutdown', 'reboot', 'systemctl']) writeFileSync(path.join(tools, name), '', { mode: 0o755 });
  process.env.PATH = tools;
  const tell = (operation: string, delay: string, exitCode = 0) =>
    run(context.data, packages, { operation }, { args: [delay], exitCode });
  try {
    assert.equal((await tell('reboot', '0')).called, ['reboot']);
    assert.equal((await tell('reboot', '5')).called, ['shutdown -r +5']);
    const { called, concluded } = await tell('shutdown', '0');
    assert.equal([called, concluded], [['shutdown -h +1'], { step: 'initiated' }]);
    assert.equal((await tell('shutdown', '9', 1)).concluded, {
      errorCode: 'ERR_SYSTEM_CALL_FAILED',
      errorMessage: 'it exited with 1',
    });
  } finally {
    process.env.PATH = before;
  }
});

test.run();
