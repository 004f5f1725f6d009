/** aws-iot-device-sdk (version 1): its `jobs` class through whole lives, its `device` class for what the first never shows. */
import { createRequire } from 'node:module';
import * as assert from 'uvu/assert';
import { arnOf } from '../house.ts';
import { done, doorOf, operator } from './stage.ts';

interface Job {
  id: string;
  document: { operation?: string };
  operation?: string;
  status: { status: string; statusDetails?: Record<string, string> };
  inProgress(details: object, told: (error?: Error) => void): void;
  succeeded(details: object, told: (error?: Error) => void): void;
  failed(details: object, told: (error?: Error) => void): void;
}
interface Device extends NodeJS.EventEmitter {
  publish(topic: string, payload: string, options: { qos: number }, told: (error?: Error) => void): void;
  subscribe(
    topics: string[],
    options: { qos: number },
    told: (error?: Error, granted?: { qos: number }[]) => void,
  ): void;
  end(force: boolean, told: () => void): void;
}
interface Jobs extends Device {
  subscribeToJobs(
    thingName: string,
    operation: string | undefined,
    take: (error: Error | null, job: Job) => void,
  ): void;
  unsubscribeFromJobs(thingName: string, operation: string | undefined, told: (error?: Error) => void): void;
  startJobNotifications(thingName: string, told: (error?: Error) => void): void;
}
const sdk = createRequire(import.meta.url)('aws-iot-device-sdk') as {
  jobs(options: object): Jobs;
  device(options: object): Device;
};

const { host, port, ca, cert, key, thingName } = doorOf(process.argv);
const common = { host, port, caPath: ca, certPath: cert, keyPath: key };
const TOPICS = `$aws/things/${thingName}/jobs`;

/** What a function that tells by callback told. */
const told = (call: (tell: (error?: Error | null) => void) => void) =>
  new Promise<void>((resolve, reject) => call((error) => (error ? reject(error) : resolve())));
const createJob = (jobId: string, document: object) =>
  operator('create-job', '--job-id', jobId, '--targets', arnOf(thingName), '--document', JSON.stringify(document));

await throughJobsClass();
await throughDeviceClass();
done();

async function throughJobsClass(): Promise<void> {
  const jobs = sdk.jobs({ ...common, clientId: `${thingName}-jobs` });
  await connected(jobs);
  const came: { by: string; job: Job }[] = [];
  let tell: (() => void) | undefined;
  const take = (by: string) => (error: Error | null, job: Job) => {
    assert.is(error, null);
    came.push({ by, job });
    tell?.();
  };
  const nextJob = async () => {
    while (came.length === 0) await new Promise<void>((resolve) => (tell = resolve));
    return came.shift()!;
  };
  jobs.subscribeToJobs(thingName, 'install', take('install'));
  jobs.subscribeToJobs(thingName, undefined, take('any'));
  // Its subscription is told of only when it failed; what is published behind it on the connection is handled behind it.
  await told((tell) => jobs.startJobNotifications(thingName, tell));

  createJob('v1-first', { operation: 'install', file: 'a' });
  const first = await nextJob();
  assert.equal([first.by, first.job.id, first.job.operation], ['install', 'v1-first', 'install']);
  assert.equal([first.job.document, first.job.status.status], [{ operation: 'install', file: 'a' }, 'QUEUED']);
  createJob('v1-second', {}); // waits its turn behind the first: notify-next is not due
  await told((tell) => first.job.inProgress({ step: 'download' }, tell));
  await told((tell) => first.job.succeeded({ step: 'all' }, tell));
  const second = await nextJob();
  assert.equal([second.by, second.job.id, second.job.status.status], ['any', 'v1-second', 'QUEUED']);
  await told((tell) => jobs.startJobNotifications(thingName, tell)); // asks $next/get: the same again
  assert.is((await nextJob()).job.id, 'v1-second');
  await told((tell) => second.job.failed({ reason: 'for the test' }, tell));
  await told((tell) => jobs.unsubscribeFromJobs(thingName, 'install', tell));
  await told((tell) => jobs.unsubscribeFromJobs(thingName, undefined, tell));
  await ended(jobs);
}

