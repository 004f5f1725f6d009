import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as iot from '@aws-sdk/client-iot';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { type Child, runChild, startChild } from '../child.ts';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const ERRAND = path.join(dist, 'errand.mjs');
/** The lean agent. */
export const AGENT = path.join(dist, 'errand-agent.cjs');
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

/** Between two looks at an execution: who asks at once takes the processor from whom it waits for. */
const LOOK_MILLIS = 50;

/** The agent with every part. */
export const FULL_AGENT = path.join(dist, 'errand-agent-full.cjs');

export interface Endpoints {
  mqtts: string;
  https: string;
  ca: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  mqttOpen?: string;
}

/** A thing's own files, as they would lie on a board. */
export interface Identity {
  thingName: string;
  cert: string;
  key: string;
}

/** How an agent is started, where that differs. */
export interface AgentStart {
  /** AGENT, or FULL_AGENT. */
  file?: string;
  env?: NodeJS.ProcessEnv;
  /** The words that run Node. */
  node?: readonly [program: string, ...args: string[]];
  /** Where it connects to: `host:port`. */
  endpoint?: string;
}

export interface Execution {
  status: string;
  versionNumber: number;
  statusDetails: { detailsMap?: Record<string, string> };
}

/** The built single files as real processes, in a temporary folder: the service, agents, and the workstation command. */
export interface House {
  readonly folder: string;
  readonly endpoints: Endpoints;
  readonly service: Child;
  /** Starts the service again on the same data and ports. */
  restartService(): Promise<void>;
  /** Runs `errand ARGS` and gives what it answered; throws when it was refused. */
  errand(...args: string[]): Promise<Record<string, never> & Record<string, unknown>>;
  /** The same, refused or not. */
  tryErrand(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }>;
  /** Registers a thing with a certificate of its own. */
  thing(thingName: string): Promise<Identity>;
  /** Creates a job of commands for one thing. */
  job(jobId: string, thingName: string, ...commands: string[]): Promise<void>;
  agent(identity: Identity, ...more: string[]): Child;
  /** The same in another way. */
  startAgent(how: AgentStart, identity: Identity, ...more: string[]): Child;
  /** The agent with every part, with these flags and no others. */
  startBoard(flags: readonly string[]): Child;
  /** The execution as the control plane has it. */
  execution(jobId: string, thingName: string): Promise<Execution>;
  /** Asks until the execution has one of these statuses. */
  until(jobId: string, thingName: string, ...statuses: string[]): Promise<Execution>;
  end(): Promise<void>;
}

/** @param flags  further ones of the service */
export async function openHouse(...flags: string[]): Promise<House> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'errand-house-'));
  const data = path.join(folder, 'service');
  const agents: Child[] = [];
  let service = await startService(data, '0', '0');
  const endpoints = JSON.parse(await readFile(path.join(data, 'endpoints.json'), 'utf8')) as Endpoints;

  const tryErrand: House['tryErrand'] = (...args) =>
    runChild(process.execPath, [ERRAND, ...args], {
      env: { ...process.env, ERRAND_ENDPOINTS: path.join(data, 'endpoints.json') },
    });
  const errand: House['errand'] = async (...args) => {
    const { code, stdout, stderr } = await tryErrand(...args);
    if (code !== 0) throw new Error(`errand ${args.join(' ')}: exit code ${code}: ${stderr}`);
    return stdout.trim() === '' ? {} : JSON.parse(stdout);
  };
  // Not by a process each time: that is a start of Node for each look.
  const client = await openClient(endpoints);
  const execution: House['execution'] = async (jobId, thingName) => {
    const answer = await client.send(new iot.DescribeJobExecutionCommand({ jobId, thingName }));
    return answer.execution as Execution;
  };

  const startAgent: House['startAgent'] = (how, { thingName, cert, key }, ...more) => {
    const { file = AGENT, env = process.env, endpoint = endpoints.mqtts } = how;
    const [program, ...args] = how.node ?? [process.execPath];
    const own = ['--endpoint', endpoint, '--thing', thingName, '--ca', endpoints.ca, '--cert', cert, '--key', key];
    const rest = [
      '--data',
      path.join(folder, `${thingName}.data`),
      '--handlers',
      path.join(folder, `${thingName}.handlers`),
      '--retry-max',
      '2',
    ];
    const agent = startChild(program, [...args, file, ...own, ...rest, ...more], { env });
    agents.push(agent);
    return agent;
  };

  return {
    folder,
    endpoints,
    get service() {
      return service;
    },
    async restartService() {
      const [mqttPort, httpsPort] = [endpoints.mqtts, endpoints.https].map((address) => address.split(':').at(-1)!);
      service = await startService(data, mqttPort!, httpsPort!);
    },
    errand,
    tryErrand,
    async thing(thingName) {
      await errand('create-thing', '--thing-name', thingName);
      const { certificateArn, certificatePem, keyPair } = (await errand(
        'create-keys-and-certificate',
        '--set-as-active',
      )) as unknown as {
        certificateArn: string;
        certificatePem: string;
        keyPair: { PrivateKey: string };
      };
      await errand('attach-thing-principal', '--thing-name', thingName, '--principal', certificateArn);
      const cert = path.join(folder, `${thingName}.cert.pem`);
      const key = path.join(folder, `${thingName}.key.pem`);
      await writeFile(cert, certificatePem);
      await writeFile(key, keyPair.PrivateKey, { mode: 0o600 });
      return { thingName, cert, key };
    },
    async job(jobId, thingName, ...commands) {
      const steps = commands.map((command, i) => ({
        action: { name: `step-${i + 1}`, type: 'runCommand', input: { command } },
      }));
      const document = JSON.stringify({ version: '1.0', includeStdOut: true, steps });
      await errand('create-job', '--job-id', jobId, '--targets', arnOf(thingName), '--document', document);
    },
    agent: (identity, ...more) => startAgent({}, identity, ...more),
    startAgent,
    startBoard: (flags) => {
      const agent = startChild(process.execPath, [FULL_AGENT, ...flags]);
      agents.push(agent);
      return agent;
    },
    execution,
    async until(jobId, thingName, ...statuses) {
      for (;;) {
        const now = await execution(jobId, thingName).catch((error: Error) => {
          // The roll-out has not reached the thing yet.
          if (!(error instanceof iot.ResourceNotFoundException)) throw error;
        });
        if (now && statuses.includes(now.status)) return now;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MILLIS));
      }
    },
    async end() {
      for (const agent of agents) await agent.kill();
      client.destroy();
      await service.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };

  async function startService(folder: string, mqttPort: string, httpsPort: string): Promise<Child> {
    const child = startChild(process.execPath, [
      ERRAND,
      'service',
      '--data',
      folder,
      '--mqtt-port',
      mqttPort,
      '--https-port',
      httpsPort,
      '--data-port',
      '0',
      '--files-port',
      '0',
      ...flags,
    ]);
    await child.line(/ready/);
    return child;
  }
}

async function openClient({ https, region, ca, accessKeyId, secretAccessKey }: Endpoints): Promise<iot.IoTClient> {
  // A connection each: none is left over when the service is started again.
  const httpsAgent = new Agent({ ca: await readFile(ca), keepAlive: false });
  const credentials = { accessKeyId, secretAccessKey };
  return new iot.IoTClient({
    endpoint: https,
    region,
    credentials,
    requestHandler: new NodeHttpHandler({ httpsAgent }),
  });
}

export function arnOf(thingName: string): string {
  return `arn:aws:iot:us-east-1:123456789012:thing/${thingName}`;
}
