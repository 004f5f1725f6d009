import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import SqliteDriver from 'better-sqlite3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CAS_RETRIES_MAX } from '../../../../targets/service/jobs/limits.ts';
import { openStore, type Store } from '../../../../targets/service/store/open.ts';
import { assertCountersAreTrue } from './recount.ts';
import { openWorld, type World } from './world.ts';

type Hook = (text: string, driver: SqliteDriver.Database) => void;
/** Called before each statement of every store. */
let beforeStatement: Hook | undefined;
const { prepare } = SqliteDriver.prototype as SqliteDriver.Database;

test.before(() => {
  (SqliteDriver.prototype as SqliteDriver.Database).prepare = function (this: SqliteDriver.Database, text: string) {
    const made = prepare.call(this, text);
    const hooked =
      (run: (values: unknown[]) => unknown) =>
      (values: unknown[] = []) => {
        beforeStatement?.(text, this);
        return run.call(made, values);
      };
    return { reader: made.reader, all: hooked(made.all), run: hooked(made.run) };
  } as typeof prepare;
});
test.after(() => {
  (SqliteDriver.prototype as SqliteDriver.Database).prepare = prepare;
});
test.after.each(() => {
  beforeStatement = undefined;
});

async function dump({ db }: Store): Promise<string> {
  const tables = ['exec', 'job', 'job_target', 'job_delta', 'job_count', 'notify_q', 'member'] as const;
  return JSON.stringify(await Promise.all(tables.map((table) => db.selectFrom(table).selectAll().execute())));
}

/**
 * Does `work` on worlds where the store fails at its first statement, at its second, and so on until it goes through.
 * Each time either nothing of it or a whole transaction is in the store.
 */
async function failAtEach(
  prepareWorld: (world: World) => Promise<void>,
  work: (world: World) => Promise<unknown>,
): Promise<{ statements: number; states: Set<string>; failures: unknown[] }> {
  const states = new Set<string>();
  const failures: unknown[] = [];
  for (let failing = 1; ; failing++) {
    const world = await openWorld();
    await prepareWorld(world);
    let statements = 0;
    beforeStatement = (text) => {
      if (text !== 'rollback' && ++statements === failing) throw new Error(`power cut before: ${text}`);
    };
    failures.push(await work(world).catch((error: Error) => error.message));
    await world.service.settled();
    beforeStatement = undefined;
    states.add(await dump(world.store));
    await assertCountersAreTrue(world.store);
    await world.close();
    if (statements < failing) return { statements, states, failures };
  }
}

test('an update that fails at any statement is answered InternalError and leaves no trace, or is there whole', async () => {
  const { statements, states, failures } = await failAtEach(
    (world) => world.job('j', ['T1']),
    async (world) => (await world.ask('T1', 'j/update', { status: 'SUCCEEDED', clientToken: 'c' }))?.body,
  );
  assert.ok(statements >= 8, `begin, two reads, three writes, commit, and the notification: ${statements}`);
  // As before; changed with the notification still to be sent; changed and sent.
  assert.is(states.size, 3);
  const codes = failures.map((body) => (body as { code?: string }).code);
  const internal = codes.filter((code) => code === 'InternalError').length;
  assert.equal(codes, [...Array(internal).fill('InternalError'), ...Array(codes.length - internal).fill(undefined)]);
  assert.is((failures[0] as { clientToken: string }).clientToken, 'c');
});

test('creating a job, rolling it out, cancelling it: a failure at any statement leaves whole transactions', async () => {
  const created = await failAtEach(
    async () => {},
    (world) => world.job('j', ['T1']),
  );
  // Nothing; the job; its execution with a notification to send; the same, sent.
  assert.is(created.states.size, 4);
  const canceled = await failAtEach(
    (world) => world.job('j', ['T1']),
    async (world) => {
      await world.service.control.cancelJob({ jobId: 'j', force: true });
      await world.settle();
    },
  );
  assert.is(canceled.states.size, 4);
});

