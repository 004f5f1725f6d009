import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ModelledError } from '../../../../targets/service/modelledError.ts';
import { addGroup, groupArn, join, leave, openWorld, START_MILLIS, thingArn } from './world.ts';

const S = START_MILLIS / 1000;
const ARN = 'arn:aws:iot:eu-west-1:123456789012';

async function refusal(
  work: Promise<unknown>,
): Promise<{ type: string; status: number; message: string; members: object }> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ModelledError)) throw error;
    const { type, status, message, members } = error;
    return { type, status, message, members };
  }
  throw new Error('it was accepted');
}

async function typeOf(work: Promise<unknown>): Promise<string> {
  return (await refusal(work)).type;
}

test('CreateJob answers ARN and id; DescribeJob shows what was given, counters all there, seconds with a fraction', async () => {
  const world = await openWorld();
  world.nowMillis += 743;
  const { control } = world.service;
  const input = {
    jobId: 'fw-42',
    targets: [thingArn('T1')],
    document: '{"operation":"reboot"}',
    description: 'new firmware',
    targetSelection: 'SNAPSHOT',
    timeoutConfig: { inProgressTimeoutInMinutes: 20 },
    jobExecutionsRolloutConfig: { maximumPerMinute: 50 },
    tags: [{ Key: 'team', Value: 'ops' }],
  } as const;
  assert.equal(await control.createJob({ ...input, targets: [...input.targets], tags: [...input.tags] }), {
    jobArn: `${ARN}:job/fw-42`,
    jobId: 'fw-42',
    description: 'new firmware',
  });
  const counters = {
    numberOfCanceledThings: 0,
    numberOfSucceededThings: 0,
    numberOfFailedThings: 0,
    numberOfRejectedThings: 0,
    numberOfQueuedThings: 0,
    numberOfInProgressThings: 0,
    numberOfRemovedThings: 0,
    numberOfTimedOutThings: 0,
  };
  const job = {
    jobArn: `${ARN}:job/fw-42`,
    jobId: 'fw-42',
    targetSelection: 'SNAPSHOT',
    status: 'IN_PROGRESS',
    createdAt: S + 0.743,
    lastUpdatedAt: S + 0.743,
    isConcurrent: true,
    description: 'new firmware',
    targets: [thingArn('T1')],
    presignedUrlConfig: {},
    jobExecutionsRolloutConfig: { maximumPerMinute: 50 },
    timeoutConfig: { inProgressTimeoutInMinutes: 20 },
    jobProcessDetails: { processingTargets: [thingArn('T1')], ...counters },
  };
  assert.equal((await control.describeJob({ jobId: 'fw-42' })).job, job);
  await world.settle();
  assert.equal((await control.describeJob({ jobId: 'fw-42' })).job, {
    ...job,
    isConcurrent: false,
    jobProcessDetails: { ...counters, numberOfQueuedThings: 1 },
  });
  assert.equal(await control.getJobDocument({ jobId: 'fw-42' }), { document: input.document });
  assert.equal((await control.describeJobExecution({ jobId: 'fw-42', thingName: 'T1' })).execution, {
    jobId: 'fw-42',
    status: 'QUEUED',
    statusDetails: {},
    thingArn: thingArn('T1'),
    queuedAt: S + 0.743,
    lastUpdatedAt: S + 0.743,
    executionNumber: 1,
    versionNumber: 1,
  });
  await world.close();
});

test('a job with nothing but what is required: SNAPSHOT, empty structures as {}, and what has no value is left out, not null (control-plane §1, §2.1, §2.2)', async () => {
  const world = await openWorld();
  const { control } = world.service;
  const targets = [thingArn('T1')];
  assert.equal(await control.createJob({ jobId: 'j', targets, document: '{}' }), {
    jobArn: `${ARN}:job/j`,
    jobId: 'j',
  });
  await world.settle();
  const answer = await control.describeJob({ jobId: 'j' });
  assert.equal(Object.keys(answer), ['job']);
  const { jobProcessDetails, ...job } = answer.job;
  assert.is(Object.keys(jobProcessDetails).length, 8);
  assert.equal(job, {
    jobArn: `${ARN}:job/j`,
    jobId: 'j',
    targetSelection: 'SNAPSHOT',
    status: 'IN_PROGRESS',
    createdAt: S,
    lastUpdatedAt: S,
    isConcurrent: false,
    targets,
    presignedUrlConfig: {},
    jobExecutionsRolloutConfig: {},
    timeoutConfig: {},
  });
  await world.close();
});

