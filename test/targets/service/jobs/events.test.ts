import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { updateEventConfigurations } from '../../../../targets/service/registry/events.ts';
import type { Registry } from '../../../../targets/service/registry/registry.ts';
import { freshStore } from '../store/engines.ts';
import { deleteThing, type Json, openWorld, START_MILLIS, thingArn, type World } from './world.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
type Heard = [topic: string, payload: Json];

/** A world whose events, and nothing else, are written down; `failing` lets each publish of an event fail, before or after it is heard. */
async function openHouse(things: string[], kinds: Record<string, boolean> = { JOB: true, JOB_EXECUTION: true }) {
  const store = await freshStore();
  const registry = { ...store, nowMillis: () => START_MILLIS } as unknown as Registry;
  const eventConfigurations = Object.fromEntries(Object.entries(kinds).map(([kind, Enabled]) => [kind, { Enabled }]));
  await updateEventConfigurations(registry, { eventConfigurations });
  const heard: Heard[] = [];
  const failing = { on: false, late: false };
  const publish = (topic: string, payload: Uint8Array) => {
    if (!topic.startsWith('$aws/events/')) return;
    if (failing.on) throw new Error('the broker is away');
    heard.push([topic, JSON.parse(Buffer.from(payload).toString())]);
    if (failing.late) throw new Error('the broker is gone');
  };
  const world = await openWorld({ store, things, publish });
  const topics = () => heard.splice(0).map(([topic]) => topic.slice('$aws/events/'.length));
  return { world, heard, failing, topics };
}

async function report(world: World, thing: string, job: string, status: string, statusDetails?: object) {
  const rejects = status === 'REJECTED';
  if (!rejects) await world.ask(thing, `${job}/update`, { status: 'IN_PROGRESS' });
  const answer = await world.ask(thing, `${job}/update`, { status, ...(statusDetails && { statusDetails }) });
  assert.is(answer?.kind, 'accepted');
  await world.advance(1_000);
}

test('events §3: the last SUCCEEDED makes an event of the execution, then one of the job, with these members', async () => {
  const { world, heard } = await openHouse(['T1']);
  await world.job('j', ['T1'], { description: 'all of it' });
  await report(world, 'T1', 'j', 'SUCCEEDED', { key: 'value' });
  const [execution, job] = heard as [Heard, Heard];
  assert.is(heard.length, 2);
  assert.match(execution[1].eventId, UUID);
  assert.match(job[1].eventId, UUID);
  assert.is.not(execution[1].eventId, job[1].eventId);
  assert.equal(execution, [
    '$aws/events/jobExecution/j/succeeded',
    {
      eventType: 'JOB_EXECUTION',
      eventId: execution[1].eventId,
      timestamp: START_MILLIS / 1000,
      operation: 'succeeded',
      jobId: 'j',
      thingArn: thingArn('T1'),
      status: 'SUCCEEDED',
      statusDetails: { key: 'value' },
    },
  ]);
  const { completedAt } = job[1];
  assert.ok(completedAt >= START_MILLIS);
  assert.equal(job, [
    '$aws/events/job/j/completed',
    {
      eventType: 'JOB',
      eventId: job[1].eventId,
      timestamp: Math.floor(completedAt / 1000),
      operation: 'completed',
      jobId: 'j',
      status: 'COMPLETED',
      targetSelection: 'SNAPSHOT',
      targets: [thingArn('T1')],
      description: 'all of it',
      completedAt,
      createdAt: START_MILLIS,
      lastUpdatedAt: completedAt,
      jobProcessDetails: {
        numberOfCanceledThings: 0,
        numberOfRejectedThings: 0,
        numberOfFailedThings: 0,
        numberOfRemovedThings: 0,
        numberOfSucceededThings: 1,
        numberOfTimedOutThings: 0,
      },
    },
  ]);
  await world.close();
});

