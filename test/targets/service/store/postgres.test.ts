/** What is PostgreSQL's own: reaching it, losing it, and several writers at once. */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { STATUSES } from '../../../../runtime/jobs/execution.ts';
import { openIdentity } from '../../../../targets/service/identity/identity.ts';
import { inTransaction, openStore, type Store } from '../../../../targets/service/store/open.ts';
import { migrationsFor } from '../../../../targets/service/store/schema.ts';
import { type Child, startChild } from '../../../child.ts';
import { hasPostgres, type PostgresServer, startPostgres } from '../../../postgres.ts';
import { assertCountersAreTrue } from '../jobs/recount.ts';
import { addGroup, groupArn, openWorld } from '../jobs/world.ts';

const test = suite<{ server: PostgresServer; open(): Promise<Store>; at(user: string, more?: string): string }>(
  'PostgreSQL',
);
let count = 0;

test.before(async (context) => {
  const server = await startPostgres();
  server.run('postgres', `alter user errand password 'p#ss'`);
  context.server = server;
  context.open = () => {
    const name = `own${count++}`;
    server.createDatabase(name);
    return openStore(server.url(name));
  };
  context.at = (user, more = '') => `postgres://${user}@127.0.0.1:${server.port}/postgres${more}`;
});
test.after(({ server }) => server.end());

async function rejection(work: Promise<Store>): Promise<string> {
  try {
    await (await work).close();
    return 'no error';
  } catch (error) {
    return (error as Error).message;
  }
}

async function isEncrypted(place: string): Promise<boolean> {
  const store = await openStore(place);
  const { rows } = await sql<{ ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(
    store.db,
  );
  await store.close();
  return rows[0]?.ssl === true;
}

test('what was committed is there after the store was closed and opened again; two may open it at once', async ({
  server,
}) => {
  server.createDatabase('twice');
  const stores = await Promise.all([openStore(server.url('twice')), openStore(server.url('twice'))]);
  await stores[0].db
    .insertInto('job_delta')
    .values({ job_no: 1, status: 2, n: 2 ** 40 })
    .execute();
  const seen = [{ job_no: 1, status: 2, n: 2 ** 40 }];
  assert.equal(await stores[1].db.selectFrom('job_delta').selectAll().execute(), seen);
  await Promise.all(stores.map((store) => store.close()));
  const again = await openStore(server.url('twice'));
  assert.equal(await again.db.selectFrom('job_delta').selectAll().execute(), seen);
  assert.ok(Math.abs(again.nowMillis() - Date.now()) < 1_000, 'both clocks are the same one here');
  await again.close();
});

test('a store made by a newer version is refused, and named', async ({ server }) => {
  server.createDatabase('newer');
  await (await openStore(server.url('newer'))).close();
  server.run('newer', `insert into kysely_migration values ('999_later', '2030-01-01')`);
  assert.is(
    await rejection(openStore(server.url('newer'))),
    `the database newer of PostgreSQL at ${server.folder} was made by a newer version of errand: it has 999_later, this version knows up to ${Object.keys(migrationsFor('postgres')).at(-1)}`,
  );
});

test('what cannot be reached or entered is told in one sentence, never with the password', async ({ server, at }) => {
  const name = `the database postgres of PostgreSQL at 127.0.0.1:${server.port} cannot be used`;
  assert.is(await rejection(openStore(at('errand:p%23ss'))), 'no error');
  assert.is(
    await rejection(openStore(at('errand:wrong'))),
    `${name}: password authentication failed for user "errand"`,
  );
  assert.is(
    await rejection(openStore(server.url('nowhere'))),
    `the database nowhere of PostgreSQL at ${server.folder} cannot be used: database "nowhere" does not exist`,
  );
  assert.is(
    await rejection(openStore('postgres://errand:p%23ss@127.0.0.1:1/postgres')),
    'the database postgres of PostgreSQL at 127.0.0.1:1 cannot be used: nothing listens there',
  );
  assert.is(
    await rejection(openStore(at('errand:p%23ss', '?sslmode=verify-ca&sslrootcert=/nowhere'))),
    `${name}: /nowhere cannot be read (ENOENT)`,
  );
});

test('sslmode on a server without TLS: prefer does without, require does not', async ({ server, at }) => {
  assert.not(await isEncrypted(at('errand:p%23ss')));
  assert.is(
    await rejection(openStore(at('errand:p%23ss', '?sslmode=require'))),
    `the database postgres of PostgreSQL at 127.0.0.1:${server.port} cannot be used: The server does not support SSL connections`,
  );
});

test('sslmode on a server with TLS: who signed it and what it is called are checked as far as asked', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-tls-'));
  const identity = await openIdentity({ folder, nowMillis: Date.now });
  const other = await openIdentity({ folder: path.join(folder, 'other'), nowMillis: Date.now });
  const server = await startPostgres();
  try {
    server.run('postgres', `alter user errand password 'x'`);
    await server.stop();
    const { uid, gid } = statSync(server.folder);
    for (const [file, text] of [
      ['server.crt', identity.server.cert],
      ['server.key', identity.server.key],
    ] as const) {
      writeFileSync(path.join(server.folder, 'data', file), text, { mode: 0o600 });
      chownSync(path.join(server.folder, 'data', file), uid, gid);
    }
    await server.start(['ssl=on']);
    const at = (host: string, more: string) => `postgres://errand:x@${host}:${server.port}/postgres?${more}`;
    const ca = `sslrootcert=${identity.caFile}`;
    assert.not(await isEncrypted(at('127.0.0.1', 'sslmode=disable')));
    for (const more of [
      '',
      'sslmode=require',
      `sslmode=require&${ca}`,
      `sslmode=verify-ca&${ca}`,
      `sslmode=verify-full&${ca}`,
    ])
      assert.ok(await isEncrypted(at('127.0.0.1', more)), more);
    assert.ok(await isEncrypted(at('127.0.0.2', `sslmode=verify-ca&${ca}`)));
    assert.match(await rejection(openStore(at('127.0.0.2', `sslmode=verify-full&${ca}`))), /127\.0\.0\.2/);
    const stranger = `sslrootcert=${other.caFile}`;
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      assert.match(await rejection(openStore(at('127.0.0.1', `sslmode=${mode}&${stranger}`))), /certificate/);
  } finally {
    await server.end();
    rmSync(folder, { recursive: true });
  }
});

