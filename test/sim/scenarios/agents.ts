import type { JsonObject } from '../../../runtime/jobs/json.ts';
import { documentOf } from '../work.ts';
import { type Scenario, type Stage, thingArn } from './stage.ts';

const file = (more: object) => ({ fileName: 'app/main.js', fileSource: { url: 'https://s3/app.js' }, ...more });
const checksum = (more: object) => file({ checksum: { hashAlgorithm: 'SHA256', inline: { value: 'ab12' }, ...more } });
const install = (...files: object[]) => ({ operation: 'install', packageName: 'p', workingDirectory: 'p', files });

async function run(stage: Stage, jobId: string, document: object): Promise<string | undefined> {
  await stage.control.createJob({ jobId, targets: [thingArn('T0')], document: JSON.stringify(document) });
  const isOver = async () => !['QUEUED', 'IN_PROGRESS', undefined].includes(await stage.status(jobId));
  await stage.until(`${jobId} is over`, isOver, 1_500);
  return stage.status(jobId);
}

async function all(stage: Stage, ends: string, documents: readonly object[]): Promise<void> {
  for (const document of documents) {
    const status = await run(stage, `${ends}${Math.round(stage.world.timeline.now())}`, document);
    stage.expect(status === ends, `${JSON.stringify(document)} is ${ends}: ${status}`);
  }
}

async function details({ control }: Stage, jobId: string): Promise<JsonObject> {
  const { execution } = await control.describeJobExecution({ jobId, thingName: 'T0' });
  return execution.statusDetails!.detailsMap as JsonObject;
}

