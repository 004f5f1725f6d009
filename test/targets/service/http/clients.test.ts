import * as sdk from '@aws-sdk/client-iot';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../../../tools.ts';
import { runAws } from './awsCli.ts';
import { arn, type ControlPlane, startControlPlane } from './controlPlane.ts';

const test = suite('clients of AWS');
let plane: ControlPlane;
test.before(async () => {
  plane = await startControlPlane();
});
test.after(() => plane.close());

test('the AWS SDK goes through thing, group, certificate, job and execution unmodified', async () => {
  const client = plane.client();
  const thing = await client.send(
    new sdk.CreateThingCommand({ thingName: 'a:b', attributePayload: { attributes: { model: 'x/1#[2]' } } }),
  );
  assert.is(thing.thingArn, arn('thing', 'a:b'));
  const described = await client.send(new sdk.DescribeThingCommand({ thingName: 'a:b' }));
  assert.equal([described.thingId, described.attributes, described.version], [thing.thingId, { model: 'x/1#[2]' }, 1]);
  const listed = await client.send(new sdk.ListThingsCommand({ attributeName: 'model', attributeValue: 'x/1#[2]' }));
  assert.equal(
    listed.things?.map((one) => one.thingName),
    ['a:b'],
  );

  const certificate = await client.send(new sdk.CreateKeysAndCertificateCommand({ setAsActive: true }));
  assert.match(certificate.keyPair?.PrivateKey ?? '', 'BEGIN PRIVATE KEY');
  await client.send(new sdk.AttachThingPrincipalCommand({ thingName: 'a:b', principal: certificate.certificateArn! }));
  const group = await client.send(new sdk.CreateThingGroupCommand({ thingGroupName: 'edge' }));
  await client.send(new sdk.AddThingToThingGroupCommand({ thingName: 'a:b', thingGroupName: 'edge' }));
  const endpoint = await client.send(new sdk.DescribeEndpointCommand({ endpointType: 'iot:Jobs' }));
  assert.is(endpoint.endpointAddress, 'localhost:8443');

  const document = JSON.stringify({ operation: 'reboot' });
  const job = await client.send(
    new sdk.CreateJobCommand({
      jobId: 'fw-42',
      targets: [group.thingGroupArn!],
      document,
      description: 'für alle',
      targetSelection: 'SNAPSHOT',
      timeoutConfig: { inProgressTimeoutInMinutes: 20 },
      jobExecutionsRolloutConfig: { maximumPerMinute: 50 },
    }),
  );
  assert.equal([job.jobId, job.jobArn, job.description], ['fw-42', arn('job', 'fw-42'), 'für alle']);
  await plane.jobs.tick();
  const shown = await client.send(new sdk.DescribeJobCommand({ jobId: 'fw-42' }));
  assert.equal([shown.job?.status, shown.job?.targets], ['IN_PROGRESS', [group.thingGroupArn]]);
  assert.ok(Math.abs(shown.job!.createdAt!.getTime() - Date.now()) < 60_000, 'createdAt is in seconds');
  assert.is((await client.send(new sdk.GetJobDocumentCommand({ jobId: 'fw-42' }))).document, document);
  assert.equal(
    (await client.send(new sdk.ListJobsCommand({}))).jobs?.map((one) => one.jobId),
    ['fw-42'],
  );
  await client.send(new sdk.CancelJobCommand({ jobId: 'fw-42', reasonCode: 'TEST', comment: 'over', force: true }));
  assert.is((await client.send(new sdk.DescribeJobCommand({ jobId: 'fw-42' }))).job?.forceCanceled, true);
  client.destroy();
});

