import { randomUUID } from 'node:crypto';
import type { iotjobs } from 'aws-iot-device-sdk-v2';
import * as assert from 'uvu/assert';
import type { JobsApi } from './v2Life.ts';

const AT_LEAST_ONCE = 1;

type Told = (error?: Error, response?: object) => void;
type Subscribe<R> = (request: R, qos: number, told: Told) => Promise<{ error_code?: number }>;

type Answer = iotjobs.model.RejectedErrorResponse;

/** A refusal as IotJobsClient gives it, thrown. */
class Refused extends Error {
  constructor(readonly refusal: Answer) {
    super(refusal.code);
  }
}

/** IotJobsClient gives answers on subscriptions of their own: a request and its answer meet by `clientToken`. */
export function classicJobs(client: iotjobs.IotJobsClient): JobsApi {
  const waiting = new Map<string, { accept: (body: never) => void; reject: (error: Error) => void }>();
  const subscribed = new Set<string>();

  const accepted: Told = (error, response) => {
    assert.is(error, undefined);
    waiting.get((response as Answer).clientToken!)?.accept(response as never);
  };
  const rejected: Told = (error, response) => {
    assert.is(error, undefined);
    waiting.get((response as Answer).clientToken!)?.reject(new Refused(response as Answer));
  };
  /** Once for each operation and job: the client would call an older handler no more, and the service would answer twice. */
  async function subscribe<R>(key: string, request: R, ...ways: [Subscribe<R>, Subscribe<R>]): Promise<void> {
    if (subscribed.has(key)) return;
    subscribed.add(key);
    const [accept, reject] = ways.map((way) => way.bind(client)) as [Subscribe<R>, Subscribe<R>];
    for (const granted of [
      await accept(request, AT_LEAST_ONCE, accepted),
      await reject(request, AT_LEAST_ONCE, rejected),
    ])
      assert.is(granted.error_code ?? 0, 0);
  }
  function answerTo<T>(publish: (clientToken: string) => Promise<unknown>): Promise<T> {
    const clientToken = randomUUID();
    return new Promise<T>((accept, reject) => {
      waiting.set(clientToken, { accept, reject });
      publish(clientToken).catch(reject);
    }).finally(() => waiting.delete(clientToken));
  }

  return {
    async describe(request) {
      const { thingName, jobId } = request;
      await subscribe(
        `describe ${jobId}`,
        { thingName, jobId },
        client.subscribeToDescribeJobExecutionAccepted,
        client.subscribeToDescribeJobExecutionRejected,
      );
      return answerTo((clientToken) => client.publishDescribeJobExecution({ ...request, clientToken }, AT_LEAST_ONCE));
    },
    async pending(request) {
      await subscribe(
        'pending',
        request,
        client.subscribeToGetPendingJobExecutionsAccepted,
        client.subscribeToGetPendingJobExecutionsRejected,
      );
      return answerTo((clientToken) =>
        client.publishGetPendingJobExecutions({ ...request, clientToken }, AT_LEAST_ONCE),
      );
    },
    async startNext(request) {
      await subscribe(
        'start-next',
        { thingName: request.thingName },
        client.subscribeToStartNextPendingJobExecutionAccepted,
        client.subscribeToStartNextPendingJobExecutionRejected,
      );
      return answerTo((clientToken) =>
        client.publishStartNextPendingJobExecution({ ...request, clientToken }, AT_LEAST_ONCE),
      );
    },
    async update(request) {
      const { thingName, jobId } = request;
      await subscribe(
        `update ${jobId}`,
        { thingName, jobId },
        client.subscribeToUpdateJobExecutionAccepted,
        client.subscribeToUpdateJobExecutionRejected,
      );
      return answerTo((clientToken) => client.publishUpdateJobExecution({ ...request, clientToken }, AT_LEAST_ONCE));
    },
    async listen(take, thingName) {
      await client.subscribeToJobExecutionsChangedEvents({ thingName }, AT_LEAST_ONCE, (_error, body) =>
        take('notify', body!),
      );
      await client.subscribeToNextJobExecutionChangedEvents({ thingName }, AT_LEAST_ONCE, (_error, body) =>
        take('notify-next', body!),
      );
      return () => {};
    },
    sendsFalse: true,
    refusalOf: (error) => (error as Refused).refusal,
  };
}
