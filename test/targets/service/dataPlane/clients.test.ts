import { Agent } from 'node:https';
import * as sdk from '@aws-sdk/client-iot-jobs-data-plane';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DeviceCertificate } from '../../../../targets/service/identity/deviceCertificate.ts';
import { hasTool } from '../../../tools.ts';
import { runAws } from '../http/awsCli.ts';
import { REGION } from '../http/controlPlane.ts';
import { startWorld, turnUntil, type World } from './world.ts';

const test = suite('clients of AWS on the data plane');
let world: World;
const open: sdk.IoTJobsDataPlaneClient[] = [];
test.before(async () => {
  world = await startWorld();
});
test.after(async () => {
  for (const client of open) client.destroy();
  await world.close();
});

/** The SDK's own client: signed on the operators' port, or with a certificate on the devices'. */
function clientOf(device?: DeviceCertificate): sdk.IoTJobsDataPlaneClient {
  const { plane, devices } = world;
  const identity = device && { cert: device.certificatePem, key: device.keyPair.PrivateKey };
  const client = new sdk.IoTJobsDataPlaneClient({
    endpoint: device === undefined ? plane.url : `https://localhost:${devices.port}`,
    region: REGION,
    credentials: device === undefined ? plane.key : { accessKeyId: 'none', secretAccessKey: 'none' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler({
      httpsAgent: new Agent({ ca: plane.identity.caPem, ...identity, keepAlive: true }),
    }),
  });
  open.push(client);
  return client;
}

const failureOf = (answer: Promise<unknown>): Promise<sdk.IoTJobsDataPlaneServiceException> =>
  answer.then(
    () => assert.unreachable('it was answered') as never,
    (error) => error,
  );

for (const way of ['a signature', 'a certificate'] as const)
  test(`the AWS SDK goes through a whole job life with ${way}, typed exceptions included`, async () => {
    const thingName = way === 'a signature' ? 'sdk:signed' : 'sdk:device';
    const device = await world.addDevice(thingName);
    const client = clientOf(way === 'a certificate' ? device : undefined);
    const jobId = `${way.slice(2)}-1`;
    assert.is((await client.send(new sdk.StartNextPendingJobExecutionCommand({ thingName }))).execution, undefined);
    await world.addJob(jobId, [thingName], '{"do":"it"}');
    const pending = await client.send(new sdk.GetPendingJobExecutionsCommand({ thingName }));
    assert.equal([pending.queuedJobs?.map((row) => row.jobId), pending.inProgressJobs], [[jobId], []]);
    const next = await client.send(new sdk.DescribeJobExecutionCommand({ thingName, jobId: '$next' }));
    assert.equal([next.execution?.jobId, next.execution?.jobDocument], [jobId, '{"do":"it"}']);
    const bare = { thingName, jobId, includeJobDocument: false, executionNumber: 1 };
    const described = await client.send(new sdk.DescribeJobExecutionCommand(bare));
    assert.equal([described.execution?.thingName, described.execution?.jobDocument], [thingName, undefined]);
    const statusDetails = { step: 'one' };
    const started = await client.send(new sdk.StartNextPendingJobExecutionCommand({ thingName, statusDetails }));
    assert.equal([started.execution?.status, started.execution?.statusDetails], ['IN_PROGRESS', statusDetails]);
    const done = await client.send(
      new sdk.UpdateJobExecutionCommand({
        thingName,
        jobId,
        status: 'SUCCEEDED',
        expectedVersion: 2,
        includeJobExecutionState: true,
      }),
    );
    assert.equal(done.executionState, { status: 'SUCCEEDED', versionNumber: 3, statusDetails });

    const terminal = await failureOf(client.send(new sdk.DescribeJobExecutionCommand({ thingName, jobId })));
    assert.instance(terminal, sdk.TerminalStateException);
    assert.is(terminal.$metadata.httpStatusCode, 410);
    const again = await failureOf(
      client.send(new sdk.UpdateJobExecutionCommand({ thingName, jobId, status: 'FAILED' })),
    );
    assert.instance(again, sdk.InvalidStateTransitionException);
    assert.equal((again as unknown as { executionState: unknown }).executionState, {
      status: 'SUCCEEDED',
      versionNumber: 3,
      statusDetails,
    });
    const stale = await failureOf(
      client.send(new sdk.UpdateJobExecutionCommand({ thingName, jobId, status: 'FAILED', expectedVersion: 1 })),
    );
    assert.instance(stale, sdk.InvalidStateTransitionException);
    assert.is((stale as unknown as { code: string }).code, 'VersionMismatch');
    const missing = await failureOf(client.send(new sdk.DescribeJobExecutionCommand({ thingName, jobId: 'none' })));
    assert.instance(missing, sdk.ResourceNotFoundException);
    const wrong = await failureOf(
      client.send(new sdk.UpdateJobExecutionCommand({ thingName, jobId, status: 'TIMED_OUT' })),
    );
    assert.instance(wrong, sdk.InvalidRequestException);
    assert.match(wrong.$metadata.requestId!, /^[0-9a-f-]{36}$/);
  });

test('the AWS SDK gets CertificateValidationException, ForbiddenException and ThrottlingException', async () => {
  const device = await world.addDevice('sdk-out');
  const client = clientOf(device);
  const forbidden = await failureOf(client.send(new sdk.GetPendingJobExecutionsCommand({ thingName: 'other' })));
  assert.equal([forbidden.name, forbidden.$metadata.httpStatusCode], ['ForbiddenException', 403]);
  await world.deactivate(device);
  const refused = await failureOf(client.send(new sdk.GetPendingJobExecutionsCommand({ thingName: 'sdk-out' })));
  assert.instance(refused, sdk.CertificateValidationException);

  const patient = clientOf();
  patient.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers.prefer = 'wait=60';
      return next(args);
    },
    { step: 'build' },
  );
  const wait = () => patient.send(new sdk.GetPendingJobExecutionsCommand({ thingName: 'sdk-out' }));
  const waiting = Array.from({ length: 8 }, wait);
  await turnUntil(() => world.plane.dataPlane.held() === 8, 'eight wait');
  assert.instance(await failureOf(wait()), sdk.ThrottlingException);
  await world.addJob('for-all', ['sdk-out']);
  for (const { queuedJobs } of await Promise.all(waiting)) assert.is(queuedJobs?.[0]?.jobId, 'for-all');
});

