import path from 'node:path';
import Driver from 'better-sqlite3';
import { sql } from 'kysely';
import { createJobsService } from '../../targets/service/jobs/service.ts';
import { openStore, type Store } from '../../targets/service/store/open.ts';
import type { Bench } from './bench.ts';
import { BUDGETS } from './budgets.ts';
import type { Report } from './figure.ts';
import { temporaryFolder } from './processes.ts';
import { bytesIn, GROUP, registerFleet } from './rollout/fleet.ts';
import { interleaved } from './rounds.ts';

/** Devices that report at the same time. */
const AT_ONCE = 100;
const MILLIS = 3_000;
/** Far from a factor of any fleet here, so that each change is somewhere else in the tables. */
const STRIDE = 7_919;

/**
 * Reports of devices that change an execution, each synced to disk before it is answered, through the service's rules and store,
 * beside SQLite alone that changes the same rows of the same file with a transaction for each.
 */
export async function changes(bench: Bench): Promise<Omit<Report, 'family'>> {
  const things = bench.rounds(1_000_000, 20_000);
  const file = path.join(temporaryFolder(), 'errand.db');
  bench.progress(`making ${things} executions`);
  const bytes = await makeExecutions(file, things);
  let turn = 0;
  const nextThing = () => ((turn++ * STRIDE) % things) + 1;
  const { service, oneByOne } = await interleaved(
    bench.rounds(5, 1),
    { service: () => throughService(file, nextThing), oneByOne: () => alone(file, nextThing) },
    bench.progress,
  );
  return {
    figures: [
      {
        name: `durable changes, ${things} executions`,
        unit: 'per second',
        ours: service.perSecond,
        beside: [{ name: 'SQLite FULL, one by one', value: oneByOne.perSecond }],
        budget: BUDGETS.changesPerSecond,
      },
      {
        name: 'on disk per execution, all indexes',
        unit: 'bytes',
        ours: bytes / things,
        beside: [],
        budget: BUDGETS.bytesPerExecution,
      },
    ],
    notes: [
      `${AT_ONCE} devices report at once, each for another execution, with its details and the notification that follows; without MQTT`,
    ],
  };
}

/**
 * As a roll-out to the whole group leaves them, without the hour that it takes.
 *
 * @returns bytes that they take in the file, indexes included
 */
async function makeExecutions(file: string, things: number): Promise<number> {
  await registerFleet(file, things);
  const before = await bytesIn(file);
  const store = await openStore(file);
  const service = serviceOn(store);
  const targets = [`arn:aws:iot:eu-central-1:111122223333:thinggroup/${GROUP}`];
  await service.control.createJob({ jobId: 'all', targets, document: '{}' });
  await service.close();
  const { job_no } = await store.db.selectFrom('job').select('job_no').executeTakeFirstOrThrow();
  const now = Date.now();
  await sql`insert into exec (thing_no, job_no, no, status, ver, queued_at, updated_at, attempt, force_canceled)
    select thing_no, ${job_no}, 1, 0, 1, ${now}, ${now}, 0, 0 from thing order by thing_no`.execute(store.db);
  await store.db.insertInto('job_delta').values({ job_no, status: 0, n: things }).execute();
  // Its roll-out is over: nothing but reports is measured.
  await store.db.updateTable('job').set({ next_tick: null }).execute();
  await sql`pragma wal_checkpoint(truncate)`.execute(store.db);
  await store.close();
  return (await bytesIn(file)) - before;
}

function serviceOn(store: Store) {
  return createJobsService({
    store,
    nowMillis: Date.now,
    region: 'eu-central-1',
    account: '111122223333',
    publish: () => {},
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  });
}

async function throughService(file: string, nextThing: () => number): Promise<{ perSecond: number }> {
  const store = await openStore(file);
  const service = serviceOn(store);
  const statusDetails = { progress: '50%' };
  let count = 0;
  const began = performance.now();
  const report = async () => {
    while (performance.now() - began < MILLIS) {
      const body = JSON.stringify({ status: 'IN_PROGRESS', statusDetails, clientToken: `token-${count}` });
      const answer = await service.request(`$aws/things/T${nextThing()}/jobs/all/update`, Buffer.from(body));
      if (!answer?.topic.endsWith('/accepted')) throw new Error(`refused: ${Buffer.from(answer?.payload ?? [])}`);
      count++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, report));
  const seconds = (performance.now() - began) / 1_000;
  await service.close();
  await store.close();
  return { perSecond: count / seconds };
}

async function alone(file: string, nextThing: () => number): Promise<{ perSecond: number }> {
  const driver = new Driver(file);
  driver.pragma('synchronous = FULL');
  const change = driver.prepare(
    `update exec set status = 1, ver = ver + 1, details = ?, updated_at = ? where thing_no = ? and no = 1`,
  );
  let count = 0;
  const began = performance.now();
  for (; performance.now() - began < MILLIS; count++) change.run('{"progress":"50%"}', Date.now(), nextThing());
  const seconds = (performance.now() - began) / 1_000;
  driver.close();
  return { perSecond: count / seconds };
}