test('a request that another writer overtakes is read and decided again, the rest of its batch is not', async () => {
  const world = await openWorld({ things: ['T1', 'T2'] });
  await world.job('j', ['T1', 'T2']);
  let overtaken = 0;
  beforeStatement = (text, driver) => {
    if (!text.trimStart().startsWith('update exec') || overtaken++ > 0) return;
    driver.exec('update exec set ver = ver + 1 where thing_no = 1');
  };
  const body = { status: 'IN_PROGRESS', includeJobExecutionState: true };
  const [one, two] = await Promise.all([world.ask('T1', 'j/update', body), world.ask('T2', 'j/update', body)]);
  assert.is(one?.body.executionState.versionNumber, 3);
  assert.is(two?.body.executionState.versionNumber, 2);
  assert.is(overtaken, 2);
  await world.settle();
  await assertCountersAreTrue(world.store);
  await world.close();
});

test('a request that is overtaken each time is InternalError and not applied', async () => {
  const world = await openWorld();
  await world.job('j', ['T1']);
  let overtaken = 0;
  beforeStatement = (text, driver) => {
    if (!text.trimStart().startsWith('update exec')) return;
    overtaken++;
    driver.exec('update exec set ver = ver + 1');
  };
  const answer = await world.ask('T1', 'j/update', { status: 'SUCCEEDED' });
  assert.is(answer?.body.code, 'InternalError');
  assert.is(overtaken, 1 + CAS_RETRIES_MAX);
  const { status, ver } = await world.store.db.selectFrom('exec').select(['status', 'ver']).executeTakeFirstOrThrow();
  assert.equal({ status, ver }, { status: 0, ver: 1 + overtaken });
  await world.close();
});

test('150 requests of as many things at once share three transactions', async () => {
  const things = Array.from({ length: 150 }, (_, i) => `T${i}`);
  const world = await openWorld({ things });
  await world.job('j', things.slice(0, 100), { jobExecutionsRolloutConfig: { maximumPerMinute: 10_000 } });
  let begun = 0;
  beforeStatement = (text) => {
    if (text === 'begin immediate') begun++;
  };
  const answers = await Promise.all(things.map((thing) => world.ask(thing, 'j/update', { status: 'IN_PROGRESS' })));
  assert.is(begun, 3);
  assert.is(answers.filter((answer) => answer?.kind === 'accepted').length, 100);
  await world.close();
});

test('requests that sockets bring one by one, in one turn of the event loop, share their transactions all the same', async () => {
  const things = Array.from({ length: 100 }, (_, i) => `T${i}`);
  const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
  const world = await openWorld({ things, breathe });
  await world.job('j', things, { jobExecutionsRolloutConfig: { maximumPerMinute: 10_000 } });
  await world.advance(60_000);
  let begun = 0;
  beforeStatement = (text) => {
    if (text === 'begin immediate') begun++;
  };
  const kinds: (string | undefined)[] = [];
  const answered = things.map(
    (thing) =>
      new Promise<void>((resolve) =>
        setImmediate(async () => {
          kinds.push((await world.ask(thing, 'j/update', { status: 'IN_PROGRESS' }))?.kind);
          resolve();
        }),
      ),
  );
  await Promise.all(answered);
  assert.is(begun, 2);
  assert.equal(new Set(kinds), new Set(['accepted']));
  await world.close();
});

test('300 notifications that a killed process left behind are all sent by the next, each once', async () => {
  const store = await openStore(':memory:');
  const things = Array.from({ length: 300 }, (_, i) => `T${i}`);
  const world = await openWorld({ store, things });
  const left = things.map((_, i) => ({ thing_no: i + 1, list: 1, next: 0, at: 1, busy_until: world.nowMillis + 10 }));
  await store.db.insertInto('notify_q').values(left).execute();
  const next = await openWorld({ store, things: [] });
  await next.advance(60_000);
  assert.is(next.told.length, 300);
  assert.equal(await store.db.selectFrom('notify_q').selectAll().execute(), []);
  assert.is(next.nextMillis(), undefined);
  await next.close();
});