test('CreateJob refuses with the error of the model, and then nothing of the job is there', async () => {
  const world = await openWorld();
  const { control } = world.service;
  const create = (more: object) =>
    refusal(control.createJob({ jobId: 'j', targets: [thingArn('T1')], document: '{}', ...more }));
  const table: [more: object, type: string, message: RegExp][] = [
    [{ targets: [thingArn('T1'), thingArn('T2')] }, 'ResourceNotFoundException', /no thing T2/],
    [{ targets: [groupArn('G')] }, 'ResourceNotFoundException', /no thing group G/],
    [{ targets: ['T1'] }, 'InvalidRequestException', /not the ARN/],
    [{ targets: [`${ARN}:job/j`] }, 'InvalidRequestException', /not the ARN/],
    [{ targets: [thingArn('T1').replace('eu-west-1', 'us-east-1')] }, 'InvalidRequestException', /region eu-west-1/],
    [{ targets: Array(101).fill(thingArn('T1')) }, 'InvalidRequestException', /100/],
    [{ document: undefined }, 'InvalidRequestException', /document/],
    [{ document: '{"a":' }, 'InvalidRequestException', /JSON/],
    [{ document: `"${'x'.repeat(32_767)}"` }, 'InvalidRequestException', /32769 bytes/],
    [{ namespaceId: 'n' }, 'InvalidRequestException', /namespaceId/],
    [{ document: undefined, documentSource: 'https://s3/b/k' }, 'InvalidRequestException', /nothing configured/],
  ];
  for (const [more, type, message] of table) {
    const found = await create(more);
    assert.is(found.type, type, JSON.stringify(more).slice(0, 80));
    assert.match(found.message, message);
  }
  for (const table of ['job', 'member', 'job_target'] as const)
    assert.equal(await world.store.db.selectFrom(table).selectAll().execute(), []);
  await world.job('j', ['T1']);
  assert.equal(await create({}), {
    type: 'ResourceAlreadyExistsException',
    status: 409,
    message: 'There is a job j already',
    members: { resourceId: 'j', resourceArn: `${ARN}:job/j` },
  });
  await world.close();
});

test('documentSource is read once, when the job is made, and shown beside the job (control-plane §2.1, §2.2)', async () => {
  let text = '{"a":1}';
  const readDocument = async (url: string) => {
    if (url.endsWith('/gone')) throw new Error('404 Not Found');
    return text;
  };
  const world = await openWorld({ readDocument });
  const { control } = world.service;
  const create = (more: object) => control.createJob({ jobId: 'j', targets: [thingArn('T1')], ...more });
  const source = 'https://s3.eu-west-1.amazonaws.com/b/k.json';
  await create({ documentSource: source });
  text = '{"a":2}';
  assert.is((await control.getJobDocument({ jobId: 'j' })).document, '{"a":1}');
  const described = await control.describeJob({ jobId: 'j' });
  assert.equal([described.documentSource, 'documentSource' in described.job], [source, false]);
  await world.settle();
  assert.equal((await world.ask('T1', '$next/get', {}))?.body.execution.jobDocument, { a: 1 });
  const both = await refusal(create({ jobId: 'k', documentSource: source, document: '{}' }));
  assert.match(both.message, /found both/);
  const gone = await refusal(create({ jobId: 'k', documentSource: `${source}/gone` }));
  assert.equal([gone.type, /cannot be read: 404 Not Found/.test(gone.message)], ['InvalidRequestException', true]);
  text = 'no JSON';
  assert.match((await refusal(create({ jobId: 'k', documentSource: source }))).message, /not valid JSON/);
  await world.close();
});

