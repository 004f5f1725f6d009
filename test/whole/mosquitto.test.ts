import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Child, runChild, startChild } from '../child.ts';
import { hasTool } from '../tools.ts';
import { makeCa, makeCertificate, type Pair } from '../transports/certificates.ts';
import { type Door, type Json, type Listener, listen, publish } from './clients.ts';

const AGENT = fileURLToPath(new URL('../../dist/errand-agent.cjs', import.meta.url));
const THING = 'board';
const JOBS = `$aws/things/${THING}/jobs`;

interface Context {
  folder: string;
  address: string;
  ca: Pair;
  device: Pair;
  bench: Door;
  broker: Child;
  agent: Child;
  service: Service;
}

const plain = suite<Context>('agent against Mosquitto');
plain.before(async (context) => {
  context.folder = await mkdtemp(path.join(os.tmpdir(), 'errand-mosquitto-'));
  const { folder } = context;
  context.ca = makeCa(folder, 'ca');
  makeCertificate(folder, 'server', context.ca, 'DNS:localhost');
  context.device = makeCertificate(folder, 'device', context.ca);
  const bench = makeCertificate(folder, 'bench', context.ca);
  const port = await freePort();
  context.address = `localhost:${port}`;
  context.bench = { address: context.address, ca: context.ca.certFile, cert: bench.certFile, key: bench.keyFile };
  const lines = [
    `user ${os.userInfo().username}`, // root would become another user, who cannot read the key
    `listener ${port} localhost`,
    `cafile ${path.join(folder, 'ca.crt')}`,
    `certfile ${path.join(folder, 'server.crt')}`,
    `keyfile ${path.join(folder, 'server.key')}`,
    'require_certificate true',
    'use_identity_as_username true',
    'persistence true', // written when it is told to end
    `persistence_location ${folder}/`,
    'log_dest stderr',
    'log_type all',
  ];
  await writeFile(path.join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
  context.broker = await startBroker(folder);
  context.service = await startService(context.bench);
});
plain.after(async ({ folder, broker, agent, service }) => {
  await agent?.kill();
  await service?.end();
  await broker?.kill();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startBroker(folder: string): Promise<Child> {
  const program = (await runChild('sh', ['-c', 'command -v mosquitto'])).stdout.trim() || '/usr/sbin/mosquitto';
  const broker = startChild(program, ['-c', path.join(folder, 'mosquitto.conf')]);
  await broker.line(/mosquitto version .* running/);
  return broker;
}

function startAgent({ folder, address, ca, device }: Context): Child {
  const of = (name: string) => path.join(folder, name);
  const identity = ['--thing', THING, '--ca', ca.certFile, '--cert', device.certFile, '--key', device.keyFile];
  const rest = ['--data', of('data'), '--handlers', of('handlers'), '--retry-max', '2', '--log', 'debug'];
  return startChild(process.execPath, [AGENT, '--endpoint', address, ...identity, ...rest]);
}

interface Execution {
  jobId: string;
  status: string;
  versionNumber: number;
  executionNumber: number;
  queuedAt: number;
  lastUpdatedAt: number;
  jobDocument: object;
}

/** As much of the Jobs service as one device and one job at a time need, behind mosquitto_sub and mosquitto_pub. */
interface Service {
  /** Requests in the order they came: `$next/get`, `j1/update IN_PROGRESS`. */
  readonly requests: string[];
  /** Has a job for the device. */
  queue(job: Execution): void;
  /** The same, and tells it so. */
  announce(job: Execution): Promise<void>;
  /** What the last report of the job says, once it has come; rejects when the agent ends before. */
  report(agent: Child): Promise<Json>;
  listenAgain(): Promise<void>;
  end(): Promise<void>;
}

async function startService(door: Door): Promise<Service> {
  let listener: Listener;
  let answering: Promise<void> = Promise.resolve();
  let execution: Execution | undefined;
  let tell: ((report: Json) => void) | undefined;
  let reported: Promise<Json>;
  const listenAgain = async () => {
    await listener?.kill();
    const mine = await listen(door, [`${JOBS}/+/get`, `${JOBS}/+/update`], { clientId: 'bench', persistent: true });
    listener = mine;
    answering = (async () => {
      for (;;) {
        const message = await mine.next().catch(() => undefined);
        if (message === undefined) return; // it was ended
        // What moves an execution out of QUEUED is asked once: a second copy of it might meet another execution.
        const once = execution?.status === 'QUEUED' && message.topic.endsWith('/update');
        assert.is(message.qos, once ? 0 : 1);
        await answer(message.topic, JSON.parse(message.payload));
      }
    })();
  };
  const service: Service = {
    requests: [],
    queue(job) {
      execution = job;
      reported = new Promise((resolve) => (tell = resolve));
    },
    announce(job) {
      service.queue(job);
      return publish(door, `${JOBS}/notify-next`, JSON.stringify({ timestamp: 1, execution: job }));
    },
    report: (agent) =>
      Promise.race([
        reported,
        agent.ended.then((how) => Promise.reject(new Error(`the agent ended: ${how}\n${agent.lines.join('\n')}`))),
      ]),
    listenAgain,
    async end() {
      await listener.kill();
      await answering;
    },
  };

  async function answer(topic: string, { clientToken, ...request }: Json): Promise<void> {
    const isUpdate = topic.endsWith('/update');
    service.requests.push(`${topic.slice(JOBS.length + 1)}${isUpdate ? ` ${request.status}` : ''}`);
    const body: Json = { timestamp: Math.floor(Date.now() / 1000), clientToken };
    let kind = 'accepted';
    if (execution === undefined || /SUCCEEDED|FAILED|REJECTED/.test(execution.status)) {
      if (!topic.endsWith('/$next/get')) [kind, body.code, body.message] = ['rejected', 'ResourceNotFound', 'none'];
    } else if (isUpdate) {
      execution.status = request.status;
      execution.versionNumber++;
      if (request.includeJobExecutionState)
        body.executionState = { status: execution.status, versionNumber: execution.versionNumber };
    } else body.execution = execution;
    // The broker may end meanwhile: then the agent has to ask again.
    await publish(door, `${topic}/${kind}`, JSON.stringify(body)).catch(() => {});
    if (isUpdate && /SUCCEEDED|FAILED|REJECTED/.test(request.status)) tell?.(request);
  }

  await listenAgain();
  return service;
}

function jobOf(jobId: string, ...commands: string[]): Execution {
  const steps = commands.map((command, i) => ({
    action: { name: `step-${i + 1}`, type: 'runCommand', input: { command } },
  }));
  const now = Math.floor(Date.now() / 1000);
  const first = { status: 'QUEUED', versionNumber: 1, executionNumber: 1, queuedAt: now, lastUpdatedAt: now };
  return { jobId, ...first, jobDocument: { version: '1.0', includeStdOut: true, steps } };
}

plain(
  'connects with its certificate, subscribes at QoS 1, and works off a job with QoS 1 both ways',
  async (context) => {
    const { service, broker } = context;
    service.queue(jobOf('first', 'true', 'echo,done'));
    context.agent = startAgent(context);
    const report = await service.report(context.agent);
    assert.is(report.status, 'SUCCEEDED');
    assert.is(report.statusDetails.stdout, 'done\n');
    assert.is(service.requests[0], '$next/get');
    assert.is(service.requests.at(-1), 'first/update SUCCEEDED');
    await context.agent.line(/first: SUCCEEDED/);

    await broker.line(/New client connected .* as board \(p2, c0, k\d+, u'device'\)/);
    await broker.line(/Sending CONNACK to board \(0, 0\)/);
    await broker.line(/Received SUBSCRIBE from board/);
    for (const filter of ['notify-next', '+/get/+', '+/update/+'])
      assert.ok(
        broker.lines.some((line) => line.includes(`${JOBS}/${filter} (QoS 1)`)),
        filter,
      );
    const published = broker.lines.filter((line) => /Received PUBLISH from board /.test(line));
    for (const line of published) assert.match(line, /\(d0, q[01], r0, /);
    await broker.line(/Sending PUBACK to board \(m\d+, rc0\)/);
    const answered = await broker.line(/Sending PUBLISH to board \(d0, q1, r0, m\d+, '.*\/accepted'/);
    const identifier = /, (m\d+), /.exec(answered)![1];
    await broker.lineAfter(
      broker.lines.indexOf(answered),
      new RegExp(`Received PUBACK from board \\(Mid: ${identifier!.slice(1)},`),
    );
  },
);

plain(
  'a broker that restarts during a job: the session is resumed, nothing is subscribed again, the job goes on',
  async (context) => {
    const { service, agent, folder } = context;
    const marks = path.join(folder, 'marks');
    const step = (name: string) =>
      `sh,-c,echo ${name} >> ${marks}; while [ ! -e ${folder}/${name} ]; do sleep 0.05; done`;
    await service.announce(jobOf('restarts', step('one'), step('two')));
    await agent.line(/restarts: step 1 of 2 'step-1' started/);
    const from = agent.lines.length;
    assert.is(await context.broker.kill('SIGTERM'), 0); // it writes its sessions first
    await agent.lineAfter(from, /not connected/);
    await writeFile(path.join(folder, 'one'), '');
    await agent.lineAfter(from, /restarts: step 2 of 2 'step-2' started/);
    const broker = (context.broker = await startBroker(folder));
    await agent.lineAfter(from, /session resumed/);
    await broker.line(/Sending CONNACK to board \(1, 0\)/);
    await broker.line(/Received PUBLISH from board .*\/restarts\/get'/); // it comes behind a SUBSCRIBE, where there is one
    assert.not(
      broker.lines.some((line) => line.includes('Received SUBSCRIBE from board')),
      broker.lines.join('\n'),
    );
  },
);

plain('a broker that dies and forgets: the agent subscribes again, reports, and no step ran twice', async (context) => {
  const { service, agent, folder } = context;
  const from = agent.lines.length;
  agent.process.kill('SIGSTOP'); // until the bench listens again: a plain broker keeps nothing for those who never came
  await context.broker.kill('SIGKILL');
  await rm(path.join(folder, 'mosquitto.db'));
  const broker = (context.broker = await startBroker(folder));
  await service.listenAgain();
  agent.process.kill('SIGCONT');
  await agent.lineAfter(from, /not connected/);
  await agent.lineAfter(from, /connected$/);
  const welcomed = await broker.line(/Sending CONNACK to board \(0, 0\)/);
  const first = await broker.lineAfter(broker.lines.indexOf(welcomed), /Received (SUBSCRIBE|PUBLISH) from board/);
  await writeFile(path.join(folder, 'two'), '');
  assert.match(first, 'SUBSCRIBE');
  const { status, statusDetails } = await service.report(agent);
  assert.is(status, 'SUCCEEDED', statusDetails.reason);
  await agent.lineAfter(from, /restarts: SUCCEEDED/);
  assert.is(await readFile(path.join(folder, 'marks'), 'utf8'), 'one\ntwo\n');
});

plain('what the broker kept while the agent was ended is taken and acknowledged by the next one', async (context) => {
  const { service, agent, broker } = context;
  assert.is(await agent.kill('SIGTERM'), 0);
  await broker.line(/Received DISCONNECT from board/);
  await service.announce(jobOf('stored', 'true'));
  const from = broker.lines.length;
  context.agent = startAgent(context);
  await broker.lineAfter(from, /Sending CONNACK to board \(1, 0\)/);
  const kept = await broker.lineAfter(from, /Sending PUBLISH to board .*'\$aws\/things\/board\/jobs\/notify-next'/);
  await broker.lineAfter(broker.lines.indexOf(kept, from), /Received PUBACK from board/);
  const { status, statusDetails } = await service.report(context.agent);
  assert.is(status, 'SUCCEEDED', statusDetails.reason);
  assert.is(await context.agent.kill('SIGTERM'), 0);
});

if (hasTool('mosquitto', 'mosquitto') && hasTool('mosquitto_pub', 'mosquitto-clients') && hasTool('openssl', 'openssl'))
  plain.run();