/** What agents are given beside plain steps: documents of one operation, marks of our own, and the other way to the service. */
export const AGENT_SCENARIOS: readonly Scenario[] = [
  {
    name: 'a jobs-agent’s operations',
    why: 'Each is one step to which all holds that holds for steps, reported in the words of that agent.',
    boards: [{ way: 'mqtt', knows: true, operations: 'jobs-agent' }],
    async play(stage) {
      const named = ['start', 'stop', 'restart'].map((operation) => ({ operation, packageName: 'p' }));
      const power = [{ operation: 'shutdown' }, { operation: 'shutdown', delay: '3' }];
      await all(stage, 'SUCCEEDED', [...named, ...power, { operation: 'systemStatus' }]);
      await all(stage, 'SUCCEEDED', [install(file({})), install(checksum({})), install(file({ checksum: {} }))]);
      await all(stage, 'REJECTED', [
        ...[{ operation: 'reboot', delay: 10_001 }, { operation: 'dance' }, { operation: 'start' }],
        ...[install(), install(checksum({ inline: { value: 'none' } })), install(file({ fileName: '../up' }))],
      ]);
      await run(stage, 'reboots', { operation: 'reboot', delay: 0 });
      const { step } = await details(stage, 'reboots');
      stage.expect(step === 'rebooted', `it says that it has restarted: ${step}`);
      const [board] = stage.boards;
      const ending = stage
        .until('it works', () => board!.device.runner.at === 'running')
        .then(() => {
          board!.stop();
          board!.stop();
        });
      const [status] = await Promise.all([run(stage, 'ended', { operation: 'shutdown', delay: 9_999 }), ending]);
      const { errorCode } = await details(stage, 'ended');
      stage.expect(status === 'FAILED' && errorCode === 'ERR_UNEXPECTED', `it was ended: ${status}, ${errorCode}`);
    },
  },
  {
    name: 'the old documents of the Device Client',
    why: 'Its operation is a handler, and a document of steps stays one.',
    boards: [{ way: 'mqtt', knows: true, operations: 'device-client' }],
    async play(stage) {
      await all(stage, 'SUCCEEDED', [
        { operation: 'work.sh', args: ['20', '0'], path: 'default', includeStdOut: true },
      ]);
      await all(stage, 'FAILED', [{ version: '', operation: 'work.sh', args: ['20', '3'] }]);
      await all(stage, 'REJECTED', [{ operation: 7 }, { version: '1.0', operation: 'work.sh' }]);
    },
  },
  {
    name: 'a board that takes no documents of one operation',
    why: 'It says which setting would allow them.',
    boards: [{ way: 'mqtt', knows: true }],
    async play(stage) {
      await run(stage, 'refused', { operation: 'reboot' });
      const { reason } = await details(stage, 'refused');
      stage.expect(/'operations'/.test(`${reason}`), `the reason names the setting: ${reason}`);
    },
  },
  {
    name: 'a step that takes longer than it may',
    why: 'The device itself ends it, and the job fails, saying so.',
    catches: ['let a step take longer than it may'],
    boards: [{ way: 'mqtt', knows: true }],
    async play(stage) {
      await stage.job('slow', [{ millis: 20_000, timeoutSeconds: 5 }]);
      await stage.until('it has failed', async () => (await stage.status('slow')) === 'FAILED', 15);
    },
  },
  {
    name: 'a step is cancelled just before the time that it may take is up',
    why: 'The time that was up must not hide the end of TERM’s grace: a program that ignores TERM would run on.',
    boards: [{ way: 'mqtt', knows: true }],
    async play(stage) {
      await stage.job('stubborn', [{ millis: 600_000, manner: 'stubborn', timeoutSeconds: 10 }]);
      const at = () => stage.boards[0]!.device.runner.at;
      await stage.until('it runs', () => at() === 'running');
      await stage.pass(9.75);
      await stage.control.cancelJob({ jobId: 'stubborn', force: true });
      await stage.until('it is told to end', () => at() === 'stopping', 1);
      await stage.until('it is killed', () => at() === 'idle', 60);
    },
  },
  {
    name: 'handlers end with details for the outcome',
    why: 'What a handler has found out is shown where people look, and the latest of a name counts; in a job that is one operation too.',
    boards: [{ way: 'mqtt', knows: true, operations: 'device-client' }],
    async play(stage) {
      await stage.job('shown', [{ handler: true, manner: 'shows' }, {}, { handler: true, manner: 'shows' }]);
      await stage.until('it is done', async () => (await stage.status('shown')) === 'SUCCEEDED', 60);
      const { shown } = await details(stage, 'shown');
      stage.expect(shown === 's0.2', `the last one is shown: ${shown}`);
      const status = await run(stage, 'old', { version: '', operation: 'work.sh', args: ['20', '0', 'shows'] });
      stage.expect(status === 'SUCCEEDED', `an operation with details ends well: ${status}`);
    },
  },
  {
    name: 'power goes in the middle of a step of a device that reads marks',
    why: 'Only a step that is marked so may be repeated.',
    catches: ['repeat a step that a power cut interrupted, though it is not marked so'],
    boards: [{ way: 'mqtt', knows: true }],
    async play(stage) {
      const [board] = stage.boards;
      await stage.job('again', [{ name: '+', millis: 20_000, idempotent: true }]);
      await stage.job('once', [{ millis: 20_000 }]);
      for (const [jobId, ends] of Object.entries({ again: 'SUCCEEDED', once: 'FAILED' })) {
        await stage.until('it runs', () => board!.device.runner.at === 'running', 60);
        board!.cutPower();
        await stage.until(`${jobId} is ${ends}`, async () => (await stage.status(jobId)) === ends, 400);
      }
    },
  },
  {
    name: 'an agent is ended cleanly between two steps',
    why: 'Nothing was under way: the job goes on where it was.',
    catches: ['fail a job that was between two steps when its device went down'],
    async play(stage) {
      await stage.job('parked', [{ millis: 5_000 }, { millis: 500 }]);
      await stage.until('it runs', () => stage.boards[0]!.device.runner.at === 'running', 60);
      stage.boards[0]!.stop();
      await stage.until('it is done', async () => (await stage.status('parked')) === 'SUCCEEDED', 400);
    },
  },
  {
    name: 'a job fails, and cleans up before it is reported',
    why: 'That the clean-up has run is on disk before the report leaves: else the next boot would run it again.',
    catches: ['report after a clean-up without remembering that it was'],
    boards: [{ way: 'mqtt', knows: true }],
    async play(stage) {
      await stage.job('fails', [{ code: 3 }], { onFailure: { name: 's0.clean', millis: 100, code: 0 } });
      await stage.until('it has failed', async () => (await stage.status('fails')) === 'FAILED', 60);
    },
  },
  {
    name: 'jobs over HTTPS, one after another',
    why: 'A device that waits is told of each next job, and a proxy that answers in the service’s place is not believed.',
    catches: ['tell a device of its next job once only', 'take the answer of a proxy for the service’s'],
    boards: [{ way: 'https', knows: false }],
    async play(stage) {
      for (const jobId of ['one', 'two', 'three']) {
        await stage.pass(60);
        await stage.job(jobId, [{}]);
        await stage.until(`${jobId} is done`, async () => (await stage.status(jobId)) === 'SUCCEEDED', 100);
      }
      const [board] = stage.boards;
      const isRunning = () => board!.device.runner.at === 'running';
      stage.world.faults.strangers = 0.5;
      for (let n = 0; n < 8; n++) {
        await stage.job(`reported${n}`, [{}]);
        await stage.until('it is done', async () => (await stage.status(`reported${n}`)) === 'SUCCEEDED', 900);
      }
      stage.world.faults.strangers = 0;
      await stage.job('taken', [{ millis: 1_800_000 }]);
      await stage.job('next', [{}]);
      await stage.until('it runs', isRunning, 600);
      await stage.pass(60);
      await stage.control.cancelJob({ jobId: 'taken', force: true });
      await stage.until('the next one is done', async () => (await stage.status('next')) === 'SUCCEEDED', 120);
    },
  },
  {
    name: 'over HTTPS a job that runs is made anew under its name',
    why: 'The head of the queue then has the same jobId and executionNumber: the old program went on until it had something to report.',
    boards: [{ way: 'https', knows: false }],
    async play(stage) {
      await stage.job('name', [{ millis: 1_800_000 }]);
      await stage.until('it runs', () => stage.boards[0]!.device.runner.at === 'running');
      await stage.pass(10);
      await stage.control.deleteJob({ jobId: 'name', force: true });
      await stage.pass(1);
      await stage.job('name', [{}]);
      await stage.until('the new one is done', async () => (await stage.status('name')) === 'SUCCEEDED', 60);
    },
  },
  {
    name: 'over HTTPS a claim meets the job made anew, and a look that left before the claim comes back after it',
    why: 'The look saw the new one still QUEUED, its document the same: it is what runs by then, and must not be ended for it.',
    boards: [{ way: 'https', knows: false }],
    async play(stage) {
      const { cloud } = stage;
      const { answerHttps } = cloud;
      const isDone = (jobId: string) => async () => (await stage.status(jobId)) === 'SUCCEEDED';
      /** What was asked since the report: the look, the device's own, its claim; the first and the last are held back. */
      const asked: (() => Promise<void>)[] = [];
      const releaseLook: (() => void)[] = [];
      let isReported = false;
      cloud.answerHttps = (thingName, request, holdSeconds, answer) => {
        if (!isReported) {
          isReported = /SUCCEEDED/.test(new TextDecoder().decode(request.body));
          return answerHttps(thingName, request, holdSeconds, answer);
        }
        const isLook = asked.length === 0;
        const held = () =>
          new Promise<void>((resolve) =>
            answerHttps(thingName, request, holdSeconds, (...how) => {
              if (isLook) releaseLook.push(() => answer(...how));
              else answer(...how);
              resolve();
            }),
          );
        if (isLook || request.body) asked.push(held);
        else void held();
      };
      await stage.job('first', [{}]);
      const document = documentOf([{ name: 's2.0', millis: 10_000, code: 0 }]);
      await stage.job('name', [{}], { input: { document } });
      await stage.until('it claims the second', () => asked.length === 2);
      await stage.control.deleteJob({ jobId: 'name', force: true });
      await stage.pass(2);
      await stage.job('name', [{ millis: 10_000 }], { input: { document } });
      await stage.pass(1);
      for (const one of asked) await one();
      cloud.answerHttps = answerHttps;
      await stage.until('it runs', () => stage.boards[0]!.device.runner.at === 'running', 20);
      stage.expect(releaseLook.length === 1, 'the look is not answered yet');
      releaseLook[0]!();
      await stage.until('the new one is done', isDone('name'), 60);
    },
  },
];