test('the tags of a job go with it: a job that takes its jobId later has none of them', async () => {
  const world = await openWorld();
  const tagCount = async () => (await world.store.db.selectFrom('tag').select('key').execute()).length;
  const create = (tags: { Key: string; Value?: string }[]) => world.job('j', ['T1'], { tags });
  await create([{ Key: 'team', Value: 'ops' }, { Key: 'night' }]);
  assert.is(await tagCount(), 2);
  await world.service.control.deleteJob({ jobId: 'j', force: true });
  await world.settle();
  assert.is(await tagCount(), 0);
  await create([{ Key: 'day' }]);
  assert.is(await tagCount(), 1);
  await world.close();
});

test('what is not there is ResourceNotFoundException 404, by every operation', async () => {
  const world = await openWorld();
  const { control } = world.service;
  await world.job('j', ['T1']);
  const calls = [
    control.describeJob({ jobId: 'x' }),
    control.getJobDocument({ jobId: 'x' }),
    control.cancelJob({ jobId: 'x' }),
    control.cancelJobExecution({ jobId: 'x', thingName: 'T1' }),
    control.cancelJobExecution({ jobId: 'j', thingName: 'T2' }),
    control.deleteJob({ jobId: 'x' }),
    control.deleteJob({ jobId: 'j', force: true, namespaceId: 'n' }),
    control.deleteJobExecution({ jobId: 'j', thingName: 'T1', executionNumber: 2 }),
    control.deleteJobExecution({ jobId: 'j', thingName: 'T1', executionNumber: 1, namespaceId: 'n' }),
    control.describeJobExecution({ jobId: 'j', thingName: 'T1', executionNumber: 2 }),
    control.listJobExecutionsForJob({ jobId: 'x' }),
    control.listJobExecutionsForThing({ thingName: 'T2' }),
    control.listJobExecutionsForThing({ thingName: 'T1', jobId: 'x' }),
    control.listJobs({ thingGroupName: 'G' }),
  ];
  for (const { type, status } of await Promise.all(calls.map(refusal)))
    assert.equal([type, status], ['ResourceNotFoundException', 404]);
  await world.close();
});

test('CancelJobExecution: queued always, running only with force and the right version; details replace, job goes on', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  const { control } = world.service;
  await world.job('j', ['T1', 'T2']);
  await world.ask('T2', 'start-next', { statusDetails: { a: '1' } });
  await control.cancelJobExecution({ jobId: 'j', thingName: 'T1' });
  assert.is(
    await typeOf(control.cancelJobExecution({ jobId: 'j', thingName: 'T1' })),
    'InvalidStateTransitionException',
  );
  assert.equal(await refusal(control.cancelJobExecution({ jobId: 'j', thingName: 'T2' })), {
    type: 'InvalidStateTransitionException',
    status: 409,
    message: 'The execution of j is IN_PROGRESS and cannot be cancelled without force',
    members: {},
  });
  const forced = { jobId: 'j', thingName: 'T2', force: true };
  assert.is(await typeOf(control.cancelJobExecution({ ...forced, expectedVersion: 1 })), 'VersionConflictException');
  assert.is(
    await typeOf(control.cancelJobExecution({ ...forced, statusDetails: { a: {} } })),
    'InvalidRequestException',
  );
  await control.cancelJobExecution({ ...forced, expectedVersion: 2, statusDetails: { why: 'operator' } });
  const { execution } = await control.describeJobExecution({ jobId: 'j', thingName: 'T2' });
  assert.equal(
    [execution.status, execution.forceCanceled, execution.statusDetails, execution.versionNumber],
    ['CANCELED', true, { detailsMap: { why: 'operator' } }, 3],
  );
  await world.advance(1_000);
  assert.is((await control.describeJob({ jobId: 'j' })).job.status, 'COMPLETED');
  assert.is(await typeOf(control.cancelJob({ jobId: 'j' })), 'InvalidRequestException');
  await world.close();
});

test('DeleteJobExecution: running only with force', async () => {
  const world = await openWorld();
  const { control } = world.service;
  await world.job('j', ['T1']);
  await world.ask('T1', 'start-next', {});
  const key = { jobId: 'j', thingName: 'T1', executionNumber: 1 };
  assert.is(await typeOf(control.deleteJobExecution(key)), 'InvalidStateTransitionException');
  await control.deleteJobExecution({ ...key, force: true });
  assert.is(await typeOf(control.describeJobExecution(key)), 'ResourceNotFoundException');
  await world.close();
});

