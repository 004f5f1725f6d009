import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runChild } from '../child.ts';
import { hasTool } from '../tools.ts';
import { arnOf, type House, openHouse } from './house.ts';

/** Debian's own; another `aws` may come first in PATH. */
const PROGRAM = '/usr/bin/aws';

/** The AWS CLI as somebody has it who was given endpoints.json and nothing else. */
const aws = suite<{ house: House }>('AWS CLI');
aws.before(async (context) => {
  context.house = await openHouse();
});
aws.after(async ({ house }) => house?.end());

function run({ folder, endpoints }: House, secret: string, args: string[]) {
  const { https, ca, accessKeyId, region } = endpoints;
  return runChild(PROGRAM, ['iot', ...args, '--endpoint-url', https, '--ca-bundle', ca, '--output', 'json'], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_DEFAULT_REGION: region,
    },
  });
}

// biome-ignore lint/suspicious/noExplicitAny: read as it came
async function call(house: House, ...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await run(house, house.endpoints.secretAccessKey, args);
  assert.is(code, 0, `aws iot ${args.join(' ')}: ${stderr}`);
  return stdout.trim() === '' ? {} : JSON.parse(stdout);
}

async function refused(house: House, type: string, operation: string, ...args: string[]): Promise<string> {
  const { code, stderr } = await run(house, house.endpoints.secretAccessKey, args);
  assert.is(code, 254, stderr);
  assert.ok(stderr.includes(`An error occurred (${type}) when calling the ${operation} operation: `), stderr);
  return stderr;
}

aws('a job from its thing to its deletion, with a real agent between', async ({ house }) => {
  const identity = await house.thing('aws-1');
  const thingArn = arnOf('aws-1');
  const [made, { thingGroupArn }] = await Promise.all([
    call(house, 'create-thing', '--thing-name', 'aws-1'), // the same again
    call(house, 'create-thing-group', '--thing-group-name', 'fleet'),
  ]);
  assert.is(made.thingArn, thingArn);
  await call(house, 'add-thing-to-thing-group', '--thing-group-name', 'fleet', '--thing-name', 'aws-1');
  const document = JSON.stringify({
    version: '1.0',
    steps: [{ action: { name: 'say', type: 'runCommand', input: { command: 'echo,hello' } } }],
    includeStdOut: true,
  });
  const more = ['--description', 'für alle', '--timeout-config', 'inProgressTimeoutInMinutes=5'];
  const job = await call(
    house,
    'create-job',
    '--job-id',
    'walk',
    '--targets',
    thingGroupArn,
    '--document',
    document,
    ...more,
  );
  assert.equal(job, { jobArn: 'arn:aws:iot:us-east-1:123456789012:job/walk', jobId: 'walk', description: 'für alle' });

  const agent = house.agent(identity);
  await agent.line(/job walk: SUCCEEDED/);
  await house.until('walk', 'aws-1', 'SUCCEEDED');
  const key = ['--job-id', 'walk', '--thing-name', 'aws-1'];
  const { execution } = await call(house, 'describe-job-execution', ...key);
  assert.equal(
    [execution.status, execution.thingArn, execution.executionNumber, execution.statusDetails.detailsMap.stdout],
    ['SUCCEEDED', thingArn, 1, 'hello\n'],
  );
  for (const name of ['queuedAt', 'startedAt', 'lastUpdatedAt']) {
    const millis = Date.parse(execution[name]);
    assert.ok(Math.abs(millis - Date.now()) < 120_000, `${name} ${execution[name]}`);
  }
  const [described, listed, text] = await Promise.all([
    call(house, 'describe-job', '--job-id', 'walk'),
    call(house, 'list-job-executions-for-thing', '--thing-name', 'aws-1', '--status', 'SUCCEEDED'),
    call(house, 'get-job-document', '--job-id', 'walk'),
  ]);
  assert.equal(described.job.targets, [thingGroupArn]);
  assert.is(described.job.jobProcessDetails.numberOfSucceededThings, 1);
  assert.equal([listed.executionSummaries.length, listed.executionSummaries[0].jobId], [1, 'walk']);
  assert.is(text.document, document);

  await call(house, 'delete-job-execution', ...key, '--execution-number', '1');
  await refused(house, 'ResourceNotFoundException', 'DescribeJobExecution', 'describe-job-execution', ...key);
  await call(house, 'delete-job', '--job-id', 'walk', '--force');
  assert.is(await agent.kill('SIGTERM'), 0);
});

aws('errors come under the names of the model', async ({ house }) => {
  await house.errand('create-thing', '--thing-name', 'aws-2');
  const job = ['--job-id', 'held', '--targets', arnOf('aws-2'), '--document', '{}'];
  await house.errand('create-job', ...job);
  const of = ['--job-id', 'held', '--thing-name', 'aws-2'];
  while ((await house.tryErrand('describe-job-execution', ...of)).code !== 0); // until it is rolled out
  const cases: [type: string, operation: string, ...args: string[]][] = [
    ['ResourceNotFoundException', 'DescribeJob', 'describe-job', '--job-id', 'nobody'],
    ['ResourceAlreadyExistsException', 'CreateJob', 'create-job', ...job],
    ['InvalidRequestException', 'CreateJob', 'create-job', '--job-id', 'x', ...job.slice(2, 4), '--document', '{"a":'],
    ['InvalidStateTransitionException', 'DeleteJob', 'delete-job', '--job-id', 'held'],
    ['VersionConflictException', 'CancelJobExecution', 'cancel-job-execution', ...of, '--expected-version', '7'],
    ['ResourceNotFoundException', 'DeleteJobExecution', 'delete-job-execution', ...of, '--execution-number', '2'],
  ];
  // Two at a time: each is a Python that loads its models.
  for (let i = 0; i < cases.length; i += 2)
    await Promise.all(cases.slice(i, i + 2).map((one) => refused(house, ...one)));
  const stranger = await run(house, 'x'.repeat(40), ['list-jobs']);
  assert.is(stranger.code, 254);
  assert.match(stranger.stderr, 'InvalidSignatureException');
});

if (hasTool(PROGRAM, 'awscli')) aws.run();