if (hasTool('aws', 'awscli')) {
  const aws = async (...args: string[]) => {
    const { code, stdout, stderr } = await runAws(world.plane, 'iot-jobs-data', ...args);
    return { code, error: stderr, answer: stdout === '' ? undefined : JSON.parse(stdout) };
  };

  test("Debian's aws iot-jobs-data works unmodified: its four operations and an error", async () => {
    await world.addDevice('cli:1');
    await world.addJob('cli', ['cli:1'], '{"a":"ü"}');
    const thing = ['--thing-name', 'cli:1'];
    const [pending, next] = await Promise.all([
      aws('get-pending-job-executions', ...thing),
      aws('describe-job-execution', ...thing, '--job-id', '$next'),
    ]);
    assert.is(pending.answer?.queuedJobs[0].jobId, 'cli', pending.error);
    assert.is(next.answer?.execution.jobDocument, '{"a":"ü"}', next.error);
    const started = await aws('start-next-pending-job-execution', ...thing, '--status-details', 'a=b');
    assert.equal(
      [started.answer?.execution.status, started.answer?.execution.statusDetails],
      ['IN_PROGRESS', { a: 'b' }],
      started.error,
    );
    const done = ['--job-id', 'cli', '--status', 'SUCCEEDED', '--expected-version', '2', '--include-job-document'];
    const updated = await aws('update-job-execution', ...thing, ...done);
    assert.equal(updated.answer, { jobDocument: '{"a":"ü"}' }, updated.error);
    const terminal = await aws('describe-job-execution', ...thing, '--job-id', 'cli');
    assert.is(terminal.code, 254);
    assert.match(terminal.error, 'An error occurred (TerminalStateException) when calling the DescribeJobExecution');
  });
}

test.run();
