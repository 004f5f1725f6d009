import { readFileSync } from 'node:fs';
import path from 'node:path';
import { call } from '../../../targets/errand/call.ts';
import { readEndpoints } from '../../../targets/errand/endpoints.ts';
import { OPERATIONS } from '../../../targets/service/operations/table.ts';
import { arnOf } from '../../whole/house.ts';
import { cpuMicrosOf } from '../accounting.ts';
import { temporaryFolder } from '../processes.ts';
import { type Access, ERRAND, startNode } from '../site.ts';
import { askWhile, quantile } from './device.ts';
import { bytesIn, GROUP, outcomeOf, registerFleet } from './fleet.ts';

/** One roll-out, from the registered fleet to the last execution. */
export interface Measured {
  engine: 'SQLite' | 'PostgreSQL';
  things: number;
  asked: number;
  registerSeconds: number;
  /** CreateJob for the whole group, until it was answered. */
  createJobMillis: number;
  perMinute: number;
  executions: number;
  /** The most RAM that the service has had. */
  peakBytes: number;
  /** Of the service, for each execution; PostgreSQL's own processes are not in it. */
  cpuMicrosPerExecution: number;
  readMillis: { p50: number; p99: number };
  writeMillis: { p50: number; p99: number };
  requests: number;
  bytesPerExecution: number;
}

const JOB = 'rollout';

/**
 * @param place  of an empty store; undefined: SQLite in the service's folder
 * @param asked  maximumPerMinute
 */
export async function measure(
  place: string | undefined,
  things: number,
  asked: number,
  progress: (line: string) => void,
): Promise<Measured> {
  const folder = temporaryFolder();
  const store = place ?? path.join(folder, 'errand.db');
  const began = performance.now();
  await registerFleet(store, things);
  const registerSeconds = (performance.now() - began) / 1000;
  progress(`${things} things registered in ${registerSeconds.toFixed(1)} s`);
  const before = await bytesIn(store);

  const ports = ['--mqtt-port', '0', '--https-port', '0', '--data-port', '0', '--rollout-max', String(asked)];
  const args = [ERRAND, 'service', '--data', folder, ...(place === undefined ? [] : ['--store', place]), ...ports];
  const service = startNode(...args);
  await service.line(/ready/);
  const control = controlOf(path.join(folder, 'endpoints.json'));
  const access = await accessOf(control, folder, 'T1');
  const cpuBefore = cpuMicrosOf(service.pid);
  const created = performance.now();
  await control('CreateJob', {
    jobId: JOB,
    targets: [arnOf(GROUP).replace(':thing/', ':thinggroup/')],
    document: '{"version":"1.0","steps":[]}',
    jobExecutionsRolloutConfig: { maximumPerMinute: asked },
  });
  const createJobMillis = performance.now() - created;
  let done = false;
  const watching = untilCreated(control, things, asked, progress).finally(() => (done = true));
  const first = async () => {
    // The device has its execution within the first second.
    while (!(await hasExecution(control))) await new Promise((resolve) => setTimeout(resolve, 50));
    return askWhile(access, JOB, () => !done);
  };
  const [requests] = await Promise.all([first(), watching]);
  const cpuMicros = cpuMicrosOf(service.pid) - cpuBefore;
  const peakBytes = peakOf(service.pid);
  await service.kill('SIGTERM');
  const outcome = await outcomeOf(store);
  const at = (values: readonly number[]) => ({ p50: quantile(values, 0.5), p99: quantile(values, 0.99) });
  return {
    engine: place === undefined ? 'SQLite' : 'PostgreSQL',
    things,
    asked,
    registerSeconds,
    createJobMillis,
    perMinute: outcome.perMinute,
    executions: outcome.executions,
    peakBytes,
    cpuMicrosPerExecution: cpuMicros / outcome.executions,
    readMillis: at(requests.reads),
    writeMillis: at(requests.writes),
    requests: requests.reads.length + requests.writes.length,
    bytesPerExecution: (outcome.bytes - before) / outcome.executions,
  };
}

type Control = (operation: string, input: Record<string, unknown>) => Promise<Record<string, unknown>>;

function controlOf(endpointsFile: string): Control {
  const service = readEndpoints(endpointsFile, {});
  return (operation, input) => call(OPERATIONS.find(({ name }) => name === operation)!, input, service);
}

async function accessOf(control: Control, folder: string, thingName: string): Promise<Access> {
  const { mqtts, ca } = readEndpoints(path.join(folder, 'endpoints.json'), {});
  const made = await control('CreateKeysAndCertificate', { setAsActive: true });
  await control('AttachThingPrincipal', { thingName, principal: made.certificateArn });
  const [host, port] = mqtts.split(':') as [string, string];
  const { PrivateKey: key } = made.keyPair as { PrivateKey: string };
  return { thingName, host, port: Number(port), ca, cert: made.certificatePem as string, key };
}

async function hasExecution(control: Control): Promise<boolean> {
  return control('DescribeJobExecution', { jobId: JOB, thingName: 'T1' }).then(
    () => true,
    () => false,
  );
}

/** Asks every second how far it is. */
async function untilCreated(
  control: Control,
  things: number,
  asked: number,
  progress: (line: string) => void,
): Promise<void> {
  const began = performance.now();
  let told = 0;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { job } = (await control('DescribeJob', { jobId: JOB })) as {
      job: { jobProcessDetails: Record<string, number> };
    };
    const { numberOfQueuedThings = 0, numberOfInProgressThings = 0 } = job.jobProcessDetails;
    const created = numberOfQueuedThings + numberOfInProgressThings;
    const seconds = (performance.now() - began) / 1000;
    if (created >= things) return;
    if (seconds > 60 + (3 * 60 * things) / asked)
      throw new Error(`${created} of ${things} after ${seconds.toFixed(0)} s`);
    if (seconds - told < 30) continue;
    told = seconds;
    progress(`${created} of ${things} after ${seconds.toFixed(0)} s`);
  }
}

function peakOf(pid: number): number {
  const [, kiloBytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kiloBytes) * 1024;
}
