import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hyphenated } from '../../../targets/service/operations/operation.ts';
import { OPERATIONS } from '../../../targets/service/operations/table.ts';
import { openStore } from '../../../targets/service/store/open.ts';
import { runChild, startChild } from '../../child.ts';
import { hasTool } from '../../tools.ts';
import { type ControlPlane, REGION, startControlPlane } from '../service/http/controlPlane.ts';

const MAIN = fileURLToPath(new URL('../../../targets/errand/main.ts', import.meta.url));
const TSX = fileURLToPath(import.meta.resolve('tsx'));
const ERRAND = ['--import', TSX, MAIN];

const test = suite<{ plane: ControlPlane; folder: string; env: NodeJS.ProcessEnv }>('programs of errand');
test.before(async (context) => {
  context.plane = await startControlPlane();
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'errand-programs-'));
  context.env = { PATH: process.env.PATH, HOME: context.folder, ERRAND_ENDPOINTS: context.plane.endpointsFile };
});
test.after(async ({ plane, folder }) => {
  await plane.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A job for things of its own, rolled out. */
async function job(plane: ControlPlane, jobId: string, things: readonly string[]) {
  for (const thingName of things) await plane.handlers.CreateThing({ thingName } as never);
  const targets = things.map((name) => `arn:aws:iot:${REGION}:111122223333:thing/${name}`);
  await plane.handlers.CreateJob({ jobId, targets, document: '{}' } as never);
  await plane.jobs.tick();
}

async function report(plane: ControlPlane, jobId: string, thing: string, status: string, reason?: string) {
  const body = { status, ...(reason !== undefined && { statusDetails: { reason } }) };
  const answer = await plane.jobs.request(
    `$aws/things/${thing}/jobs/${jobId}/update`,
    Buffer.from(JSON.stringify(body)),
  );
  assert.match(answer!.topic, /accepted$/);
  await plane.jobs.settled();
}

/** Counters are folded by a tick a moment later. */
async function completed(plane: ControlPlane, jobId: string) {
  for (;;) {
    await plane.jobs.tick();
    const { job } = await plane.jobs.control.describeJob({ jobId });
    if (job.status === 'COMPLETED') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('watch: a line whenever something changed, failures with their reasons, exit code 1 when not all succeeded', async ({
  plane,
  env,
}) => {
  await job(plane, 'mixed', ['m1', 'm2', 'm3']);
  const watch = startChild(process.execPath, [...ERRAND, 'watch', 'mixed', '--every', '0.05'], { env });
  await watch.line(/job mixed: IN_PROGRESS, 0 of 3 ended: QUEUED 3$/);
  await report(plane, 'mixed', 'm1', 'SUCCEEDED');
  await watch.line(/1 of 3 ended: QUEUED 2 {2}SUCCEEDED 1$/);
  await report(plane, 'mixed', 'm2', 'IN_PROGRESS');
  await report(plane, 'mixed', 'm2', 'FAILED', 'step flash: exit code 3');
  await watch.line(/ FAILED m2: step flash: exit code 3$/);
  await report(plane, 'mixed', 'm3', 'SUCCEEDED');
  await completed(plane, 'mixed');
  assert.is(await watch.ended, 1, watch.lines.join('\n'));
  assert.match(watch.lines.at(-1) ?? '', 'job mixed: COMPLETED, 3 of 3 ended: SUCCEEDED 2  FAILED 1');
});

test('watch: exit code 0 when all succeeded; a job that is not there is refused, one that is deleted meanwhile is said', async ({
  plane,
  env,
}) => {
  await job(plane, 'good', ['g1']);
  await report(plane, 'good', 'g1', 'SUCCEEDED');
  await completed(plane, 'good');
  await job(plane, 'gone', ['g2']);
  const gone = startChild(process.execPath, [...ERRAND, 'watch', 'gone', '--every', '0.05'], { env });
  const [good, none, wrong] = await Promise.all(
    [['good'], ['none'], ['a', 'b']].map((args) => runChild(process.execPath, [...ERRAND, 'watch', ...args], { env })),
  );
  assert.is(good!.code, 0, good!.stderr);
  assert.is(none!.code, 254);
  assert.match(none!.stderr, 'ResourceNotFoundException');
  assert.is(wrong!.code, 252);
  assert.match(wrong!.stderr, 'found 2 jobs: expected one');
  await gone.line(/QUEUED 1/);
  await plane.jobs.control.deleteJob({ jobId: 'gone', force: true });
  await plane.jobs.tick();
  assert.is(await gone.ended, 1, gone.lines.join('\n'));
  assert.match(gone.lines.at(-1) ?? '', 'job gone was deleted');
});

/** Runs a command on a terminal of its own; types Ctrl-C once it has shown what is in argv[1]. */
const ON_TERMINAL = `
import os, pty, sys
pid, master = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
typed = False
while True:
    try: data = os.read(master, 65536)
    except OSError: break
    if not data: break
    seen += data
    if sys.argv[1].encode() in seen and not typed:
        os.write(master, b'\\x03')
        typed = True
os.write(1, seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test('watch on a terminal: draws over itself, hides the cursor and gives it back on Ctrl-C, exit code 130', async ({
  plane,
  env,
}) => {
  if (!hasTool('python3', 'python3')) return;
  await job(plane, 'bar', ['b1', 'b2']);
  await report(plane, 'bar', 'b1', 'SUCCEEDED');
  const redrawn = '\u001b[3A\u001b[J';
  const command = [process.execPath, ...ERRAND, 'watch', 'bar', '--every', '0.05'];
  const { code, stdout } = await runChild('python3', ['-c', ON_TERMINAL, redrawn, ...command], { env });
  assert.is(code, 130, stdout);
  assert.match(stdout, '\u001b[?25ljob bar: IN_PROGRESS, watched for 0:00');
  assert.match(stdout, `[${'#'.repeat(15)}${'.'.repeat(15)}] 50 %  1 of 2 ended`);
  assert.match(stdout, 'QUEUED 1  SUCCEEDED 1');
  assert.ok(stdout.endsWith('\u001b[?25h'), JSON.stringify(stdout.slice(-50)));
});

test('completion: a real bash completes commands, options and values, all of the table', async ({ env, folder }) => {
  const { code, stdout, stderr } = await runChild(process.execPath, [...ERRAND, 'completion', 'bash'], { env });
  assert.is(code, 0, stderr);
  const file = path.join(folder, 'completion.bash');
  writeFileSync(file, stdout);
  const lines: string[][] = [
    ['errand', ''],
    ['errand', 'create-job', '--'],
    ['errand', 'create-job', '--target-selection', ''],
    ['errand', 'create-job', '--target-selection', 'CONT'],
    ['errand', 'list-jobs', '--job-id', 'x', '--output', 't'],
    ['errand', 'cancel-job', '--force', ''],
    ['errand', 'service', '--ops-'],
    ['errand', 'completion', ''],
    ['errand', 'create-job', '--document', ''],
  ];
  const script = lines.map((words) => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _errand; echo "\${COMPREPLY[*]}"`;
  });
  const bash = await runChild('bash', ['--norc', '-uc', `. "$0"; complete -p errand; ${script.join('; ')}`, file], {
    env,
  });
  assert.is(bash.code, 0, bash.stderr);
  const [registered, commands = '', options = '', both, one, forms, afterFlag = '', ops, shells, files] =
    bash.stdout.split('\n');
  assert.is(registered, 'complete -o default -F _errand errand');
  for (const { name } of OPERATIONS) assert.ok(commands.split(' ').includes(hyphenated(name)), name);
  for (const name of ['service', 'agent', 'watch', 'backup']) assert.ok(commands.split(' ').includes(name), name);
  const createJob = OPERATIONS.find(({ name }) => name === 'CreateJob')!;
  for (const member of Object.keys(createJob.input))
    assert.ok(options.split(' ').includes(`--${hyphenated(member)}`), member);
  assert.equal([both, one, forms], ['CONTINUOUS SNAPSHOT', 'CONTINUOUS', 'table text']);
  assert.match(afterFlag, '--job-id');
  assert.is(ops, '--ops-port --ops-host');
  assert.is(shells?.split(' --')[0], 'bash zsh fish');
  assert.is(files, '', 'of files: bash itself');
});

