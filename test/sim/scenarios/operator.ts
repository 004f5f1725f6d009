import { updateEventConfigurations } from '../../../targets/service/registry/events.ts';
import { deleteThingGroup } from '../../../targets/service/registry/groups.ts';
import { addThingToThingGroup } from '../../../targets/service/registry/membership.ts';
import { createThing, deleteThing } from '../../../targets/service/registry/things.ts';
import { documentOf } from '../work.ts';
import { group, groupArn, type Scenario, type Stage, thingArn } from './stage.ts';

const INVALID = 'InvalidRequestException';
const OBJECT = 'https://s3.us-east-1.amazonaws.com/bucket/key';
const ROLE = { roleArn: 'arn:aws:iam::123456789012:role/reader' };
/** A document that asks for these to be put into it. */
const asking = (...texts: string[]) => JSON.stringify({ version: '1.0', steps: [], texts, more: [1, null, true] });
const url = (form: string, where = OBJECT) => `\${aws:iot:s3-presigned-url${form}:${where}}`;

/** Faults of one CreateJob, each alone: all else of it is right. */
const WRONG: readonly [what: string, input: object, type?: string][] = [
  ['a namespace', { namespaceId: 'space' }],
  ['no document', { document: undefined }],
  ['two documents', { documentSource: OBJECT }],
  ['a source that nobody reads', { document: undefined, documentSource: OBJECT }],
  ['a document of more than 32 KB', { document: JSON.stringify('x'.repeat(33_000)) }],
  ['no JSON', { document: '{' }],
  ['a placeholder that does not end', { document: asking(`\${aws:iot:s3-presigned-url`) }],
  ['eleven placeholders', { document: asking(...Array(11).fill(url(''))), presignedUrlConfig: ROLE }],
  ['a parameter', { document: asking(`\${aws:iot:parameter:one}`), presignedUrlConfig: ROLE }],
  ['an unknown placeholder', { document: asking(`\${aws:iot:other}`), presignedUrlConfig: ROLE }],
  ['no URL in a placeholder', { document: asking(url('', 'nowhere')), presignedUrlConfig: ROLE }],
  ['a variable thrice', { document: asking(url('-upload', `${OBJECT}\${jobId}\${jobId}\${jobId}`)) }],
  ['an unknown variable', { document: asking(url('-upload', `${OBJECT}\${region}`)) }],
  ['a variable in the bucket', { document: asking(url('-upload', `https://s3.x.amazonaws.com/\${jobId}/key`)) }],
  ['no role', { document: asking(url('')) }],
  ['nobody who signs', { document: asking(url('')), presignedUrlConfig: ROLE }],
  ['nobody who signs an upload', { document: asking(url('-upload', '')), presignedUrlConfig: ROLE }],
  ['101 targets', { targets: Array(101).fill(thingArn('T0')) }],
  ['no ARN', { targets: ['T0'] }],
  ['another region', { targets: ['arn:aws:iot:eu-west-1:123456789012:thing/T0'] }],
  ['no such thing', { targets: [thingArn('T7')] }, 'ResourceNotFoundException'],
  ['no such group', { targets: [groupArn('nobody')] }, 'ResourceNotFoundException'],
  ['eleven retries', { jobExecutionsRetryConfig: criteria(['FAILED', 11]) }],
  ['ALL and another', { jobExecutionsRetryConfig: criteria(['ALL', 1], ['FAILED', 1]) }],
  ['a failureType twice', { jobExecutionsRetryConfig: criteria(['FAILED', 1], ['FAILED', 1]) }],
];

function criteria(...rows: [failureType: string, numberOfRetries: number][]) {
  return { criteriaList: rows.map(([failureType, numberOfRetries]) => ({ failureType, numberOfRetries })) };
}

async function refuseAll(stage: Stage, wrong: typeof WRONG): Promise<void> {
  for (const [what, input, type = INVALID] of wrong)
    await stage.refused(type, what, () =>
      stage.control.createJob({ jobId: 'wrong', targets: [thingArn('T0')], document: '{}', ...input }),
    );
}

