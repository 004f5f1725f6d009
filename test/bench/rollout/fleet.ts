import { sql } from 'kysely';
import { rows } from '../../../targets/service/store/dialect.ts';
import { inTransaction, openStore, type Store } from '../../../targets/service/store/open.ts';
import { statement } from '../../../targets/service/store/statement.ts';

/** The group that holds the fleet. */
export const GROUP = 'fleet';
/** Things of one transaction. */
const BATCH = 5_000;

/** Registers things by the tables' own way in, without a request for each: `T1` to `T{count}`, all in one group. */
export async function registerFleet(place: string, count: number): Promise<void> {
  const store = await openStore(place);
  const now = store.nowMillis();
  const group = { group_name: GROUP, group_id: GROUP, parent: null, properties: '{}', version: 1, created_at: now };
  await store.db.insertInto('thing_group').values(group).execute();
  for (let from = 1; from <= count; from += BATCH) {
    const names = Array.from({ length: Math.min(BATCH, count - from + 1) }, (_, i) => [`T${from + i}`]);
    await inTransaction(store, async (tx) => {
      const things = (await insertThings(tx, { names: JSON.stringify(names), now })).map((row) => row.thing_no);
      const members = things.sort((a, b) => a - b).map((thing, i) => [from + i, thing]);
      await insertMembers(tx, { members: JSON.stringify(members), now });
    });
  }
  await settle(store);
  await store.close();
}

const insertThings = statement<{ names: string; now: number }, { thing_no: number }>(
  (value, engine) => sql`
  insert into thing (thing_name, thing_id, attributes, version, created_at)
  select name, 'id-' || name, '{}', 1, cast(${value('now')} as bigint) from ${rows(engine, value('names'), { name: 'text' })} as r where true
  returning thing_no`,
);

const insertMembers = statement<{ members: string; now: number }, never>(
  (value, engine) => sql`
  insert into member (grp, seq, thing_no, added_at)
  select cast(${sql.lit(GROUP)} as text), seq, thing_no, cast(${value('now')} as bigint)
  from ${rows(engine, value('members'), { seq: 'bigint', thing_no: 'bigint' })} as r where true`,
);

/** As a fleet that was registered yesterday: nothing left in a log, statistics there. */
async function settle({ engine, db }: Store): Promise<void> {
  const statements = engine === 'sqlite' ? ['pragma wal_checkpoint(truncate)'] : ['vacuum analyze', 'checkpoint'];
  for (const one of statements) await sql`${sql.raw(one)}`.execute(db);
}

/** What a roll-out has left in the store. */
export interface Outcome {
  executions: number;
  /** Executions a minute between the first slot and the last one. */
  perMinute: number;
  /** The whole store, bytes. */
  bytes: number;
}

export async function outcomeOf(place: string): Promise<Outcome> {
  const store = await openStore(place);
  const slots = await sql<{ at: number; n: number }>`
    select queued_at as at, count(*) as n from exec group by queued_at order by queued_at`.execute(store.db);
  const [first, last] = [slots.rows[0], slots.rows.at(-1)];
  const executions = slots.rows.reduce((sum, { n }) => sum + n, 0);
  const minutes = ((last?.at ?? 0) - (first?.at ?? 0)) / 60_000;
  const bytes = await bytesOf(store);
  await store.close();
  return { executions, perMinute: minutes === 0 ? 0 : (executions - (first?.n ?? 0)) / minutes, bytes };
}

export async function bytesIn(place: string): Promise<number> {
  const store = await openStore(place);
  const bytes = await bytesOf(store);
  await store.close();
  return bytes;
}

async function bytesOf({ engine, db }: Store): Promise<number> {
  const size =
    engine === 'sqlite'
      ? sql<{ bytes: number }>`select page_count * page_size as bytes from pragma_page_count(), pragma_page_size()`
      : sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`;
  return (await size.execute(db)).rows[0]?.bytes ?? 0;
}