/** The `jobs` class takes no notice of `rejected`. */
async function throughDeviceClass(): Promise<void> {
  const device = sdk.device({ ...common, clientId: `${thingName}-device` });
  await connected(device);
  const came: [topic: string, body: Record<string, unknown>][] = [];
  let tell: (() => void) | undefined;
  device.on('message', (topic: string, payload: Buffer) => {
    came.push([topic, JSON.parse(payload.toString())]);
    tell?.();
  });
  const answerOn = async (topic: string) => {
    for (;;) {
      const at = came.findIndex(([found]) => found === `${TOPICS}/${topic}`);
      if (at >= 0) return came.splice(at, 1)[0]![1];
      await new Promise<void>((resolve) => (tell = resolve));
    }
  };
  const ask = async (path: string, body: object, kind: 'accepted' | 'rejected') => {
    await told((tell) => device.publish(`${TOPICS}/${path}`, JSON.stringify(body), { qos: 1 }, tell));
    return answerOn(`${path}/${kind}`);
  };
  await told((tell) =>
    device.subscribe([`${TOPICS}/#`], { qos: 1 }, (error, granted) => {
      assert.equal(
        granted?.map(({ qos }) => qos),
        [1],
      );
      tell(error);
    }),
  );
  const pending = await ask('get', { clientToken: 'a' }, 'accepted');
  assert.equal([pending.queuedJobs, pending.inProgressJobs, pending.clientToken], [[], [], 'a']);
  // What the jobs class reported came through whole.
  for (const [jobId, status] of [
    ['v1-first', 'SUCCEEDED'],
    ['v1-second', 'FAILED'],
  ] as const) {
    const { code, executionState } = await ask(`${jobId}/update`, { status: 'IN_PROGRESS' }, 'rejected');
    assert.is(code, 'InvalidStateTransition');
    const { versionNumber, statusDetails } = executionState as Record<string, unknown>;
    const expected = jobId === 'v1-first' ? [3, { step: 'all' }] : [2, { reason: 'for the test' }];
    assert.equal(
      [(executionState as Record<string, unknown>).status, versionNumber, statusDetails],
      [status, ...expected],
    );
  }
  createJob('v1-third', { operation: 'install' });
  const { jobs } = await answerOn('notify');
  assert.equal(Object.keys(jobs as object), ['QUEUED']);
  const refusals: [path: string, body: object, code: string][] = [
    ['v1-third/update', { status: 'IN_PROGRESS', expectedVersion: '7' }, 'VersionMismatch'],
    ['v1-third/update', { statusDetails: {} }, 'InvalidRequest'],
    ['v1-third/update', { status: 'DONE' }, 'InvalidRequest'],
    ['v1-third/get', { executionNumber: 2 }, 'ResourceNotFound'],
    ['nobody/update', { status: 'SUCCEEDED' }, 'ResourceNotFound'],
    ['v1-first/get', {}, 'TerminalStateReached'],
    ['v1-third/delete', {}, 'InvalidTopic'],
  ];
  for (const [path, body, code] of refusals) assert.is((await ask(path, body, 'rejected')).code, code, path);
  const started = await ask('start-next', {}, 'accepted');
  assert.is((started.execution as Record<string, unknown>).jobId, 'v1-third');
  await ask('v1-third/update', { status: 'SUCCEEDED', expectedVersion: '2' }, 'accepted');
  await ended(device);
}

function connected(device: Device): Promise<void> {
  return new Promise((resolve, reject) => {
    device.on('connect', resolve).on('error', reject);
    device.on('close', () => reject(new Error('the connection was closed')));
  });
}

function ended(device: Device): Promise<void> {
  return new Promise((resolve) => device.end(false, resolve));
}