test('an executionNumber whose execution was deleted may be given again, to one that is new (state-machine §7)', async () => {
  const world = await openWorld();
  const { control } = world.service;
  await addGroup(world.store, 'G', ['T1']);
  await control.createJob({ jobId: 'j', targets: [groupArn('G')], document: '{}', targetSelection: 'CONTINUOUS' });
  await world.settle();
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS', statusDetails: { a: '1' } });
  const key = { jobId: 'j', thingName: 'T1', executionNumber: 1 };
  await control.deleteJobExecution({ ...key, force: true });
  assert.is((await world.ask('T1', 'j/get', {}))?.body.code, 'ResourceNotFound');
  await leave(world, 'T1', 'G');
  await join(world, 'T1', 'G');
  const { execution } = await control.describeJobExecution(key);
  assert.equal([execution.status, execution.versionNumber, execution.statusDetails], ['QUEUED', 1, {}]);
  await world.close();
});

test('DeleteJob: ended jobs, others only with force; nothing of them is left and the jobId is free', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  const { control } = world.service;
  await addGroup(world.store, 'G', ['T1', 'T2']);
  await world.job('j', ['T1', 'T2'], { targets: [thingArn('T1'), groupArn('G')] });
  await world.job('after', ['T1']);
  await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
  assert.equal(await refusal(control.deleteJob({ jobId: 'j' })), {
    type: 'InvalidStateTransitionException',
    status: 409,
    message: 'The job j is IN_PROGRESS and cannot be deleted without force',
    members: {},
  });
  world.takeTold();
  await control.deleteJob({ jobId: 'j', force: true });
  assert.is((await control.describeJob({ jobId: 'j' })).job.status, 'DELETION_IN_PROGRESS');
  assert.is(await typeOf(control.deleteJob({ jobId: 'j', force: true })), 'InvalidStateTransitionException');
  assert.is(await typeOf(control.cancelJob({ jobId: 'j' })), 'InvalidRequestException');
  const again = { jobId: 'j', targets: [thingArn('T1')], document: '{"second":true}' };
  assert.is(await typeOf(control.createJob(again)), 'ResourceAlreadyExistsException');
  await world.settle();
  assert.is(await typeOf(control.describeJob({ jobId: 'j' })), 'ResourceNotFoundException');
  const told = world
    .takeTold()
    .map(([thing, kind, { jobs, execution }]) => [
      thing,
      kind,
      kind === 'notify' ? Object.values(jobs).flat().length : execution?.jobId,
    ]);
  assert.equal(told.sort(), [
    ['T1', 'notify', 1],
    ['T1', 'notify-next', 'after'],
    ['T2', 'notify', 0],
    ['T2', 'notify-next', undefined],
  ]);
  for (const path of ['j/get', 'j/update'])
    assert.is((await world.ask('T1', path, { status: 'SUCCEEDED' }))?.body.code, 'ResourceNotFound');
  for (const table of ['job_target', 'job_count', 'job_delta', 'exec', 'job'] as const)
    assert.equal(await world.store.db.selectFrom(table).select('job_no').where('job_no', '=', 1).execute(), [], table);
  await control.createJob(again);
  await world.settle();
  assert.equal((await world.ask('T1', 'j/get', {}))?.body.execution.jobDocument, { second: true });
  await world.ask('T1', 'j/update', { status: 'SUCCEEDED' });
  await world.advance(1_000);
  await control.deleteJob({ jobId: 'j' }); // COMPLETED: no force
  await control.cancelJob({ jobId: 'after' });
  await control.deleteJob({ jobId: 'after' });
  await world.settle();
  assert.equal((await control.listJobs({})).jobs, []);
  await world.close();
});

test('DeleteJob: the eleventh at the same time is LimitExceededException 410, and the job stays as it is', async () => {
  const world = await openWorld();
  const { control } = world.service;
  for (let n = 0; n < 11; n++) await world.job(`j${n}`, ['T1']);
  for (let n = 0; n < 10; n++) await control.deleteJob({ jobId: `j${n}`, force: true });
  const { type, status } = await refusal(control.deleteJob({ jobId: 'j10', force: true }));
  assert.equal([type, status], ['LimitExceededException', 410]);
  await world.settle();
  assert.equal(
    (await control.listJobs({})).jobs.map((job) => [job.jobId, job.status]),
    [['j10', 'IN_PROGRESS']],
  );
  await control.deleteJob({ jobId: 'j10', force: true });
  await world.close();
});

