/** A job life as one of AWS's clients of version 2 sees it, whichever it is. */
import type { iotjobs } from 'aws-iot-device-sdk-v2';
import * as assert from 'uvu/assert';
import { arnOf } from '../house.ts';
import { operator } from './stage.ts';

type Model = typeof iotjobs.model;
type Status = Model['JobStatus'][keyof Model['JobStatus']];

/** What both clients can, each in its own way. */
export interface JobsApi {
  describe(request: iotjobs.model.DescribeJobExecutionRequest): Promise<iotjobs.model.DescribeJobExecutionResponse>;
  pending(
    request: iotjobs.model.GetPendingJobExecutionsRequest,
  ): Promise<iotjobs.model.GetPendingJobExecutionsResponse>;
  startNext(
    request: iotjobs.model.StartNextPendingJobExecutionRequest,
  ): Promise<iotjobs.model.StartNextJobExecutionResponse>;
  update(request: iotjobs.model.UpdateJobExecutionRequest): Promise<iotjobs.model.UpdateJobExecutionResponse>;
  /** @returns what ends it */
  listen(
    take: (
      kind: 'notify' | 'notify-next',
      body: iotjobs.model.JobExecutionsChangedEvent & iotjobs.model.NextJobExecutionChangedEvent,
    ) => void,
    thingName: string,
  ): Promise<() => void>;
  /** IotJobsClientv2 leaves out members that are false, so that the document comes although it was not wanted. */
  sendsFalse: boolean;
  refusalOf(error: unknown): iotjobs.model.RejectedErrorResponse;
}

