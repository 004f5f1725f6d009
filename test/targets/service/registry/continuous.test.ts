import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { registryHandlers } from '../../../../targets/service/registry/handlers.ts';
import { ACCOUNT, groupArn, type World as Jobs, openWorld as openJobs, REGION } from '../jobs/world.ts';
import { openWorld } from './world.ts';

interface World {
  jobs: Jobs;
  handlers: ReturnType<typeof registryHandlers>;
  /** Of a continuous job for R: executionNumber and status of each execution on T. */
  executions(): Promise<[number, string][]>;
}

/** The registry and the Jobs service on one store, joined as the service joins them. */
const test = suite<World>('continuous jobs and the registry');
test.before.each(async (world) => {
  const jobs = await openJobs({ things: [] });
  const { store, service } = jobs;
  const { registry, store: unused } = await openWorld();
  await unused.close();
  const joined = { ...registry, engine: store.engine, db: store.db, region: REGION, account: ACCOUNT };
  const handlers = registryHandlers({ ...joined, membership: service.membership });
  await handlers.CreateThing({ thingName: 'T' });
  await handlers.CreateThingGroup({ thingGroupName: 'R' });
  for (const thingGroupName of ['A', 'B']) await handlers.CreateThingGroup({ thingGroupName, parentGroupName: 'R' });
  const targets = [groupArn('R')];
  await service.control.createJob({ jobId: 'j', targets, document: '{}', targetSelection: 'CONTINUOUS' });
  await jobs.settle();
  const executions = async () => {
    await jobs.settle();
    const { executionSummaries } = await service.control.listJobExecutionsForJob({ jobId: 'j' });
    return executionSummaries
      .map(({ jobExecutionSummary: { executionNumber, status } }): [number, string] => [executionNumber, status])
      .sort();
  };
  Object.assign(world, { jobs, handlers, executions });
});
test.after.each(({ jobs }) => jobs.close());

test('a late joiner is told of the job at once, a leaver has it REMOVED, and who comes back gets it again', async ({
  jobs,
  handlers,
  executions,
}) => {
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'A' });
  assert.equal(await executions(), [[1, 'QUEUED']]);
  assert.equal(
    jobs.takeTold().map(([thing, kind]) => `${thing} ${kind}`),
    ['T notify', 'T notify-next'],
  );
  await handlers.RemoveThingFromThingGroup({ thingName: 'T', thingGroupName: 'A' });
  assert.equal(await executions(), [[1, 'REMOVED']]);
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'B' });
  assert.equal(await executions(), [
    [1, 'REMOVED'],
    [2, 'QUEUED'],
  ]);
});

test('a thing that moves inside of the targets keeps its execution, and a finished job is not run again', async ({
  jobs,
  handlers,
  executions,
}) => {
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'A' });
  const move = (to: string, from: string) =>
    handlers.UpdateThingGroupsForThing({ thingName: 'T', thingGroupsToAdd: [to], thingGroupsToRemove: [from] });
  await move('B', 'A');
  assert.equal(await executions(), [[1, 'QUEUED']]);
  await jobs.ask('T', 'start-next', {});
  await jobs.ask('T', 'j/update', { status: 'SUCCEEDED' });
  await move('A', 'B');
  // A group that is younger than the job.
  await handlers.CreateThingGroup({ thingGroupName: 'C', parentGroupName: 'R' });
  await move('C', 'A');
  assert.equal(await executions(), [[1, 'SUCCEEDED']]);
});

test('a deleted group is left by its things, a deleted thing ends what it had', async ({ handlers, executions }) => {
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'A' });
  await handlers.DeleteThingGroup({ thingGroupName: 'A' });
  assert.equal(await executions(), [[1, 'REMOVED']]);
  await handlers.AddThingToThingGroup({ thingName: 'T', thingGroupName: 'B' });
  await handlers.DeleteThing({ thingName: 'T' });
  assert.equal(await executions(), [
    [1, 'REMOVED'],
    [2, 'REMOVED'],
  ]);
});

test.run();