test('the AWS SDK sees executions on both lists, and one that is cancelled', async () => {
  const client = plane.client();
  const { thingArn } = await client.send(new sdk.CreateThingCommand({ thingName: 'board' }));
  await client.send(new sdk.CreateJobCommand({ jobId: 'one', targets: [thingArn!], document: '{}' }));
  await plane.jobs.tick();
  const { execution } = await client.send(new sdk.DescribeJobExecutionCommand({ jobId: 'one', thingName: 'board' }));
  assert.equal([execution?.status, execution?.thingArn, execution?.versionNumber], ['QUEUED', thingArn, 1]);
  const forJob = await client.send(new sdk.ListJobExecutionsForJobCommand({ jobId: 'one', status: 'QUEUED' }));
  assert.equal(
    forJob.executionSummaries?.map((one) => one.thingArn),
    [thingArn],
  );
  const forThing = await client.send(new sdk.ListJobExecutionsForThingCommand({ thingName: 'board' }));
  assert.equal(
    forThing.executionSummaries?.map((one) => one.jobId),
    ['one'],
  );
  await client.send(
    new sdk.CancelJobExecutionCommand({ jobId: 'one', thingName: 'board', statusDetails: { why: 'test' } }),
  );
  const after = await client.send(
    new sdk.DescribeJobExecutionCommand({ jobId: 'one', thingName: 'board', executionNumber: 1 }),
  );
  assert.equal([after.execution?.status, after.execution?.statusDetails?.detailsMap], ['CANCELED', { why: 'test' }]);
  client.destroy();
});

test('the AWS SDK gets the service errors as its own classes, with their members', async () => {
  const client = plane.client();
  const failure = async (answer: Promise<unknown>) =>
    answer.then(
      () => assert.unreachable(),
      (error: unknown) => error,
    );
  const missing = await failure(client.send(new sdk.DescribeThingCommand({ thingName: 'nobody' })));
  assert.instance(missing, sdk.ResourceNotFoundException);
  assert.is((missing as sdk.ResourceNotFoundException).$metadata.httpStatusCode, 404);
  assert.match((missing as sdk.ResourceNotFoundException).$metadata.requestId!, /^[0-9a-f-]{36}$/);
  await client.send(new sdk.CreateThingCommand({ thingName: 'twice' }));
  const attributePayload = { attributes: { a: 'b' } };
  const exists = await failure(client.send(new sdk.CreateThingCommand({ thingName: 'twice', attributePayload })));
  assert.instance(exists, sdk.ResourceAlreadyExistsException);
  assert.is((exists as sdk.ResourceAlreadyExistsException).resourceArn, arn('thing', 'twice'));
  const invalid = await failure(client.send(new sdk.DescribeThingCommand({ thingName: 'a b' })));
  assert.instance(invalid, sdk.InvalidRequestException);
  assert.match((invalid as Error).message, "1 validation error detected: Value 'a b' at 'thingName' failed to satisfy");
  const stranger = await failure(plane.client({ secretAccessKey: 'wrong' }).send(new sdk.ListThingsCommand({})));
  assert.is((stranger as Error).name, 'InvalidSignatureException');
  client.destroy();
});

if (hasTool('aws', 'awscli')) {
  const aws = (...args: string[]) => runAws(plane, 'iot', ...args);

  test("Debian's aws iot works unmodified: create-thing, create-job, describe-job, and an error", async () => {
    const thing = await aws('create-thing', '--thing-name', 'cli:1');
    assert.is(thing.code, 0, thing.stderr);
    const { thingArn } = JSON.parse(thing.stdout);
    const job = await aws('create-job', '--job-id', 'cli', '--targets', thingArn, '--document', '{"a":"ü"}');
    assert.is(job.code, 0, job.stderr);
    const [described, missing] = await Promise.all([
      aws('describe-job', '--job-id', 'cli'),
      aws('describe-job', '--job-id', 'none'),
    ]);
    assert.is(JSON.parse(described.stdout).job.jobId, 'cli', described.stderr);
    assert.is(missing.code, 254);
    assert.match(
      missing.stderr,
      'An error occurred (ResourceNotFoundException) when calling the DescribeJob operation',
    );
  });
}

test.run();
