import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Driver from 'better-sqlite3';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../../../targets/service/store/open.ts';
import { type Database, migrationsFor } from '../../../../targets/service/store/schema.ts';
import { tagsOf } from '../../../../targets/service/store/tags.ts';

/** A store as the first version made it. */
async function makeFirst(file: string): Promise<Driver.Database> {
  const driver = new Driver(file);
  const db = new Kysely<Database>({ dialect: new SqliteDialect({ database: driver }) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrationsFor('sqlite') } });
  const { error } = await migrator.migrateTo('001_first');
  assert.is(error, undefined);
  return driver;
}

test('a store of the first version is brought up to date: rows stay, tags move out of the JSON of groups and jobs', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-store-'));
  const file = path.join(folder, 'errand.db');
  try {
    const driver = await makeFirst(file);
    const tags = [{ Key: 'team', Value: 'ops' }, { Key: 'bare' }];
    const group = driver.prepare('insert into thing_group values (?, ?, null, ?, 3, 7)');
    group.run('tagged', 'id-1', JSON.stringify({ thingGroupDescription: '"tags":', tags }));
    group.run('plain', 'id-2', JSON.stringify({ thingGroupDescription: 'about "tags":' }));
    driver
      .prepare(
        `insert into job (job_id, status, target_selection, document, config, created_at, last_updated_at, tokens_at)
        values ('j', 'IN_PROGRESS', 'SNAPSHOT', '{}', ?, 1, 1, 0)`,
      )
      .run(JSON.stringify({ targets: [], tags }));
    driver.exec("insert into certificate values ('c', 'PEM', 'ACTIVE', 5)");
    driver.close();

    const { db, close } = await openStore(file);
    const moved = [{ Key: 'bare' }, { Key: 'team', Value: 'ops' }];
    assert.equal(await tagsOf(db, { kind: 'thinggroup', name: 'tagged' }), moved);
    assert.equal(await tagsOf(db, { kind: 'thinggroup', name: 'plain' }), []);
    assert.equal(await tagsOf(db, { kind: 'job', name: 'j' }), moved);
    const groups = await db.selectFrom('thing_group').select(['properties', 'version']).orderBy('group_name').execute();
    assert.equal(groups, [
      { properties: '{"thingGroupDescription":"about \\"tags\\":"}', version: 3 },
      { properties: '{"thingGroupDescription":"\\"tags\\":"}', version: 3 },
    ]);
    assert.is((await db.selectFrom('job').select('config').executeTakeFirstOrThrow()).config, '{"targets":[]}');
    const certificate = { certificate_id: 'c', pem: 'PEM', status: 'ACTIVE', created_at: 5, modified_at: null };
    assert.equal(await db.selectFrom('certificate').selectAll().execute(), [certificate]);
    await close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a store that cannot be brought up to date whole stays as its version made it, and the next start does it', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'errand-store-'));
  const file = path.join(folder, 'errand.db');
  try {
    const driver = await makeFirst(file);
    // In the way of the last migration: all before it is done by then.
    driver.exec('create table event_q (here integer)');
    const before = driver.prepare('select sql from sqlite_master order by name').all();
    const refusal = await openStore(file).then(
      () => 'none',
      (error: Error) => error.message,
    );
    assert.match(refusal, 'event_q');
    assert.equal(driver.prepare('select sql from sqlite_master order by name').all(), before);
    assert.equal(driver.prepare('select name from kysely_migration').all(), [{ name: '001_first' }]);
    driver.exec('drop table event_q');
    driver.close();
    await (await openStore(file)).close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
