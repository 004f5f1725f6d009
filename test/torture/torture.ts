import * as iot from '@aws-sdk/client-iot';
import * as assert from 'uvu/assert';
import { openStore } from '../../targets/service/store/open.ts';
import { assertCountersAreTrue } from '../targets/service/jobs/recount.ts';
import { httpsLine, mqttLine } from './lines.ts';
import { check, createModel, keyOf, type Model, meet } from './model.ts';
import { type Operator, openOperator } from './operator.ts';
import { age, openTortured } from './service.ts';
import { work } from './worker.ts';

const DEVICES = 8;
/** Executions that nobody has ended yet; below it the operator creates another job. */
const OPEN_EXECUTIONS_MAX = 48;
/** A life between two kills, milliseconds after the service said that it is ready: the next kill comes somewhere in it. */
const LIFE_MILLIS_MAX = 700;
/** Of the kills, those that come while the service still starts. */
const KILLED_AT_START = 0.1;
/** Pause of an operator who has nothing to do, milliseconds. */
const IDLE_MILLIS = 20;

export interface Figures {
  kills: number;
  jobs: number;
  things: number;
  executions: number;
  counts: Model['counts'];
}

/**
 * Kills the service at random moments under load and checks, all along and at the end, that everything acknowledged is there,
 * nothing is there twice, counters are what executions add up to, and each timer that became due has fired once.
 *
 * @param tell  hears of each kill
 * @throws      with what was found and what was acknowledged
 */
export async function torture(
  kills: number,
  chance: () => number,
  tell: (kill: number) => void = () => {},
): Promise<Figures> {
  const service = await openTortured();
  const model = createModel();
  const operator = openOperator(service, model);
  try {
    const credentials = [];
    for (let i = 0; i < DEVICES; i++) credentials.push(await operator.enrol(`device-${i}`));
    let running = true;
    let failure: Error | undefined;
    const guard = (part: Promise<void>) =>
      part.catch((error: Error) => {
        failure ??= error;
        running = false;
      });
    const lines = credentials.map((one, i) =>
      i % 4 === 3 ? httpsLine(service, one) : mqttLine(service, one, i % 2 === 0 ? 4 : 5),
    );
    const parts = [
      ...lines.map((line, i) => guard(work(`device-${i}`, line, operator, model, chance, () => running))),
      guard(create(operator, model, chance, () => running)),
    ];
    for (let kill = 1; kill <= kills && running; kill++) {
      await new Promise((resolve) => setTimeout(resolve, chance() * LIFE_MILLIS_MAX));
      await service.kill((db) => {
        const due = [...model.executions.values()].filter(({ armed, aged }) => armed && !aged && chance() < 0.7);
        age(db, due);
        for (const known of due) known.aged = true;
      });
      tell(kill);
      const starting = service.start();
      if (chance() < KILLED_AT_START && kill < kills) {
        starting.catch(() => {}); // it dies before it is ready
        await new Promise((resolve) => setTimeout(resolve, chance() * 150));
      } else await starting;
    }
    running = false;
    await Promise.all(parts);
    if (failure !== undefined) throw failure;
    await settle(operator, model);
    await checkJobs(operator, model);
    assert.is(await service.end(), 0, 'SIGTERM');
    const store = await openStore(service.store);
    await assertCountersAreTrue(store);
    await store.close();
    return {
      kills,
      jobs: model.jobs.size,
      things: model.things.size,
      executions: model.executions.size,
      counts: model.counts,
    };
  } finally {
    operator.close();
    await service.remove();
  }
}

/** The operator's own load. */
async function create(operator: Operator, model: Model, chance: () => number, running: () => boolean): Promise<void> {
  for (let job = 1; running(); job++) {
    const things = Array.from({ length: DEVICES }, (_, i) => `device-${i}`).filter(() => chance() < 0.6);
    await operator.createJob(`job-${job}`, things.length === 0 ? ['device-0'] : things);
    if (chance() < 0.3) await operator.createThing(`thing-${job}`);
    const open = () =>
      [...model.jobs.values()].reduce((sum, { things }) => sum + things.length, 0) -
      [...model.executions.values()].filter(
        ({ executionNumber, status, armed }) =>
          executionNumber === 1 && (armed || !['QUEUED', 'IN_PROGRESS'].includes(status)),
      ).length;
    while (running() && open() > OPEN_EXECUTIONS_MAX) await new Promise((resolve) => setTimeout(resolve, IDLE_MILLIS));
  }
}

/** Waits until roll-outs and due timers are done, and checks every execution. */
async function settle(operator: Operator, model: Model): Promise<void> {
  for (const [jobId, { things, document }] of model.jobs) {
    const found = await operator.sure((client) => client.send(new iot.GetJobDocumentCommand({ jobId })));
    assert.is(found.document, document, jobId);
    for (const thingName of things) {
      let seen = await operator.see(jobId, thingName, 1);
      while (seen === undefined) seen = await operator.see(jobId, thingName, 1); // its roll-out goes on
      const known =
        model.executions.get(keyOf(jobId, thingName, 1)) ?? meet(model, jobId, thingName, 1, seen.versionNumber);
      while (known.aged && seen!.status === 'IN_PROGRESS') seen = await operator.see(jobId, thingName, 1); // its timer is due
      check(model, known, seen!);
      const second = await operator.see(jobId, thingName, 2);
      const met = model.executions.get(keyOf(jobId, thingName, 2));
      assert.is(second !== undefined, known.aged, `${jobId} ${thingName}: a retry is there iff the timer fired`);
      if (second !== undefined) check(model, met ?? meet(model, jobId, thingName, 2, second.versionNumber), second);
      assert.is(await operator.see(jobId, thingName, 3), undefined, `${jobId} ${thingName}: a third execution`);
    }
  }
  for (const thingName of model.things)
    await operator.sure((client) => client.send(new iot.DescribeThingCommand({ thingName })));
}

/** The counters of each job against what the executions are known to be. */
async function checkJobs(operator: Operator, model: Model): Promise<void> {
  for (const [jobId, { things }] of model.jobs) {
    const { job } = await operator.sure((client) => client.send(new iot.DescribeJobCommand({ jobId })));
    const latest = things.map(
      (thing) => model.executions.get(keyOf(jobId, thing, 2)) ?? model.executions.get(keyOf(jobId, thing, 1))!,
    );
    const count = (status: string) => latest.filter((one) => one.status === status).length;
    const details = job!.jobProcessDetails!;
    assert.equal(
      [
        details.numberOfQueuedThings,
        details.numberOfInProgressThings,
        details.numberOfSucceededThings,
        details.numberOfFailedThings,
        details.numberOfRejectedThings,
        details.numberOfTimedOutThings,
        details.numberOfCanceledThings,
      ],
      ['QUEUED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT', 'CANCELED'].map(count),
      `the counters of ${jobId}`,
    );
    assert.is(job!.status, count('QUEUED') + count('IN_PROGRESS') > 0 ? 'IN_PROGRESS' : 'COMPLETED', jobId);
  }
}