test('events §2: failed, rejected, timed_out, removed and canceled executions are told of, queued and running ones are not', async () => {
  const { world, heard, topics } = await openHouse(['T1', 'T2', 'T3', 'T4', 'T5']);
  await world.job('j', ['T1', 'T2', 'T3', 'T4', 'T5'], { timeoutConfig: { inProgressTimeoutInMinutes: 1 } });
  await world.ask('T3', 'j/update', { status: 'IN_PROGRESS' });
  assert.equal(topics(), []);
  await report(world, 'T1', 'j', 'FAILED');
  assert.not('statusDetails' in heard[0]![1]);
  await report(world, 'T2', 'j', 'REJECTED');
  await world.advance(60_000);
  await deleteThing(world, 'T4');
  await world.advance(1_000);
  assert.is(heard.at(-1)![1].thingArn, thingArn('T4'));
  await world.service.control.cancelJobExecution({ jobId: 'j', thingName: 'T5' });
  await world.advance(1_000);
  assert.equal(topics(), [
    'jobExecution/j/failed',
    'jobExecution/j/rejected',
    'jobExecution/j/timed_out',
    'jobExecution/j/removed',
    'jobExecution/j/canceled',
    'job/j/completed',
  ]);
  await world.close();
});

test('events §4: CancelJob and DeleteJob say when they begin, what each execution becomes, and when they are through', async () => {
  const { world, heard, topics } = await openHouse(['T1', 'T2']);
  await world.job('j', ['T1', 'T2']);
  await world.service.control.cancelJob({ jobId: 'j', comment: 'a mistake' });
  await world.advance(1_000);
  assert.equal([heard[0]![1].comment, heard[3]![1].comment], ['a mistake', undefined]);
  const canceled = 'jobExecution/j/canceled';
  assert.equal(topics(), ['job/j/cancellation_in_progress', canceled, canceled, 'job/j/canceled']);
  await world.service.control.deleteJob({ jobId: 'j' });
  await world.advance(1_000);
  const states = heard.map(([, { status }]) => status);
  assert.equal(states, ['DELETION_IN_PROGRESS', 'DELETED', 'DELETED', 'DELETED']);
  const deleted = 'jobExecution/j/deleted';
  assert.equal(topics(), ['job/j/deletion_in_progress', deleted, deleted, 'job/j/deleted']);
  await world.close();
});

test('events §1: a kind that is off is silent, the other is heard', async () => {
  for (const [kinds, expected] of [
    [{}, []],
    [{ JOB: false, JOB_EXECUTION: false }, []],
    [{ JOB: true, JOB_EXECUTION: false }, ['job/j/completed']],
    [{ JOB: false, JOB_EXECUTION: true }, ['jobExecution/j/succeeded']],
  ] as [Record<string, boolean>, string[]][]) {
    const { world, topics } = await openHouse(['T1'], kinds);
    await world.job('j', ['T1']);
    await report(world, 'T1', 'j', 'SUCCEEDED');
    assert.equal(topics(), expected);
    assert.equal(await world.store.db.selectFrom('event_q').selectAll().execute(), []);
    await world.close();
  }
});

test('an event that could not be published stays in the store and comes later, once', async () => {
  const { world, failing, topics } = await openHouse(['T1']);
  await world.job('j', ['T1']);
  failing.on = true;
  await report(world, 'T1', 'j', 'SUCCEEDED');
  const waiting = await world.store.db.selectFrom('event_q').select('operation').orderBy('event_no').execute();
  assert.equal(waiting, [{ operation: 'succeeded' }, { operation: 'completed' }]);
  failing.on = false;
  await world.advance(10_000);
  assert.equal(topics(), ['jobExecution/j/succeeded', 'job/j/completed']);
  await world.close();
});

test('an event that is published again, as nobody knows whether it was, has the eventId of the first time (events §1)', async () => {
  const { world, heard, failing } = await openHouse(['T1']);
  await world.job('j', ['T1']);
  failing.late = true;
  await report(world, 'T1', 'j', 'SUCCEEDED');
  failing.late = false;
  await world.advance(10_000);
  const [first, ...again] = heard.filter(([topic]) => topic.endsWith('/succeeded'));
  assert.ok(again.length > 0);
  for (const one of again) assert.equal(one, first);
  await world.close();
});

test.run();