export const OPERATOR_SCENARIOS: readonly Scenario[] = [
  {
    name: 'an operator gets every member of a job wrong',
    why: 'What is refused has to leave nothing behind: half a job would roll out.',
    async play(stage) {
      await refuseAll(stage, WRONG);
      await stage.job('right', [{ millis: 60_000 }], {
        input: { jobExecutionsRetryConfig: criteria(['FAILED', 2]) as never },
      });
      const { control } = stage;
      await stage.refused('ResourceAlreadyExistsException', 'the same name', () =>
        control.createJob({ jobId: 'right', targets: [thingArn('T0')], document: '{}' }),
      );
      await stage.refused(INVALID, 'more retries', () =>
        control.updateJob({ jobId: 'right', jobExecutionsRetryConfig: criteria(['FAILED', 3]) as never }),
      );
      await stage.refused(INVALID, 'a snapshot given targets', () =>
        control.associateTargetsWithJob({ jobId: 'right', targets: [groupArn('nobody')] }),
      );
      await stage.refused(INVALID, 'a thing as a target', () =>
        control.associateTargetsWithJob({ jobId: 'right', targets: [thingArn('T0')] }),
      );
      await stage.until('the job runs', () => stage.boards[0]!.device.runner.at === 'running');
      const execution = { jobId: 'right', thingName: 'T0' };
      await stage.refused(INVALID, 'details that are none', () =>
        control.cancelJobExecution({ ...execution, statusDetails: 'text' }),
      );
      await stage.refused('VersionConflictException', 'another version', () =>
        control.cancelJobExecution({ ...execution, force: true, expectedVersion: 9 }),
      );
      await stage.refused('ResourceNotFoundException', 'in a namespace', () =>
        control.deleteJobExecution({ ...execution, executionNumber: 1, namespaceId: 'space' }),
      );
      await stage.refused('InvalidStateTransitionException', 'a job that runs, without force', () =>
        control.deleteJob({ jobId: 'right' }),
      );
      await control.updateJob({ jobId: 'right', jobExecutionsRetryConfig: criteria(['ALL', 0]) as never });
    },
  },
  {
    name: 'documents are read from where they are, and their URLs signed for each device',
    why: 'A document must reach its device with URLs that are good now, however it is asked for; without a signature not at all.',
    extras: () => {
      let refusals = 2;
      return {
        signer: {
          faultIn: ({ url: where }) => (where.includes('elsewhere') ? 'not our bucket' : undefined),
          sign: ({ url: where, method }) => {
            if (refusals-- > 0) throw new Error('no credentials');
            return `${method} ${where} signed`;
          },
        },
        readDocument: async (where) => {
          if (where.includes('gone')) throw new Error('404');
          return documentOf([{ name: 's0.0', millis: 10, code: 0 }], {}).replace(
            '"steps"',
            JSON.stringify(`from ${url('-v1')}${url('-v2')}${url('-upload', `${OBJECT}/\${thingName}`)}`).concat(
              ':0,"steps"',
            ),
          );
        },
      };
    },
    async play(stage) {
      await refuseAll(stage, [
        ['a source that is gone', { document: undefined, documentSource: `${OBJECT}/gone` }],
        ['another bucket', { document: asking(url('', 'https://s3.elsewhere/bucket/key')), presignedUrlConfig: ROLE }],
      ]);
      const urls = [
        url(''),
        url('-v1'),
        url('-v2'),
        url('-upload', `${OBJECT}/\${thingName}/\${jobId}`),
        url('-upload', ''),
      ];
      const document = documentOf([{ name: 's0.0', millis: 3_000, code: 0 }]).replace(
        '"steps"',
        `"urls":${JSON.stringify(urls)},"url":"${url('')}","none":null,"steps"`,
      );
      await stage.job('signed', [{ millis: 3_000 }], { input: { document, presignedUrlConfig: ROLE } });
      await stage.refused(INVALID, 'a role taken away', () =>
        stage.control.updateJob({ jobId: 'signed', presignedUrlConfig: {} }),
      );
      await stage.until('the job runs', () => stage.boards[0]!.device.runner.at === 'running');
      const { kind, body } = await stage.ask('$next/get', {});
      stage.expect(
        kind === 'accepted' && JSON.stringify(body).includes(`"url":"GET ${OBJECT} signed"`),
        'it is signed',
      );
      const bare = await stage.ask('$next/get', { includeJobDocument: false });
      stage.expect(!JSON.stringify(bare.body).includes('jobDocument'), 'no document is asked for, and none is signed');
      await stage.until('it ends', async () => (await stage.status('signed')) === 'SUCCEEDED');
      await stage.job('read', [{}], {
        input: { document: undefined as never, documentSource: OBJECT, presignedUrlConfig: ROLE },
      });
      const { documentSource } = await stage.control.describeJob({ jobId: 'read' });
      stage.expect(documentSource === OBJECT, 'where it came from is shown');
      await stage.control.getJobDocument({ jobId: 'read', beforeSubstitution: true });
    },
  },
  {
    name: 'lists are read page by page, filtered, and with tokens of others',
    why: 'A page that skips or repeats an execution hides a device from its operator.',
    boards: Array(3).fill({ way: 'mqtt', knows: false }),
    async play(stage) {
      await group(stage, 'all');
      await addThingToThingGroup(stage.registry, { thingName: 'T0', thingGroupName: 'all' });
      for (const jobId of ['a', 'b', 'c']) await stage.job(jobId, [{}]);
      await stage.job('grouped', [{}], { input: { targets: [groupArn('all')] } });
      await stage.until('all have ended', () => stage.boards.every((board) => board.atRest()), 30);
      await stage.pass(10);
      const { control } = stage;
      const pages = async (read: (nextToken?: string) => Promise<{ nextToken?: string; rows: unknown[] }>) => {
        const seen = new Set<string>();
        let page = await read();
        for (let n = 0; n < 20; n++) {
          for (const row of page.rows) seen.add(JSON.stringify(row));
          if (page.nextToken === undefined) break;
          page = await read(page.nextToken);
        }
        return seen.size;
      };
      const things = await pages(async (nextToken) => {
        const page = await control.listJobExecutionsForJob({
          jobId: 'a',
          maxResults: 1,
          ...(nextToken ? { nextToken } : {}),
        });
        return { ...page, rows: page.executionSummaries } as never;
      });
      stage.expect(things === 3, `three executions of a, page by page: ${things}`);
      const jobs = await pages(async (nextToken) => {
        const page = await control.listJobExecutionsForThing({
          thingName: 'T0',
          maxResults: 2,
          ...(nextToken ? { nextToken } : {}),
        });
        return { ...page, rows: page.executionSummaries } as never;
      });
      stage.expect(jobs === 4, `four jobs of T0, page by page: ${jobs}`);
      const all = await pages(async (nextToken) => {
        const page = await control.listJobs({ maxResults: 3, ...(nextToken ? { nextToken } : {}) });
        return { ...page, rows: page.jobs } as never;
      });
      stage.expect(all === 4, `four jobs, page by page: ${all}`);
      await refuseTokens(stage);
      const counts = [
        (await control.listJobs({ targetSelection: 'CONTINUOUS' })).jobs.length,
        (await control.listJobs({ thingGroupName: 'all' })).jobs.length,
        (await control.listJobs({ namespaceId: 'space' })).jobs.length,
        (await control.listJobExecutionsForJob({ jobId: 'a', status: 'SUCCEEDED' })).executionSummaries.length,
        (await control.listJobExecutionsForThing({ thingName: 'T0', status: 'FAILED' })).executionSummaries.length,
        (await control.listJobExecutionsForThing({ thingName: 'T0', jobId: 'b' })).executionSummaries.length,
        (await control.listJobExecutionsForThing({ thingName: 'T0', namespaceId: 'x' })).executionSummaries.length,
      ];
      stage.expect(`${counts}` === '0,1,0,3,0,1,0', `each filter finds its own: ${counts}`);
      await stage.control.describeJobExecution({ jobId: 'a', thingName: 'T0', executionNumber: 1 });
      await deleteThing(stage.registry, { thingName: 'T2' });
      const after = await control.listJobExecutionsForJob({ jobId: 'a' });
      stage.expect(after.executionSummaries.length === 3, 'what a thing did is kept when it is deleted');
      await createThing(stage.registry, { thingName: 'T2' });
    },
  },
  {
    name: 'jobs are deleted ten at a time',
    why: 'An eleventh deletion at once is refused, a second of the same job too, and the name is free afterwards.',
    async play(stage) {
      for (let n = 0; n < 12; n++)
        await stage.control.createJob({ jobId: `j${n}`, targets: [thingArn('T0')], document: '{"steps":[]}' });
      const remove = (jobId: string) => stage.control.deleteJob({ jobId, force: true });
      for (let n = 0; n < 10; n++) await remove(`j${n}`);
      await stage.refused('InvalidStateTransitionException', 'a second time', () => remove('j0'));
      await stage.refused('LimitExceededException', 'an eleventh', () => remove('j10'));
      await stage.until('they are gone', async () => (await stage.control.listJobs({})).jobs.length === 2);
      await remove('j10');
      await remove('j11');
    },
  },
  {
    name: 'a continuous job is given more groups than it may have, and groups are deleted under it',
    why: 'Things that leave have to lose what is QUEUED, those that stay must not.',
    boards: Array(2).fill({ way: 'mqtt', knows: false }),
    async play(stage) {
      const { control, registry } = stage;
      for (const name of ['one', 'two', 'other']) await group(stage, name);
      for (const thingGroupName of ['one', 'two'])
        await addThingToThingGroup(registry, { thingName: 'T0', thingGroupName });
      await addThingToThingGroup(registry, { thingName: 'T1', thingGroupName: 'one' });
      const input = { targetSelection: 'CONTINUOUS' as const, targets: [groupArn('one'), groupArn('two')] };
      await stage.job('first', [{ millis: 20_000 }], { input });
      await stage.job('second', [{}], { input });
      await stage.until('both run the first', () => stage.boards.every(({ device }) => device.runner.at === 'running'));
      await deleteThingGroup(registry, { thingGroupName: 'one' });
      await stage.until('the second is taken from T1', async () => (await stage.status('second', 'T1')) === 'REMOVED');
      stage.expect((await stage.status('second', 'T0')) === 'QUEUED', 'T0 is in the other group still');
      const many = Array.from({ length: 99 }, (_, i) => groupArn(`g${i}`));
      await stage.refused('LimitExceededException', '101 targets', () =>
        control.associateTargetsWithJob({ jobId: 'second', targets: many }),
      );
      await control.associateTargetsWithJob({ jobId: 'second', targets: [groupArn('other')], comment: 'more' });
      await addThingToThingGroup(registry, { thingName: 'T1', thingGroupName: 'other' });
      await stage.until(
        'T1 is back, as another execution',
        async () => (await stage.status('second', 'T1')) === 'SUCCEEDED',
      );
      const shown = (await control.describeJob({ jobId: 'second' })).job;
      stage.expect(shown.comment === 'more' && shown.isConcurrent === false, 'its comment is shown');
      for (const jobId of ['first', 'second'])
        await control.cancelJob({ jobId, comment: 'enough', reasonCode: 'DONE' });
      const { job } = await control.describeJob({ jobId: 'first' });
      stage.expect(job.reasonCode === 'DONE' && job.comment === 'enough', 'why it was cancelled is shown');
    },
  },
  {
    name: 'events of jobs are told, also when the first try fails',
    why: 'Whoever waits for a job to end waits for ever if its event was lost with the connection.',
    extras: () => {
      const told: string[] = [];
      let failures = 1;
      return {
        publish: (topic) => {
          if (topic.startsWith('$aws/events/') && failures-- > 0) throw new Error('no connection');
          told.push(topic);
          heard.topics = told;
        },
      };
    },
    async play(stage) {
      const on = { Enabled: true };
      await updateEventConfigurations(stage.registry, { eventConfigurations: { JOB: on, JOB_EXECUTION: on } });
      await stage.job('seen', [{}], { input: { description: 'with events' } });
      await stage.until('it is told', () => heard.topics.includes('$aws/events/job/seen/completed'));
      for (let n = 0; n < 70; n++)
        await stage.control.createJob({ jobId: `many${n}`, targets: [thingArn('T0')], document: '{"steps":[]}' });
      for (let n = 0; n < 70; n++) await stage.control.cancelJob({ jobId: `many${n}`, comment: 'all of them' });
      await stage.until('all are told', () => heard.topics.filter((topic) => topic.endsWith('/canceled')).length >= 70);
      stage.expect(heard.topics.includes('$aws/events/jobExecution/seen/succeeded'), 'its execution is told too');
    },
  },
  {
    name: 'what ended long ago is forgotten',
    why: 'A service that forgets nothing fills its disk; one that forgets too much loses what is still asked for.',
    extras: () => ({ retentionMillis: 20 * 60_000 }),
    async play(stage) {
      await group(stage, 'all');
      await addThingToThingGroup(stage.registry, { thingName: 'T0', thingGroupName: 'all' });
      await stage.job('old', [{}]);
      await stage.job('going on', [{}], {
        input: { jobId: 'on', targets: [groupArn('all')], targetSelection: 'CONTINUOUS' },
      });
      stage.made.pop();
      await stage.until('both are done', async () => (await stage.status('on')) === 'SUCCEEDED');
      await stage.pass(25 * 3_600); // looked at once a day
      stage.world.checks.deleted('old');
      const { jobs } = await stage.control.listJobs({});
      stage.expect(
        `${jobs.map(({ jobId }) => jobId)}` === 'on',
        `the old job is gone, the other is there: ${jobs.length}`,
      );
      const { executionSummaries } = await stage.control.listJobExecutionsForJob({ jobId: 'on' });
      stage.expect(executionSummaries.length === 0, 'its execution is gone');
      await stage.control.cancelJob({ jobId: 'on' });
    },
  },
];

/** What the events' scenario has heard. */
const heard: { topics: string[] } = { topics: [] };

async function refuseTokens({ control, refused }: Stage): Promise<void> {
  const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (const nextToken of ['?', token({}), token([1]), token(['a', 'b', 'c'])])
    await refused(INVALID, `the token ${nextToken}`, () => control.listJobExecutionsForJob({ jobId: 'a', nextToken }));
  for (const [what, call] of Object.entries({
    'no such thing': () => control.listJobExecutionsForThing({ thingName: 'T9' }),
    'no such group': () => control.listJobs({ thingGroupName: 'nobody' }),
    'no such group by id': () => control.listJobs({ thingGroupId: 'nobody' }),
    'no such job': () => control.describeJob({ jobId: 'nothing' }),
    'a namespace of a job': () => control.updateJob({ jobId: 'a', namespaceId: 'space' }),
  }))
    await refused('ResourceNotFoundException', what, call);
}