export async function life(api: JobsApi, thingName: string): Promise<void> {
  const [first, second] = [`${thingName}-first`, `${thingName}-second`];
  const as = (status: string) => status as unknown as Status;
  const heard = listener();
  const end = await api.listen(heard.take, thingName);

  const nothing = await api.pending({ thingName });
  assert.equal([nothing.queuedJobs, nothing.inProgressJobs], [[], []]);
  assertSeconds(nothing.timestamp);
  assert.is((await api.startNext({ thingName })).execution, undefined);
  assert.is((await api.describe({ thingName, jobId: '$next' })).execution, undefined);

  createJob(thingName, first, { version: 1 });
  const queued = (await heard.next('notify')).jobs!;
  assert.equal(Object.keys(queued), ['QUEUED']);
  assert.equal([queued.QUEUED!.length, queued.QUEUED![0]!.jobId, queued.QUEUED![0]!.versionNumber], [1, first, 1]);
  const head = (await heard.next('notify-next')).execution!;
  assert.equal([head.jobId, head.status, head.jobDocument], [first, 'QUEUED', { version: 1 }]);
  createJob(thingName, second, { version: 2 });
  assert.equal(
    (await heard.next('notify')).jobs!.QUEUED!.map(({ jobId }) => jobId),
    [first, second],
  );

  const peeked = (await api.describe({ thingName, jobId: '$next', includeJobDocument: false })).execution!;
  assert.equal([peeked.jobId, peeked.status], [first, 'QUEUED']);
  assert.equal(peeked.jobDocument, api.sendsFalse ? undefined : { version: 1 });
  const started = (await api.startNext({ thingName, statusDetails: { step: 'one' }, stepTimeoutInMinutes: 5 }))
    .execution!;
  assert.equal(
    [started.jobId, started.status, started.versionNumber, started.executionNumber, started.statusDetails],
    [first, 'IN_PROGRESS', 2, 1, { step: 'one' }],
  );
  assertSeconds(started.startedAt);
  const updated = await api.update({
    thingName,
    jobId: first,
    status: as('IN_PROGRESS'),
    statusDetails: { step: 'two' },
    expectedVersion: 2,
    includeJobExecutionState: true,
    includeJobDocument: true,
    stepTimeoutInMinutes: -1,
  });
  assert.equal(
    [updated.executionState, updated.jobDocument],
    [{ status: 'IN_PROGRESS', versionNumber: 3, statusDetails: { step: 'two' } }, { version: 1 }],
  );
  const both = await api.pending({ thingName });
  assert.equal(
    [both.inProgressJobs, both.queuedJobs].map((jobs) => jobs!.map(({ jobId }) => jobId)),
    [[first], [second]],
  );

  const update = (jobId: string, more: object) => api.update({ thingName, jobId, status: as('SUCCEEDED'), ...more });
  const running = { status: 'IN_PROGRESS', versionNumber: 3, statusDetails: { step: 'two' } };
  const refused = async (code: string, call: Promise<unknown>, executionState?: object) => {
    const error = await call.then(
      () => assert.unreachable(`${code} was expected`),
      (error: unknown) => error,
    );
    const refusal = api.refusalOf(error);
    assert.equal([refusal.code, refusal.executionState], [code, executionState], `${error}`);
    assert.type(refusal.message, 'string');
    assertSeconds(refusal.timestamp);
  };
  await refused('VersionMismatch', update(first, { expectedVersion: 99 }), running);
  await refused('InvalidStateTransition', update(first, { status: as('QUEUED') }), running);
  await refused('InvalidRequest', update(first, { status: as('CANCELED') }));
  await refused('InvalidRequest', update(first, { stepTimeoutInMinutes: 10_081 }));
  await refused('InvalidRequest', update(first, { statusDetails: { 'a key': 'v' } }));
  await refused('InvalidRequest', api.startNext({ thingName, stepTimeoutInMinutes: -1 }));
  await refused('ResourceNotFound', update('nobody', {}));
  await refused('ResourceNotFound', update(first, { executionNumber: 2 }));
  await refused('ResourceNotFound', api.describe({ thingName, jobId: 'nobody' }));
  await refused('InvalidTopic', update('$next', {}));
  await refused('InvalidTopic', api.describe({ thingName, jobId: 'not:a.job' }));

  assert.is((await update(first, { expectedVersion: 3 })).executionState, undefined);
  assert.equal(
    (await heard.next('notify')).jobs!.QUEUED!.map(({ jobId }) => jobId),
    [second],
  );
  assert.is((await heard.next('notify-next')).execution!.jobId, second);
  const ended = { status: 'SUCCEEDED', versionNumber: 4, statusDetails: { step: 'two' } };
  await refused('InvalidStateTransition', update(first, {}), ended);
  await refused('TerminalStateReached', api.describe({ thingName, jobId: first }));

  assert.is((await api.startNext({ thingName })).execution!.jobId, second);
  operator('cancel-job', '--job-id', second, '--force');
  assert.equal((await heard.next('notify')).jobs, {});
  assert.is((await heard.next('notify-next')).execution, undefined);
  await refused('InvalidStateTransition', update(second, {}), { status: 'CANCELED', versionNumber: 3 });
  assert.equal(heard.left(), []);
  end();
}

function createJob(thingName: string, jobId: string, document: object): void {
  operator('create-job', '--job-id', jobId, '--targets', arnOf(thingName), '--document', JSON.stringify(document));
}

/** Declared as Date, and given as it came: whole seconds (data plane §4). */
function assertSeconds(value: unknown): void {
  assert.ok(Number.isInteger(value) && Math.abs((value as number) - Date.now() / 1000) < 60, `${value}`);
}

type Body = iotjobs.model.JobExecutionsChangedEvent & iotjobs.model.NextJobExecutionChangedEvent;

/** Notifications in the order they came, each taken once. */
function listener() {
  const came: { kind: string; body: Body }[] = [];
  let wake = () => {};
  return {
    take(kind: string, body: Body) {
      came.push({ kind, body });
      wake();
    },
    async next(kind: string): Promise<Body> {
      for (;;) {
        const at = came.findIndex((one) => one.kind === kind);
        if (at >= 0) return came.splice(at, 1)[0]!.body;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    left: () => came.map(({ kind }) => kind),
  };
}
