import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasTool } from '../tools.ts';
import { type Door, type Json, type Listener, listen, publish, request } from './clients.ts';
import { arnOf, type House, openHouse } from './house.ts';

const THING = 'vector-1';
const JOBS = `$aws/things/${THING}/jobs`;
const MARKER = 'vector/marker';

interface Context {
  house: House;
  door: Door;
  listener: Listener;
  /** Messages of rows that were looked at already. */
  seen: number;
}

const vector = suite<Context>('worked vector');
vector.before(async (context) => {
  context.house = await openHouse();
  const { cert, key } = await context.house.thing(THING);
  context.door = { address: context.house.endpoints.mqtts, ca: context.house.endpoints.ca, cert, key };
  // All of the thing's namespace: an answer that went to more than its requester would be seen here too.
  context.listener = await listen(context.door, [`${JOBS}/#`, MARKER]);
  context.seen = 0;
});
vector.after(async ({ house, listener }) => {
  await listener?.kill();
  await house?.end();
});

const documentOf = (jobId: string) => ({ job: jobId, steps: [{ n: 1.5, text: 'ü "quoted"' }], none: null });

/** An execution as the control plane shows it, with times in whole seconds. */
async function execution(house: House, jobId: string) {
  const { status, ...found } = (await house.execution(jobId, THING)) as Json;
  const seconds = (name: string) =>
    found[name] === undefined ? {} : { [name]: Math.floor(Date.parse(found[name]) / 1000) };
  const { versionNumber, executionNumber } = found;
  const summary = {
    jobId,
    ...seconds('queuedAt'),
    ...seconds('startedAt'),
    ...seconds('lastUpdatedAt'),
    versionNumber,
    executionNumber,
  };
  return { status, summary };
}

type Row = [jobId: string, status: 'QUEUED' | 'IN_PROGRESS', versionNumber: number, started: boolean];

/** Members of a Summary, checked against the row of the vector and the control plane's word for the times. */
async function summaryOf(house: House, [jobId, status, versionNumber, started]: Row) {
  const found = await execution(house, jobId);
  assert.equal([found.status, found.summary.versionNumber, found.summary.executionNumber], [status, versionNumber, 1]);
  assert.is('startedAt' in found.summary, started, jobId);
  return found.summary;
}

/**
 * Looks at all messages that one row of the vector caused: `notify` with these executions, then `notify-next` with the head
 * ('empty': no execution), or none of them. A marker behind them, on the same connection, shows that nothing else came.
 */
async function expectRow(context: Context, notify: Row[] | undefined, next: Row | 'empty' | undefined): Promise<void> {
  const { house, door, listener } = context;
  const expected = [...(notify ? ['notify'] : []), ...(next ? ['notify-next'] : [])];
  for (const kind of expected) assert.is((await listener.next()).topic, `${JOBS}/${kind}`);
  await publish(door, MARKER, 'x');
  assert.is((await listener.next()).topic, MARKER);
  const messages = listener.messages().slice(context.seen, -1);
  context.seen = listener.messages().length;
  assert.equal(
    messages.map(({ topic, qos, retained }) => [topic, qos, retained]),
    expected.map((kind) => [`${JOBS}/${kind}`, 1, false]),
  );
  const bodies = messages.map(({ payload }) => JSON.parse(payload));
  const now = Date.now() / 1000;
  for (const { timestamp } of bodies) {
    assert.ok(Number.isInteger(timestamp), `timestamp ${timestamp}`);
    assert.ok(timestamp > now - 60 && timestamp <= now, `timestamp ${timestamp} at ${now}`);
  }
  if (notify) {
    const jobs: Json = {};
    for (const row of notify) (jobs[row[1]] ??= []).push(await summaryOf(house, row));
    const { timestamp } = bodies[0];
    assert.equal(bodies[0], { timestamp, jobs });
  }
  if (next) {
    const { timestamp } = bodies.at(-1);
    if (next === 'empty') return assert.equal(bodies.at(-1), { timestamp });
    const summary = await summaryOf(house, next);
    const [jobId, status] = next;
    assert.equal(bodies.at(-1), { timestamp, execution: { ...summary, status, jobDocument: documentOf(jobId) } });
  }
}