test('a transaction that throws leaves nothing behind; one that another one is in the way of is run again', async ({
  open,
}) => {
  const store = await open();
  for (const status of [1, 2]) await store.db.insertInto('job_count').values({ job_no: 1, status, n: 0 }).execute();
  const failing = inTransaction(store, async ({ db }) => {
    await db.updateTable('job_count').set({ n: 9 }).execute();
    throw new Error('power');
  });
  assert.is(await failing.catch((error: Error) => error.message), 'power');
  // Each holds one row and wants the other's: PostgreSQL ends one of the two.
  let both: (() => void) | undefined;
  const met = new Promise<void>((resolve) => {
    both = resolve;
  });
  const holding = new Set<number>();
  let runs = 0;
  const cross = (first: number) =>
    inTransaction(store, async ({ db }) => {
      const add = (status: number) =>
        db
          .updateTable('job_count')
          .set((eb) => ({ n: eb('n', '+', 1) }))
          .where('status', '=', status)
          .execute();
      await add(first);
      runs++;
      if (holding.add(first).size === 2) both?.();
      await met;
      await add(3 - first);
    });
  await Promise.all([cross(1), cross(2)]);
  // How often is the server's affair: what is run again may meet the other one once more.
  assert.ok(runs > 2, 'one of the two was run again');
  assert.equal(await store.db.selectFrom('job_count').select('n').execute(), [{ n: 2 }, { n: 2 }]);
  await store.close();
});

test('two who create the same job at once: one does, the other is told that it is there', async ({ open }) => {
  const store = await open();
  const world = await openWorld({ store });
  const create = () => world.service.control.createJob({ jobId: 'j', targets: [], document: '{}' });
  const outcomes = await Promise.allSettled([create(), create(), create()]);
  const refusals = outcomes.flatMap((one) => (one.status === 'rejected' ? [(one.reason as Error).name] : []));
  assert.equal(refusals, ['ResourceAlreadyExistsException', 'ResourceAlreadyExistsException']);
  await world.close();
});

test('while the server is away requests are answered with an error of the protocol; when it is back all goes on', async ({
  server,
  open,
}) => {
  const store = await open();
  const world = await openWorld({ store });
  await world.job('j', ['T1']);
  assert.is((await world.ask('T1', 'start-next'))?.kind, 'accepted');
  await world.settle();
  await server.stop();
  const away = await world.ask('T1', 'j/update', { status: 'SUCCEEDED', clientToken: 'c' });
  assert.equal([away?.kind, away?.body.code], ['rejected', 'InternalError']);
  await server.start();
  // The token shows that it is the same request: it was not applied, so it is now.
  const back = await world.ask('T1', 'j/update', { status: 'SUCCEEDED', clientToken: 'c' });
  assert.is(back?.kind, 'accepted');
  await world.advance(1_000);
  assert.is((await world.service.control.describeJob({ jobId: 'j' })).job.status, 'COMPLETED');
  await world.close();
});