test('completion: zsh and fish get the same commands; another shell is refused', async ({ env }) => {
  const [zsh, fish, other] = await Promise.all(
    ['zsh', 'fish', 'tcsh'].map((shell) => runChild(process.execPath, [...ERRAND, 'completion', shell], { env })),
  );
  for (const { name } of OPERATIONS)
    for (const { stdout } of [zsh!, fish!]) assert.match(stdout, new RegExp(` ${hyphenated(name)}\\s`));
  assert.match(fish!.stdout, "seen_subcommand_from create-job' -l target-selection -x -a 'CONTINUOUS SNAPSHOT'");
  assert.equal([other!.code, other!.stderr], [252, "errand: found 'tcsh': expected one of bash, zsh, fish\n"]);
});

test('backup: a consistent copy while the service writes, mode 0600, that opens as a store', async ({
  env,
  folder,
}) => {
  const data = path.join(folder, 'data');
  const file = path.join(folder, 'copy.db');
  mkdirSync(data);
  const store = await openStore(path.join(data, 'errand.db'));
  let serial = 0;
  // Two rows that belong together, in one transaction: a copy that has one without the other is torn.
  const write = () =>
    store.db.transaction().execute(async (tx) => {
      const row = { job_no: serial++, status: 0, n: 1 };
      await tx.insertInto('job_delta').values(row).execute();
      await tx.insertInto('job_count').values(row).execute();
    });
  for (let count = 0; count < 500; count++) await write();
  const child = startChild(process.execPath, [...ERRAND, 'backup', file, '--data', data], { env });
  let ended = false;
  void child.ended.then(() => (ended = true));
  while (!ended) {
    await write();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.is(await child.ended, 0, child.lines.join('\n'));
  assert.match(child.lines.at(-1) ?? '', `${file}: `);
  assert.is(statSync(file).mode & 0o777, 0o600);
  await store.close();
  const copy = await openStore(file);
  const count = async (table: 'job_delta' | 'job_count') =>
    (await copy.db.selectFrom(table).select('job_no').execute()).length;
  const copied = await count('job_delta');
  assert.ok(copied >= 500 && copied < serial, `${copied} of ${serial}`);
  assert.is(await count('job_count'), copied);
  await copy.close();

  const said = async (...args: string[]) => {
    const { code, stderr } = await runChild(process.execPath, [...ERRAND, 'backup', ...args], { env });
    return [code, stderr] as const;
  };
  const [there, nowhere, postgres] = await Promise.all([
    said(file, '--data', data),
    said(path.join(folder, 'new'), '--data', path.join(folder, 'none')),
    said('x', '--store', 'postgres://u:secret@db/errand'),
  ]);
  assert.equal(there, [252, `errand: ${file} is there already: expected the name of a new file\n`]);
  assert.is(nowhere[0], 253);
  assert.match(nowhere[1], 'is backed up with pg_dump');
  assert.is(postgres[0], 252);
  assert.match(postgres[1], 'pg_dump');
});

test.run();
