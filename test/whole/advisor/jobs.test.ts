/** The rows of Device Advisor about jobs and permissions: the agents' files before a server that has a job and keeps to a policy. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Packet } from 'mqtt-packet';
import * as assert from 'uvu/assert';
import { hasTool } from '../../tools.ts';
import type { Behaviour } from './endpoint.ts';
import { allows, excessOf, matches, type Policy } from './policy.ts';
import { AGENTS, JOBS, open, roomSuite, start } from './room.ts';

const POLICY: Policy = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../examples/aws-policy.json', import.meta.url)), 'utf8'),
);
/** It allows no filter but that of notify-next. */
const WITHOUT_FILTERS: Policy = {
  ...POLICY,
  Statement: POLICY.Statement.map((one) => ({
    ...one,
    Resource: [one.Resource].flat().filter((arn) => !arn.includes('+')),
  })),
};
const JOB_ID = 'advisor-1';
const STEPS = {
  version: '1.0',
  steps: ['one', 'two'].map((name) => ({
    action: { name, type: 'runCommand', input: { command: `echo,${name}` } },
  })),
};

interface Job {
  status: string;
  versionNumber: number;
  /** What came, in its order: topic behind the jobs namespace, status where there is one, QoS, connection, token. */
  asked: { topic: string; status: string | undefined; qos: number; connection: number; clientToken: string }[];
  used: Set<string>;
  /** What the policy does not allow. */
  denied: string[];
}

/**
 * Serves one job as AWS does: answers go to who asked, subscribed or not. What the policy denies is refused by SUBACK, or ends
 * the connection.
 *
 * @param lose  what is lost of the request that came last: its acknowledgement, or the connection with it
 */
function serveJob(
  policy: Policy,
  jobDocument: object,
  lose: (job: Job) => 'acknowledgement' | 'connection' | undefined = () => undefined,
): { job: Job; behaviour: Behaviour } {
  const job: Job = { status: 'QUEUED', versionNumber: 1, asked: [], used: new Set(), denied: [] };
  const may = (action: string, resource: string) => {
    job.used.add(`${action} ${resource}`);
    if (allows(policy, 'board', action, resource)) return true;
    job.denied.push(`${action} ${resource}`);
    return false;
  };
  const execution = () => ({
    jobId: JOB_ID,
    thingName: 'board',
    status: job.status,
    queuedAt: 1,
    lastUpdatedAt: 1,
    versionNumber: job.versionNumber,
    executionNumber: 1,
    jobDocument,
  });
  const isOver = () => job.status !== 'QUEUED' && job.status !== 'IN_PROGRESS';
  const answerOf = (topic: string, { status }: { status?: string }) => {
    if (!topic.endsWith('/update')) return isOver() ? {} : { execution: execution() };
    job.status = status!;
    job.versionNumber += 1;
    return { executionState: { status, versionNumber: job.versionNumber }, jobDocument };
  };
  const behaviour: Behaviour = {
    answer: (packet, connection, send, socket) => {
      if (packet.cmd === 'connect') return !may('iot:Connect', `client/${packet.clientId}`);
      if (packet.cmd === 'subscribe') {
        const granted = packet.subscriptions.map(({ topic }) =>
          may('iot:Subscribe', `topicfilter/${topic}`) ? 1 : 128,
        ) as (1 | 128)[];
        send({ cmd: 'suback', messageId: packet.messageId!, granted });
        return true;
      }
      if (packet.cmd !== 'publish') return false;
      const { topic, qos, payload } = packet;
      const request = JSON.parse(String(payload)) as { clientToken: string; status?: string };
      const { clientToken, status } = request;
      job.asked.push({ topic: topic.slice(JOBS.length + 1), status, qos, connection, clientToken });
      const lost = may('iot:Publish', `topic/${topic}`) ? lose(job) : 'connection';
      if (lost === 'connection') socket.destroy();
      if (lost) return true;
      const answer = JSON.stringify({ timestamp: 1, clientToken, ...answerOf(topic, request) });
      const acknowledged: Packet[] = qos ? [{ cmd: 'puback', messageId: packet.messageId! }] : [];
      send(
        ...acknowledged,
        ...(may('iot:Receive', `topic/${topic}/accepted`) ? [message(`${topic}/accepted`, answer)] : []),
      );
      return true;
    },
  };
  return { job, behaviour };
}

const message = (topic: string, payload: string): Packet => ({
  cmd: 'publish',
  topic,
  payload,
  qos: 0,
  dup: false,
  retain: false,
});

const statuses = ({ asked }: Job) => asked.flatMap(({ status }) => status ?? []);

const test = roomSuite('Device Advisor, jobs');