test('a notification that cannot be published stays in the store and is tried again', async () => {
  let broken = true;
  const told: string[] = [];
  const world = await openWorld({
    publish: (topic) => {
      if (broken) throw new Error('no broker');
      told.push(topic);
    },
  });
  await world.job('j', ['T1']);
  await world.advance(4_000);
  broken = false;
  assert.is((await world.store.db.selectFrom('notify_q').selectAll().execute()).length, 1);
  await world.advance(2_000);
  assert.equal(told, ['$aws/things/T1/jobs/notify', '$aws/things/T1/jobs/notify-next']);
  assert.equal(await world.store.db.selectFrom('notify_q').selectAll().execute(), []);
  assert.is(world.log.length, 1);
  await world.close();
});

/** Another process with a service on `file`; see updater.ts. */
function startUpdater(file: string, updates: number): ChildProcess {
  const script = path.join(import.meta.dirname, 'updater.ts');
  return spawn(process.execPath, ['--import', 'tsx', script, file, String(updates)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function withFile(work: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-jobs-'));
  await work(path.join(folder, 'jobs.db')).finally(() => rmSync(folder, { recursive: true }));
}

test('two processes with one store: each update is applied once, none is lost', () =>
  withFile(async (file) => {
    const updates = 60;
    const world = await openWorld({ store: await openStore(file) });
    await world.job('j', ['T1']);
    const other = startUpdater(file, updates);
    await once(other.stdout as NonNullable<ChildProcess['stdout']>, 'data'); // it has begun
    const exited = once(other, 'exit');
    for (let i = 0; i < updates; i++) {
      const answer = await world.ask('T1', 'j/update', { status: 'IN_PROGRESS' });
      assert.is(answer?.kind, 'accepted');
    }
    assert.equal(await exited, [0, null]);
    assert.is((await world.store.db.selectFrom('exec').select('ver').executeTakeFirstOrThrow()).ver, 1 + 2 * updates);
    await world.close();
  }));

test('kill -9 of the service: what it answered is in the store, counters are true, what it did not tell is told after the restart', () =>
  withFile(async (file) => {
    const world = await openWorld({ store: await openStore(file) });
    await world.job('j', ['T1']);
    await world.close();
    const service = startUpdater(file, 1_000_000);
    let answered = 0;
    for await (const chunk of service.stdout as NonNullable<ChildProcess['stdout']>) {
      answered += String(chunk).split('\n').length - 1;
      if (answered >= 20 && !service.killed) service.kill('SIGKILL');
    }
    const again = await openWorld({ store: await openStore(file), things: [] });
    const { ver } = await again.store.db.selectFrom('exec').select('ver').executeTakeFirstOrThrow();
    assert.ok(ver >= 1 + answered, `version ${ver} after ${answered} answers`);
    await assertCountersAreTrue(again.store);
    // As if it had been killed right after a commit.
    const left = { thing_no: 1, list: 1, next: 0, at: 1, busy_until: again.nowMillis + 3_000 };
    await again.store.db.insertInto('notify_q').values(left).execute();
    await again.close();
    const last = await openWorld({ store: await openStore(file), things: [] });
    await last.advance(5_000);
    assert.equal(
      last.takeTold().map(([, kind]) => kind),
      ['notify'],
    );
    assert.is((await last.ask('T1', 'j/update', { status: 'SUCCEEDED' }))?.kind, 'accepted');
    await last.advance(1_000);
    assert.is((await last.service.control.describeJob({ jobId: 'j' })).job.status, 'COMPLETED');
    assert.equal(await last.store.db.selectFrom('notify_q').selectAll().execute(), []);
    await last.close();
  }));

test.run();