test('the server goes away in the middle of a transaction: that one fails, the process and the store go on', async ({
  server,
  open,
}) => {
  const store = await open();
  const cut = inTransaction(store, async ({ db }) => {
    await db.insertInto('job_delta').values({ job_no: 1, status: 0, n: 1 }).execute();
    await server.stop();
    await new Promise((resolve) => setImmediate(resolve)); // the end of the connection is heard
    await db.insertInto('job_delta').values({ job_no: 1, status: 0, n: 2 }).execute();
  });
  assert.is.not(await cut.catch((error: Error) => error.message), undefined);
  await server.start();
  assert.equal(await store.db.selectFrom('job_delta').selectAll().execute(), []);
  await store.close();
});

/** Another process with a service on the same store; see worker.ts. */
function startWorker(place: string): Child {
  return startChild(process.execPath, ['--import', 'tsx', path.join(import.meta.dirname, 'worker.ts'), place]);
}

async function addMembers({ db }: Store, things: number): Promise<void> {
  await sql`insert into thing (thing_name, thing_id, attributes, version, created_at)
    select 'T' || n, n::text, '{}', 1, 0 from generate_series(1, ${things}) as n`.execute(db);
  await addGroup({ db } as Store, 'all', []);
  await sql`insert into member (grp, seq, thing_no, added_at) select 'all', thing_no, thing_no, 0 from thing`.execute(
    db,
  );
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

test('two workers, one killed in the middle: the roll-out goes on at its rate, no execution and no notification is missing', async ({
  server,
}) => {
  const things = 2_500;
  server.createDatabase('workers');
  const store = await openStore(server.url('workers'));
  await addMembers(store, things);
  const operator = await openWorld({ store, nowMillis: store.nowMillis, things: [] });
  const workers = [startWorker(server.url('workers')), startWorker(server.url('workers'))];
  await operator.service.control.createJob({
    jobId: 'j',
    targets: [groupArn('all')],
    document: '{}',
    jobExecutionsRolloutConfig: { maximumPerMinute: 60_000 },
  });
  const created = async () => (await sql<{ n: number }>`select count(*) as n from exec`.execute(store.db)).rows[0]!.n;
  await until(async () => (await created()) > 0);
  // Whichever has told of executions is the one that was rolling out.
  const first = await Promise.race(workers.map((worker) => worker.line(/^told/).then(() => worker)));
  const [second] = workers.filter((worker) => worker !== first);
  await first.kill('SIGKILL');
  await until(async () => (await created()) === things);
  // A slot of a second, and no more than that, may have been filled by both.
  const slots = await sql<{ n: number }>`
    select count(*) as n from exec group by queued_at / 1000 order by 1 desc`.execute(store.db);
  assert.ok(slots.rows[0]!.n <= 2_000, `${slots.rows[0]!.n} in one second of the clock`);
  const times = await sql<{ took: number }>`select max(queued_at) - min(queued_at) as took from exec`.execute(store.db);
  assert.ok(times.rows[0]!.took >= 1_400, `2,500 at 1,000 a second took ${times.rows[0]!.took} ms`);
  await until(async () => (await store.db.selectFrom('notify_q').selectAll().limit(1).execute()).length === 0);
  await second!.kill('SIGKILL');
  const told = workers.flatMap(({ lines }) => lines.filter((line) => line.endsWith('/notify-next')));
  // A kill between sending and noting it makes a batch that is told twice, and a line may be cut off with the process.
  assert.ok(new Set(told).size >= things - 64, `${new Set(told).size} things were told`);
  assert.equal(
    workers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('log'))),
    [],
  );
  await assertCountersAreTrue(store);
  await operator.close();
});

test('two workers: each timer fires once', async ({ server }) => {
  const things = 2_000;
  server.createDatabase('timers');
  const store = await openStore(server.url('timers'));
  await addMembers(store, things);
  const operator = await openWorld({ store, nowMillis: store.nowMillis, things: [] });
  await operator.service.control.createJob({
    jobId: 'j',
    targets: [groupArn('all')],
    document: '{}',
    jobExecutionsRolloutConfig: { maximumPerMinute: 60 * things },
  });
  while ((await store.db.selectFrom('exec').select('no').execute()).length < things) await operator.service.tick();
  await operator.service.settled();
  const due = Math.round(store.nowMillis()) + 500;
  await store.db.updateTable('exec').set({ status: 1, deadline: due, in_progress_deadline: due }).execute();
  await sql`insert into job_delta values (1, 0, ${-things}), (1, 1, ${things})`.execute(store.db);
  const workers = [startWorker(server.url('timers')), startWorker(server.url('timers'))];
  await until(
    async () => (await store.db.selectFrom('job').select('status').executeTakeFirstOrThrow()).status === 'COMPLETED',
  );
  for (const worker of workers) await worker.kill('SIGKILL');
  const rows = await sql`select status, ver, count(*) as n from exec group by status, ver`.execute(store.db);
  assert.equal(rows.rows, [{ status: STATUSES.indexOf('TIMED_OUT'), ver: 2, n: things }]);
  await assertCountersAreTrue(store);
  await operator.close();
});

if (hasPostgres()) test.run();
