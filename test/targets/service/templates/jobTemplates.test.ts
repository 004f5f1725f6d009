import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { templateHandlers } from '../../../../targets/service/templates/handlers.ts';
import { ACCOUNT, type World as Jobs, openWorld as openJobs, REGION, thingArn } from '../jobs/world.ts';
import { openWorld, refusal, type World } from '../registry/world.ts';

interface Templates {
  registry: World;
  jobs: Jobs;
  handlers: ReturnType<typeof templateHandlers>;
}

const test = suite<Templates>('job templates');
test.before.each(async (world) => {
  world.registry = await openWorld();
  world.jobs = await openJobs();
  const { store } = world.jobs;
  const registry = { ...world.registry.registry, db: store.db, region: REGION, account: ACCOUNT };
  world.handlers = templateHandlers(registry);
});
test.after.each(async ({ registry, jobs }) => {
  await registry.store.close();
  await jobs.close();
});

const arn = (name: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:jobtemplate/${name}`;
const managed = (name: string) => `arn:aws:iot:${REGION}::jobtemplate/${name}`;
const CONFIGS = {
  presignedUrlConfig: { expiresInSec: 60 },
  jobExecutionsRolloutConfig: { maximumPerMinute: 50 },
  abortConfig: {
    criteriaList: [
      {
        failureType: 'FAILED' as const,
        action: 'CANCEL' as const,
        thresholdPercentage: 10,
        minNumberOfExecutedThings: 5,
      },
    ],
  },
  timeoutConfig: { inProgressTimeoutInMinutes: 5 },
  jobExecutionsRetryConfig: { criteriaList: [{ failureType: 'ALL' as const, numberOfRetries: 2 }] },
};
const WINDOWS = [{ startTime: 'cron(0 18 ? * MON-FRI *)', durationInMinutes: 60 }];

test('a template keeps its document and configuration; the same id again is 409, an unknown one 404', async ({
  handlers,
}) => {
  const made = await handlers.CreateJobTemplate({
    jobTemplateId: 'base',
    description: 'all',
    document: '{"a":1}',
    ...CONFIGS,
    maintenanceWindows: WINDOWS,
  });
  assert.equal(made, { jobTemplateArn: arn('base'), jobTemplateId: 'base' });
  const { createdAt, ...shown } = await handlers.DescribeJobTemplate({ jobTemplateId: 'base' });
  assert.is(createdAt, 1_700_000_000);
  assert.equal(shown, { ...made, description: 'all', document: '{"a":1}', ...CONFIGS, maintenanceWindows: WINDOWS });
  assert.match(
    await refusal(handlers.CreateJobTemplate({ jobTemplateId: 'base', description: 'all', document: '{"a":1}' })),
    '409 ConflictException: There is a job template base already',
  );
  const again = handlers.CreateJobTemplate({ jobTemplateId: 'base', description: 'all', document: '{"a":1}' });
  assert.equal(
    await again.then(
      () => {},
      ({ members }) => members,
    ),
    { resourceId: 'base' },
  );
  assert.is(await handlers.DeleteJobTemplate({ jobTemplateId: 'base' }), undefined);
  assert.match(await refusal(handlers.DeleteJobTemplate({ jobTemplateId: 'base' })), '404 ResourceNotFoundException');
  assert.match(await refusal(handlers.DescribeJobTemplate({ jobTemplateId: 'base' })), '404 ResourceNotFoundException');
});

test('a template from a job copies document and configuration, not targets, times or target selection', async ({
  handlers,
  jobs,
}) => {
  const more = { ...CONFIGS, targetSelection: 'CONTINUOUS', schedulingConfig: { maintenanceWindows: WINDOWS } };
  await jobs.job('j', ['T1'], more);
  const jobArn = `arn:aws:iot:${REGION}:${ACCOUNT}:job/j`;
  const timeoutConfig = { inProgressTimeoutInMinutes: 9 };
  await handlers.CreateJobTemplate({ jobTemplateId: 'copy', description: 'copied', jobArn, timeoutConfig });
  const { createdAt: _, ...shown } = await handlers.DescribeJobTemplate({ jobTemplateId: 'copy' });
  const identity = { jobTemplateArn: arn('copy'), jobTemplateId: 'copy', description: 'copied' };
  const document = '{"job":"j"}';
  assert.equal(shown, { ...identity, document, ...CONFIGS, timeoutConfig, maintenanceWindows: WINDOWS });
  const create = (more: object) =>
    refusal(handlers.CreateJobTemplate({ jobTemplateId: 'x', description: 'x', ...more }));
  assert.match(await create({ jobArn: `${jobArn}x` }), '404 ResourceNotFoundException: There is no job jx');
  assert.match(await create({ jobArn: thingArn('T1') }), '400 InvalidRequestException');
});

test('a template reads its documentSource once, shows it, and its jobs have the document alone', async ({
  registry,
  jobs,
}) => {
  const asked: string[] = [];
  const readDocument = async (url: string) => {
    asked.push(url);
    return url.endsWith('/bad') ? '{' : '{"from":"S3"}';
  };
  const place = { region: REGION, account: ACCOUNT, db: jobs.store.db };
  const handlers = templateHandlers({ ...registry.registry, ...place, readDocument });
  const documentSource = 'https://s3.amazonaws.com/bucket/document.json';
  const given = { jobTemplateId: 'read', description: 'read' };
  await handlers.CreateJobTemplate({ ...given, documentSource });
  const shown = await handlers.DescribeJobTemplate({ jobTemplateId: 'read' });
  assert.equal([shown.document, shown.documentSource], ['{"from":"S3"}', documentSource]);
  await jobs.service.control.createJob({ jobId: 'made', targets: [thingArn('T1')], jobTemplateArn: arn('read') });
  assert.is((await jobs.service.control.getJobDocument({ jobId: 'made' })).document, '{"from":"S3"}');
  assert.equal(asked, [documentSource]);
  const refused = (more: object) => refusal(handlers.CreateJobTemplate({ ...given, jobTemplateId: 'x', ...more }));
  assert.match(await refused({ documentSource: 'https://s3.amazonaws.com/bucket/bad' }), 'not valid JSON');
  assert.match(await refused({ documentSource, document: '{}' }), 'found both');
  assert.match(await refused({ documentSource, jobArn: 'arn:x' }), "Expected one of 'document'");
});

test('CreateJobTemplate: refuses what a job could not have', async ({ handlers, jobs }) => {
  const rows: [object, string][] = [
    [{}, "Expected one of 'document', 'documentSource' and 'jobArn'"],
    [{ document: '{}', jobArn: 'arn:x' }, "Expected one of 'document', 'documentSource' and 'jobArn'"],
    [{ document: '{' }, 'not valid JSON'],
    [{ document: `{"a":"\${aws:iot:s3-presigned-url:x"}` }, 'not terminated'],
    [{ documentSource: 'https://s3.amazonaws.com/b/k' }, 'nothing configured that reads one'],
    [{ document: '{}', maintenanceWindows: [{ startTime: 'noon', durationInMinutes: 1 }] }, 'noon'],
    [
      {
        document: '{}',
        jobExecutionsRetryConfig: {
          criteriaList: [
            { failureType: 'FAILED', numberOfRetries: 10 },
            { failureType: 'TIMED_OUT', numberOfRetries: 1 },
          ],
        },
      },
      'at most 10 retries',
    ],
  ];
  for (const [more, message] of rows) {
    const answer = await refusal(handlers.CreateJobTemplate({ jobTemplateId: 'x', description: 'x', ...more }));
    assert.match(answer, '400 InvalidRequestException');
    assert.match(answer, message);
  }
  assert.equal(await jobs.store.db.selectFrom('job_template').selectAll().execute(), []);
});

test('lists: own templates in pages; managed ones with their ARNs, in pages, by name', async ({ handlers }) => {
  for (const jobTemplateId of ['c', 'a', 'b'])
    await handlers.CreateJobTemplate({ jobTemplateId, description: jobTemplateId, document: '{}' });
  const first = await handlers.ListJobTemplates({ maxResults: 2 });
  const createdAt = 1_700_000_000;
  const item = (id: string) => ({ jobTemplateArn: arn(id), jobTemplateId: id, description: id, createdAt });
  assert.equal(first.jobTemplates, [item('c'), item('a')]);
  assert.equal(await handlers.ListJobTemplates({ nextToken: first.nextToken! }), { jobTemplates: [item('b')] });

  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const page: Awaited<ReturnType<typeof handlers.ListManagedJobTemplates>> = await handlers.ListManagedJobTemplates({
      maxResults: 3,
      ...(nextToken === undefined ? {} : { nextToken }),
    });
    names.push(...page.managedJobTemplates.map(({ templateName }) => templateName));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  assert.is(new Set(names).size, 8);
  assert.is(names.length, 8);
  const reboot = {
    templateName: 'AWS-Reboot',
    templateArn: managed('AWS-Reboot:1.0'),
    description: 'A managed job template for rebooting the device.',
    environments: ['LINUX'],
    templateVersion: '1.0',
  };
  assert.equal(await handlers.ListManagedJobTemplates({ templateName: 'AWS-Reboot' }), {
    managedJobTemplates: [reboot],
  });
  const { document, documentParameters, ...rest } = await handlers.DescribeManagedJobTemplate({
    templateName: 'AWS-Reboot',
    templateVersion: '1.0',
  });
  assert.equal(rest, reboot);
  assert.equal([JSON.parse(document).version, documentParameters.length], ['1.0', 2]);
  const missing = '404 ResourceNotFoundException: There is no managed job template AWS-';
  assert.match(await refusal(handlers.DescribeManagedJobTemplate({ templateName: 'AWS-No' })), missing);
  assert.match(
    await refusal(handlers.DescribeManagedJobTemplate({ templateName: 'AWS-Reboot', templateVersion: '2.0' })),
    missing,
  );
  assert.match(await refusal(handlers.ListManagedJobTemplates({ templateName: 'AWS-No' })), missing);
});

test('CreateJob: takes over what the request does not say; the device gets the document of the template', async ({
  handlers,
  jobs,
}) => {
  await handlers.CreateJobTemplate({ jobTemplateId: 'base', description: 'all', document: '{"a":1}', ...CONFIGS });
  const jobTemplateArn = arn('base');
  const jobExecutionsRolloutConfig = { maximumPerMinute: 7 };
  const created = await jobs.service.control.createJob({
    jobId: 'j',
    targets: [thingArn('T1')],
    jobTemplateArn,
    jobExecutionsRolloutConfig,
  });
  assert.is(created.description, 'all');
  await jobs.settle();
  const { job } = await jobs.service.control.describeJob({ jobId: 'j' });
  for (const [name, value] of Object.entries({ ...CONFIGS, jobExecutionsRolloutConfig, jobTemplateArn }))
    assert.equal((job as unknown as Record<string, unknown>)[name], value, name);
  const answer = await jobs.ask('T1', '$next/get', {});
  assert.equal(answer?.body.execution.jobDocument, { a: 1 });
  await handlers.DeleteJobTemplate({ jobTemplateId: 'base' });
  assert.equal(await jobs.service.control.getJobDocument({ jobId: 'j' }), { document: '{"a":1}' });

  await handlers.CreateJobTemplate({
    jobTemplateId: 'late',
    description: 'd',
    document: '{}',
    maintenanceWindows: WINDOWS,
  });
  const late = { jobId: 'k', targets: [thingArn('T1')], jobTemplateArn: arn('late'), document: '{"own":1}' };
  await jobs.service.control.createJob({ ...late, description: 'mine' });
  const own = (await jobs.service.control.describeJob({ jobId: 'k' })).job;
  assert.equal([own.description, own.schedulingConfig], ['mine', { maintenanceWindows: WINDOWS }]);
  assert.is((await jobs.service.control.getJobDocument({ jobId: 'k' })).document, '{"own":1}');
});

test('CreateJob: a managed template with its parameters; the document before and after', async ({ jobs }) => {
  const jobTemplateArn = managed('AWS-Install-Application:1.0');
  const documentParameters = { packages: 'wget "curl"' };
  await jobs.service.control.createJob({ jobId: 'j', targets: [thingArn('T1')], jobTemplateArn, documentParameters });
  await jobs.settle();
  const { job } = await jobs.service.control.describeJob({ jobId: 'j' });
  assert.equal(job.documentParameters, documentParameters);
  assert.is(job.description, 'A managed job template for installing one or more applications.');
  const answer = await jobs.ask('T1', '$next/get', {});
  assert.equal(answer?.body.execution.jobDocument.steps[0].action.input.args, ['wget "curl"']);
  const before = await jobs.service.control.getJobDocument({ jobId: 'j', beforeSubstitution: true });
  assert.match(before.document, `"args":["\${aws:iot:parameter:packages}"]`);
  const after = await jobs.service.control.getJobDocument({ jobId: 'j' });
  assert.match(after.document, '"args":["wget \\"curl\\""]');
});

test('CreateJob: templates that are not there are 404; parameters and documents at the wrong place are 400', async ({
  handlers,
  jobs,
}) => {
  await handlers.CreateJobTemplate({ jobTemplateId: 'base', description: 'all', document: '{}' });
  const documentParameters = { packages: 'a' };
  const rows: [object, string][] = [
    [{ jobTemplateArn: arn('none') }, '404 ResourceNotFoundException: There is no job template none'],
    [{ jobTemplateArn: managed('AWS-No:1.0') }, '404 ResourceNotFoundException: There is no managed job template'],
    [{ jobTemplateArn: managed('AWS-Reboot:1.1') }, '404 ResourceNotFoundException'],
    [{ jobTemplateArn: thingArn('T1') }, '400 InvalidRequestException'],
    [{ jobTemplateArn: arn('base'), documentParameters }, '400 InvalidRequestException'],
    [{ document: '{}', documentParameters }, "400 InvalidRequestException: 'documentParameters' go with a managed"],
    [{ jobTemplateArn: managed('AWS-Reboot:1.0'), document: '{}' }, '400 InvalidRequestException: AWS-Reboot brings'],
    [
      { jobTemplateArn: managed('AWS-Reboot:1.0'), documentParameters },
      '400 InvalidRequestException: AWS-Reboot has no',
    ],
    [{ jobTemplateArn: managed('AWS-Run-Command:1.0') }, '400 InvalidRequestException: AWS-Run-Command needs'],
  ];
  for (const [more, message] of rows)
    assert.match(
      await refusal(jobs.service.control.createJob({ jobId: 'x', targets: [thingArn('T1')], ...more })),
      message,
    );
});

test.run();
