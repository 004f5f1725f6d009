import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type House, openHouse } from './house.ts';

const life = suite<{ house: House }>('life');
life.before(async (context) => {
  context.house = await openHouse();
});
life.after(async ({ house }) => house?.end());

life(
  'a job runs and is reported: the single-file agent, the service and the command line as separate processes',
  async ({ house }) => {
    const identity = await house.thing('board-1');
    const agent = house.agent(identity);
    await house.job('hello', 'board-1', 'echo,hello\\, world', 'true');
    const { status, statusDetails, versionNumber } = await house.until(
      'hello',
      'board-1',
      'SUCCEEDED',
      'FAILED',
      'REJECTED',
    );
    assert.is(status, 'SUCCEEDED', agent.lines.join('\n'));
    assert.is(statusDetails.detailsMap?.stdout, 'hello, world\n');
    assert.is(versionNumber, 4); // QUEUED, IN_PROGRESS, step 2, SUCCEEDED
    assert.is(
      ((await house.errand('describe-job', '--job-id', 'hello')) as unknown as { job: { status: string } }).job.status,
      'COMPLETED',
    );
    assert.is(await agent.kill('SIGTERM'), 0);
  },
);

life('an invalid document is REJECTED with the path of its fault, and the next job runs', async ({ house }) => {
  const identity = await house.thing('board-2');
  house.agent(identity);
  const document = JSON.stringify({ version: '1.0', steps: [{ action: { name: 'x', type: 'runShell' } }] });
  await house.errand(
    'create-job',
    '--job-id',
    'bad',
    '--targets',
    'arn:aws:iot:us-east-1:123456789012:thing/board-2',
    '--document',
    document,
  );
  await house.job('good', 'board-2', 'true');
  const { statusDetails } = await house.until('bad', 'board-2', 'REJECTED', 'FAILED', 'SUCCEEDED');
  assert.match(statusDetails.detailsMap!.reason!, '$.steps[0].action.type');
  assert.is((await house.until('good', 'board-2', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
});

life(
  'kill -9 in step 2 of 3: step 1 is not repeated, the job FAILED with a reason that names step 2, the next job runs',
  async ({ house }) => {
    const identity = await house.thing('board-3');
    const marks = path.join(house.folder, 'marks');
    const handlers = path.join(house.folder, 'board-3.handlers');
    await mkdir(handlers, { recursive: true });
    await writeFile(
      path.join(handlers, 'mark.sh'),
      `#!/bin/sh\necho "$2" >> ${marks}\nif [ "$2" = two ]; then echo waiting; exec sleep 600; fi\n`,
      { mode: 0o700 },
    );
    const step = (word: string) => ({
      action: {
        name: `mark-${word}`,
        type: 'runHandler',
        input: { handler: 'mark.sh', args: [word], path: 'default' },
      },
    });
    const document = JSON.stringify({ version: '1.0', steps: ['one', 'two', 'three'].map(step) });
    const agent = house.agent(identity, '--log', 'debug');
    await house.errand(
      'create-job',
      '--job-id',
      'cut',
      '--targets',
      'arn:aws:iot:us-east-1:123456789012:thing/board-3',
      '--document',
      document,
    );
    await house.job('after', 'board-3', 'true');
    await agent.line(/step 2 of 3 'mark-two' started/);
    await until(async () => (await read(marks)).includes('two'));
    await agent.kill('SIGKILL');
    const again = house.agent(identity);
    const { status, statusDetails } = await house.until('cut', 'board-3', 'FAILED', 'SUCCEEDED');
    assert.is(status, 'FAILED', again.lines.join('\n'));
    assert.match(statusDetails.detailsMap!.reason!, "step 2 of 3 'mark-two'");
    assert.is((await house.until('after', 'board-3', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
    assert.is(await read(marks), 'one\ntwo\n');
  },
);

life('kill -9 of the service while a job runs: nothing accepted is lost, the job ends', async ({ house }) => {
  const identity = await house.thing('board-4');
  const agent = house.agent(identity, '--log', 'debug');
  const gate = path.join(house.folder, 'gate');
  await house.job('outage', 'board-4', `sh,-c,while [ ! -e ${gate} ]; do sleep 0.05; done`, 'echo,done');
  await house.job('later', 'board-4', 'true');
  await agent.line(/step 1 of 2 'step-1' started/);
  const before = await house.execution('outage', 'board-4');
  await house.service.kill('SIGKILL');
  await agent.line(/not connected/);
  await writeFile(gate, '');
  await agent.line(/job outage: SUCCEEDED/);
  await house.restartService();
  assert.is((await house.execution('outage', 'board-4')).versionNumber >= before.versionNumber, true);
  assert.is((await house.until('outage', 'board-4', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
  assert.is((await house.until('later', 'board-4', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
});

life(
  'cancel with force while a step sleeps: its whole process group is gone within a second, the next job starts',
  async ({ house }) => {
    const identity = await house.thing('board-5');
    const agent = house.agent(identity, '--log', 'debug');
    const pids = path.join(house.folder, 'pids');
    // A shell that ignores TERM, and a child of its own.
    await house.job(
      'asleep',
      'board-5',
      `sh,-c,trap '' TERM; sleep 600 & echo $$ $! > ${pids}; while :; do wait; done`,
    );
    await house.job('next', 'board-5', 'true');
    await until(async () => /\d+ \d+\n/.test(await read(pids)));
    const group = (await read(pids)).trim().split(' ').map(Number);
    assert.ok(await isAlive(group[0]!));
    const from = agent.lines.length;
    const cancelled = performance.now();
    await house.errand('cancel-job', '--job-id', 'asleep', '--force');
    await agent.lineAfter(from, /ended: Job killed by signal/);
    for (const pid of group) await until(async () => !(await isAlive(pid)));
    const took = performance.now() - cancelled;
    console.log(`\n  cancelled (command line and TERM grace included) and gone in ${took.toFixed(0)} ms`);
    assert.is((await house.until('next', 'board-5', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
    assert.is((await house.execution('asleep', 'board-5')).status, 'CANCELED');
  },
);

life('SIGTERM between two steps: the record is kept and the next start goes on at the next step', async ({ house }) => {
  const identity = await house.thing('board-6');
  const marks = path.join(house.folder, 'marks-6');
  const gate = path.join(house.folder, 'gate-6');
  const agent = house.agent(identity, '--log', 'debug');
  await house.job(
    'parked',
    'board-6',
    `sh,-c,echo one >> ${marks}; while [ ! -e ${gate} ]; do sleep 0.05; done`,
    `sh,-c,echo two >> ${marks}`,
  );
  await agent.line(/step 1 of 2 'step-1' started/);
  agent.process.kill('SIGTERM');
  await agent.line(/ending/);
  await writeFile(gate, '');
  assert.is(await agent.ended, 0);
  assert.is(await read(marks), 'one\n');
  house.agent(identity);
  assert.is((await house.until('parked', 'board-6', 'SUCCEEDED', 'FAILED')).status, 'SUCCEEDED');
  assert.is(await read(marks), 'one\ntwo\n');
});

life.run();

/** A killed process that its parent has not yet asked about is gone all the same. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await read(`/proc/${pid}/stat`);
  return stat !== '' && !/\) [ZX] /.test(stat);
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

/** Asks again as soon as the last asking is answered; what is waited for is another process, which tells nobody. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