async function createJob(house: House, jobId: string): Promise<void> {
  const document = JSON.stringify(documentOf(jobId));
  await house.errand('create-job', '--job-id', jobId, '--targets', arnOf(THING), '--document', document);
}

async function update(door: Door, jobId: string, status: string): Promise<void> {
  const { body } = await request(door, `${JOBS}/${jobId}/update`, { status });
  assert.equal(Object.keys(body), ['timestamp']);
}

vector('job1 queued, empty queue: notify with it, then notify-next with its document', async (context) => {
  await createJob(context.house, 'job1');
  await expectRow(context, [['job1', 'QUEUED', 1, false]], ['job1', 'QUEUED', 1, false]);
});

vector('job2 queued: notify with both, no notify-next', async (context) => {
  await createJob(context.house, 'job2');
  const rows: Row[] = [
    ['job1', 'QUEUED', 1, false],
    ['job2', 'QUEUED', 1, false],
  ];
  await expectRow(context, rows, undefined);
});

vector('job1 IN_PROGRESS: no message', async (context) => {
  await update(context.door, 'job1', 'IN_PROGRESS');
  await expectRow(context, undefined, undefined);
});

vector('job3 queued: notify with job1 started and the others queued, no notify-next', async (context) => {
  await createJob(context.house, 'job3');
  const rows: Row[] = [
    ['job1', 'IN_PROGRESS', 2, true],
    ['job2', 'QUEUED', 1, false],
    ['job3', 'QUEUED', 1, false],
  ];
  await expectRow(context, rows, undefined);
});

vector('job1 SUCCEEDED: notify with the other two, then notify-next with job2', async (context) => {
  await update(context.door, 'job1', 'SUCCEEDED');
  const rows: Row[] = [
    ['job2', 'QUEUED', 1, false],
    ['job3', 'QUEUED', 1, false],
  ];
  await expectRow(context, rows, ['job2', 'QUEUED', 1, false]);
});

vector('job3 IN_PROGRESS, before job2: no notify, notify-next with job3', async (context) => {
  await update(context.door, 'job3', 'IN_PROGRESS');
  await expectRow(context, undefined, ['job3', 'IN_PROGRESS', 2, true]);
});

vector('job2 REJECTED, not the head: notify with job3, no notify-next', async (context) => {
  await update(context.door, 'job2', 'REJECTED');
  await expectRow(context, [['job3', 'IN_PROGRESS', 2, true]], undefined);
});

vector('job3 deleted with force: notify with no job, then notify-next with the time alone', async (context) => {
  const { house } = context;
  const job3 = ['--job-id', 'job3', '--thing-name', THING, '--execution-number', '1'];
  const refused = await house.tryErrand('delete-job-execution', ...job3);
  assert.is(refused.code, 254);
  assert.match(refused.stderr, /InvalidStateTransitionException/);
  await house.errand('delete-job-execution', ...job3, '--force');
  await expectRow(context, [], 'empty');
  const { body } = await request(context.door, `${JOBS}/job3/update`, { status: 'SUCCEEDED' }, 'rejected');
  assert.is(body.code, 'ResourceNotFound');
});

vector('delete-job with force: the head goes, notify and notify-next name the next one', async (context) => {
  const { house, door } = context;
  await createJob(house, 'job4');
  await expectRow(context, [['job4', 'QUEUED', 1, false]], ['job4', 'QUEUED', 1, false]);
  await createJob(house, 'job5');
  const rows: Row[] = [
    ['job4', 'QUEUED', 1, false],
    ['job5', 'QUEUED', 1, false],
  ];
  await expectRow(context, rows, undefined);
  await house.errand('delete-job', '--job-id', 'job4', '--force');
  await expectRow(context, [['job5', 'QUEUED', 1, false]], ['job5', 'QUEUED', 1, false]);
  assert.is((await request(door, `${JOBS}/job4/get`, {}, 'rejected')).body.code, 'ResourceNotFound');
  await createJob(house, 'job4');
  await context.listener.next();
  assert.equal((await request(door, `${JOBS}/job4/get`, {})).body.execution.jobDocument, documentOf('job4'));
});

if (hasTool('mosquitto_rr', 'mosquitto-clients')) vector.run();