test('lists: every page once and in order, filters combine, a foreign nextToken is InvalidRequestException', async () => {
  const things = Array.from({ length: 7 }, (_, i) => `T${i}`);
  const world = await openWorld({ things });
  const { control } = world.service;
  await addGroup(world.store, 'G', ['T0']);
  for (let n = 0; n < 7; n++) await world.job(`j${n}`, n === 0 ? things : ['T0']);
  await control.createJob({ jobId: 'g', targets: [groupArn('G')], document: '{}' });
  await world.settle();
  for (const thing of ['T1', 'T4']) await world.ask(thing, 'j0/update', { status: 'SUCCEEDED' });

  type Page = { nextToken?: string };
  async function all<P extends Page>(list: (page: object) => Promise<P>): Promise<P[]> {
    const pages: P[] = [];
    for (let nextToken: string | undefined; pages.length < 10; ) {
      const page = await list({ maxResults: 3, ...(nextToken === undefined ? {} : { nextToken }) });
      pages.push(page);
      nextToken = page.nextToken;
      if (nextToken === undefined) break;
    }
    return pages;
  }
  const jobs = await all((page) => control.listJobs(page));
  assert.equal(
    jobs.map((page) => page.jobs.map(({ jobId }) => jobId)),
    [
      ['g', 'j6', 'j5'],
      ['j4', 'j3', 'j2'],
      ['j1', 'j0'],
    ],
  );
  assert.equal(Object.keys(jobs[0]?.jobs[0] ?? {}), [
    'jobArn',
    'jobId',
    'targetSelection',
    'status',
    'createdAt',
    'lastUpdatedAt',
    'isConcurrent',
  ]);
  const inGroup = await control.listJobs({ thingGroupName: 'G', status: 'IN_PROGRESS', targetSelection: 'SNAPSHOT' });
  assert.equal(
    inGroup.jobs.map(({ jobId }) => jobId),
    ['g'],
  );
  assert.equal((await control.listJobs({ status: 'CANCELED', thingGroupId: 'id-G' })).jobs, []);

  const ofJob = await all((page) => control.listJobExecutionsForJob({ jobId: 'j0', ...page }));
  assert.equal(
    ofJob.map((page) =>
      page.executionSummaries.map((one) => `${one.thingArn.split('/')[1]} ${one.jobExecutionSummary.status}`),
    ),
    [['T0 QUEUED', 'T2 QUEUED', 'T3 QUEUED'], ['T5 QUEUED', 'T6 QUEUED', 'T1 SUCCEEDED'], ['T4 SUCCEEDED']],
  );
  const succeeded = await control.listJobExecutionsForJob({ jobId: 'j0', status: 'SUCCEEDED' });
  assert.is(succeeded.executionSummaries.length, 2);
  assert.is(succeeded.executionSummaries[0]?.jobExecutionSummary.startedAt, S);

  const ofThing = await all((page) => control.listJobExecutionsForThing({ thingName: 'T0', ...page }));
  assert.equal(
    ofThing.map((page) => page.executionSummaries.map(({ jobId }) => jobId)),
    [
      ['g', 'j6', 'j5'],
      ['j4', 'j3', 'j2'],
      ['j1', 'j0'],
    ],
  );
  const one = await control.listJobExecutionsForThing({ thingName: 'T0', jobId: 'j3', status: 'QUEUED' });
  assert.is(one.executionSummaries.length, 1);
  assert.is(one.executionSummaries[0]?.jobExecutionSummary.retryAttempt, 0);

  for (const nextToken of [
    'x',
    Buffer.from('[1,2,3,4]').toString('base64url'),
    Buffer.from('["a"]').toString('base64url'),
  ]) {
    assert.is(await typeOf(control.listJobs({ nextToken })), 'InvalidRequestException');
    assert.is(await typeOf(control.listJobExecutionsForJob({ jobId: 'j0', nextToken })), 'InvalidRequestException');
  }
  await world.close();
});

test.run();
