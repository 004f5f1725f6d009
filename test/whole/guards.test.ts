import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arnOf, FULL_AGENT, type House, openHouse } from './house.ts';

/** Members of our own in documents, with the built agent and service as processes. */
const test = suite<{ house: House }>('guards');
test.before(async (context) => {
  context.house = await openHouse();
});
test.after(async ({ house }) => house?.end());

const sh = (name: string, script: string, more: object = {}) => ({
  action: { name, type: 'runCommand', input: { command: `/bin/sh,-c,${script}` }, ...more },
});

async function create(house: House, jobId: string, thingName: string, document: object): Promise<void> {
  const text = JSON.stringify({ version: '1.0', includeStdOut: true, ...document });
  await house.errand('create-job', '--job-id', jobId, '--targets', arnOf(thingName), '--document', text);
}

const ENDS = ['SUCCEEDED', 'FAILED', 'REJECTED'];

test('timeoutSeconds: the step is gone and the job FAILED with the reason, after its clean-up', async ({ house }) => {
  const marks = path.join(house.folder, 'marks-1');
  house.startAgent({ file: FULL_AGENT }, await house.thing('slow'));
  await create(house, 'late', 'slow', {
    steps: [sh('wait', `trap "" TERM; echo begun >> ${marks}; sleep 60`, { timeoutSeconds: 1 })],
    onFailure: sh('tidy', `echo tidied >> ${marks}`),
  });
  const { status, statusDetails } = await house.until('late', 'slow', ...ENDS);
  const { reason, onFailure } = statusDetails.detailsMap!;
  assert.equal(
    [status, reason, onFailure],
    ['FAILED', 'it was ended after 1 s: its timeoutSeconds', 'Job exited with status: 0'],
  );
  assert.is(await readFile(marks, 'utf8'), 'begun\ntidied\n');
});

test('onFailure: runs when the job is cancelled', async ({ house }) => {
  const marks = path.join(house.folder, 'marks-2');
  const agent = house.startAgent({ file: FULL_AGENT }, await house.thing('cancelled'));
  await create(house, 'long', 'cancelled', {
    steps: [sh('wait', 'echo begun; exec sleep 60')],
    onFailure: sh('tidy', `echo tidied >> ${marks}`),
  });
  await house.until('long', 'cancelled', 'IN_PROGRESS');
  await agent.line(/step 1 of 1 'wait' started/);
  await house.errand('cancel-job', '--job-id', 'long', '--force');
  await agent.line(/clean-up ended: Job exited with status: 0/);
  assert.is(await readFile(marks, 'utf8'), 'tidied\n');
});

test('kill -9: an idempotent step is run again and the job succeeds; onFailure runs after one that is not', async ({
  house,
}) => {
  const marks = path.join(house.folder, 'marks-3');
  const identity = await house.thing('killed');
  const kill = async (jobId: string, document: object) => {
    const agent = house.startAgent({ file: FULL_AGENT }, identity);
    await create(house, jobId, 'killed', document);
    await agent.line(/'wait' started/);
    while (!(await readFile(marks, 'utf8').catch(() => '')).includes(`begun ${jobId}`));
    await agent.kill();
    const second = house.startAgent({ file: FULL_AGENT }, identity);
    const ended = await house.until(jobId, 'killed', ...ENDS);
    await second.kill('SIGTERM');
    return ended;
  };
  const once = `[ -e ${marks}.again ] && exit 0; touch ${marks}.again; echo begun again >> ${marks}; exec sleep 60`;
  const repeated = await kill('again', { steps: [sh('wait', once, { idempotent: true })] });
  assert.is(repeated.status, 'SUCCEEDED');
  const failed = await kill('cut', {
    steps: [sh('wait', `echo begun cut >> ${marks}; exec sleep 60`)],
    onFailure: sh('tidy', `echo tidied >> ${marks}`),
  });
  assert.is(failed.status, 'FAILED');
  assert.match(failed.statusDetails.detailsMap!.reason!, "step 1 of 1 'wait' was interrupted");
  assert.is(await readFile(marks, 'utf8'), 'begun again\nbegun cut\ntidied\n');
});

test('conditions: a job for another kind of device is REJECTED with its path', async ({ house }) => {
  house.startAgent({ file: FULL_AGENT }, await house.thing('here'), '--attributes', 'site=berlin');
  const conditions = [{ key: 'site', value: ['paris'] }];
  await create(house, 'there', 'here', { conditions, steps: [sh('a', 'exit 0')] });
  const { status, statusDetails } = await house.until('there', 'here', ...ENDS);
  assert.is(status, 'REJECTED');
  assert.match(
    statusDetails.detailsMap!.reason!,
    /\$\.conditions\[0\]: expected a device whose site is so \(its own: berlin\)/,
  );
});

test.run();
