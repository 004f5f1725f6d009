import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inTransaction, openStore } from '../../../../targets/service/store/open.ts';
import { migrationsFor } from '../../../../targets/service/store/schema.ts';
import { statement } from '../../../../targets/service/store/statement.ts';

let folder: string;
test.before.each(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'errand-store-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

async function rejection(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: Error) => error.message,
  );
}

async function pragma(store: { db: Parameters<ReturnType<typeof sql>['execute']>[0] }, name: string) {
  const { rows } = await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(store.db);
  return Object.values(rows[0] ?? {})[0];
}

test('a store on disk is for its owner alone, logs ahead and syncs each commit', async () => {
  const file = path.join(folder, 'jobs.db');
  const store = await openStore(file);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(await pragma(store, 'journal_mode'), 'wal');
  assert.is(await pragma(store, 'synchronous'), 2);
  assert.is(await pragma(store, 'busy_timeout'), 5000);
  assert.is(statSync(`${file}-wal`).mode & 0o777, 0o600);
  await store.close();
});

test('what was committed is there after the store was closed and opened again', async () => {
  const file = path.join(folder, 'jobs.db');
  const first = await openStore(file);
  await first.db.insertInto('job_delta').values({ job_no: 1, status: 2, n: 3 }).execute();
  await first.close();
  const again = await openStore(file);
  assert.equal(await again.db.selectFrom('job_delta').selectAll().execute(), [{ job_no: 1, status: 2, n: 3 }]);
  await again.close();
});

test('on a full disk a transaction fails with that reason, also where SQLite has rolled back by itself', async () => {
  const store = await openStore(path.join(folder, 'jobs.db'));
  const full = inTransaction(store, async ({ db }) => {
    await db.insertInto('job_delta').values({ job_no: 1, status: 2, n: 3 }).execute();
    await sql`rollback`.execute(db);
    throw new Error('database or disk is full');
  });
  assert.is(await rejection(full), 'database or disk is full');
  await inTransaction(store, ({ db }) => db.insertInto('job_delta').values({ job_no: 2, status: 2, n: 3 }).execute());
  assert.is((await store.db.selectFrom('job_delta').selectAll().execute()).length, 1);
  await store.close();
});

test('a store that cannot be made is refused, and named with the reason', async () => {
  const file = path.join(folder, 'jobs.db');
  writeFileSync(file, '');
  assert.is(
    await rejection(openStore(path.join(file, 'jobs.db'))),
    `${file}/jobs.db cannot be used: a part of its path is no folder (ENOTDIR)`,
  );
});

test('a store made by a newer version is refused, and named', async () => {
  const file = path.join(folder, 'jobs.db');
  const store = await openStore(file);
  await sql`insert into kysely_migration (name, timestamp) values ('999_later', '2030-01-01')`.execute(store.db);
  await store.close();
  assert.is(
    await rejection(openStore(file)),
    `${file} was made by a newer version of errand: it has 999_later, this version knows up to ${Object.keys(migrationsFor('sqlite')).at(-1)}`,
  );
});

test('a file that is no database is refused, and left as it was', async () => {
  const file = path.join(folder, 'jobs.db');
  writeFileSync(file, 'a shopping list, long enough to be looked at as a page of a database'.repeat(20));
  assert.is(await rejection(openStore(file)), `${file} is not a store of the service: expected an SQLite database`);
  assert.is(statSync(file).size, 68 * 20);
});

test('stores in memory know nothing of each other', async () => {
  const [one, other] = await Promise.all([openStore(':memory:'), openStore(':memory:')]);
  await one.db.insertInto('job_delta').values({ job_no: 1, status: 2, n: 3 }).execute();
  assert.equal(await other.db.selectFrom('job_delta').selectAll().execute(), []);
  await one.close();
  await other.close();
});

test('a transaction that throws leaves nothing behind, and the store goes on', async () => {
  const store = await openStore(':memory:');
  const insert = statement<{ n: number }, never>((value) => sql`insert into job_delta values (1, 0, ${value('n')})`);
  const message = await rejection(
    inTransaction(store, async (tx) => {
      await insert(tx, { n: 1 });
      throw new Error('power');
    }),
  );
  assert.is(message, 'power');
  await inTransaction(store, (tx) => insert(tx, { n: 2 }));
  assert.equal(await store.db.selectFrom('job_delta').select('n').execute(), [{ n: 2 }]);
  await store.close();
});

test.run();