for (const [name, lost, isCut] of [
  ['cut off at its last report, the report comes again on the next connection', 'connection', true],
  ['its last report not acknowledged, the report comes again on the same connection', 'acknowledgement', false],
] as const) {
  test(`Job_Execution: ${name}, and is taken; MQTT_Publish: a claim at QoS 0`, async (room) => {
    let reports = 0;
    const isFirstReport = ({ asked }: Job) => asked.at(-1)!.status === 'SUCCEEDED' && reports++ === 0;
    const { job, behaviour } = serveJob(POLICY, STEPS, (job) => (isFirstReport(job) ? lost : undefined));
    const endpoint = await open(room, behaviour);
    // Fast enough for what is sent again after 10 s, and no connection is given up on a busy machine.
    const agent = start(room, endpoint, { speed: 20, flags: ['--keep-alive', '1200'] });
    await endpoint.packet(({ cmd }) => cmd === 'publish' && job.status === 'SUCCEEDED');
    assert.equal(statuses(job), ['IN_PROGRESS', 'IN_PROGRESS', 'SUCCEEDED', 'SUCCEEDED']);
    const [first, second] = job.asked.filter(({ status }) => status === 'SUCCEEDED');
    assert.is(second!.connection > first!.connection, isCut);
    assert.is(second!.clientToken, first!.clientToken);
    assert.equal(
      job.asked.slice(0, 2).map(({ topic, qos }) => [topic, qos]),
      [
        ['$next/get', 1],
        [`${JOB_ID}/update`, 0],
      ],
    );
    assert.is(agent.lines.filter((line) => /step \d of 2 '\w+' started/.test(line)).length, 2);
    assert.equal(job.denied, []);
  });
}

test('Security_Device_Policies: a job ends well under the policy of the examples, and nothing in that is more than it needs', async (room) => {
  assert.equal(excessOf(POLICY), []);
  const { job, behaviour } = serveJob(POLICY, STEPS);
  const endpoint = await open(room, behaviour);
  start(room, endpoint, { speed: 1 });
  await endpoint.packet(({ cmd }) => cmd === 'publish' && job.status === 'SUCCEEDED');
  // What was not in this job's life: a refusal, and a notification.
  for (const last of [`${JOB_ID}/get/rejected`, `${JOB_ID}/update/rejected`, 'notify-next'])
    job.used.add(`iot:Receive topic/${JOBS}/${last}`);
  const unused = POLICY.Statement.flatMap(({ Action, Resource }) =>
    [Resource].flat().filter(
      (arn) =>
        ![...job.used].some((one) => {
          const [action = '', resource = ''] = one.split(/ (.*)/s);
          return action === Action && matches(arn, 'board', resource);
        }),
    ),
  );
  assert.equal([unused, job.denied], [[], []]);
});

test('a policy with more than is needed is noticed, and allows what it says and no more', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: so it stands in policies
  const thing = 'arn:aws:iot:eu-west-1:123456789012:topic/$aws/things/${iot:Connection.Thing.ThingName}/jobs/';
  const excess = (Action: string, Resource: string) =>
    excessOf({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource }] }).length;
  for (const wide of ['*', 'arn:aws:iot:*:123456789012:client/x', `${thing}*`, `${thing}*/*`, `${thing}*/*/accepted`])
    assert.is(excess('iot:Publish', wide), 1, wide);
  assert.equal([excess('iot:*', `${thing}*/get`), excess('iot:Publish', `${thing}*/get`)], [1, 0]);
  assert.ok(allows(POLICY, 'board', 'iot:Publish', `topic/${JOBS}/$next/get`));
  for (const [action, resource] of [
    ['iot:Connect', 'client/board2'],
    ['iot:Publish', 'topic/$aws/things/other/jobs/$next/get'],
    ['iot:Subscribe', `topicfilter/${JOBS}/#`],
    ['iot:Receive', `topic/${JOBS}/notify`],
  ])
    assert.not.ok(allows(POLICY, 'board', action!, resource!), resource);
});

test('a policy without filters for answers: what SUBACK refuses is said, and the job ends well all the same', async (room) => {
  const { job, behaviour } = serveJob(WITHOUT_FILTERS, STEPS);
  const endpoint = await open(room, behaviour);
  const agent = start(room, endpoint, { speed: 1 });
  await endpoint.packet(({ cmd }) => cmd === 'publish' && job.status === 'SUCCEEDED');
  await agent.line(/warn .*SUBACK refuses .*\/jobs\/\+\/get\/\+/);
  assert.equal(
    new Set(job.denied),
    new Set(['get', 'update'].map((one) => `iot:Subscribe topicfilter/${JOBS}/+/${one}/+`)),
  );
  assert.is(endpoint.packets.at(-1)!.connection, 1);
});

test("Job_Execution: the guide's own document, a reboot, SUCCEEDED once the device has restarted", async (room) => {
  const tools = path.join(room.folder, 'tools');
  mkdirSync(tools);
  for (const name of ['reboot', 'shutdown', 'systemctl'])
    writeFileSync(path.join(tools, name), `#!/bin/sh\necho ${name} >> ${room.folder}/calls\n`, { mode: 0o755 });
  const bootId = path.join(room.folder, 'boot-id');
  const url = 'https://bucket.s3.amazonaws.com/install.py?X-Amz-Signature=0';
  const { job, behaviour } = serveJob(POLICY, { operation: 'reboot', files: { fileName: 'install.py', url } });
  const endpoint = await open(room, behaviour);
  const how = { file: AGENTS.full, speed: 1, flags: ['--operations', 'jobs-agent', '--boot-id', bootId] };
  const env = { PATH: `${tools}:${process.env.PATH}` };
  writeFileSync(bootId, 'boot-1\n');
  const agent = start(room, endpoint, { ...how, env });
  await agent.line(/waits for the device to restart/);
  await agent.kill();
  writeFileSync(bootId, 'boot-2\n');
  start(room, endpoint, { ...how, env });
  await endpoint.packet(({ cmd }) => cmd === 'publish' && job.status === 'SUCCEEDED');
  assert.is(readFileSync(`${room.folder}/calls`, 'utf8'), 'reboot\n');
});

if (hasTool('openssl', 'openssl')) test.run();
