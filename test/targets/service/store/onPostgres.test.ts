/** The suites of the service's rooms once more, on PostgreSQL: the same promises, the same tests. */
import { sql } from 'kysely';
import { test } from 'uvu';
import { openStore, type Store } from '../../../../targets/service/store/open.ts';
import { hasPostgres, type PostgresServer, startPostgres } from '../../../postgres.ts';
import { useStores } from './engines.ts';

/** Those that say something about the store; what they open in files stays on SQLite. */
const SUITES = [
  '../jobs/control.test.ts',
  '../jobs/fields.test.ts',
  '../jobs/requests.test.ts',
  '../jobs/tick.test.ts',
  '../jobs/update.test.ts',
  '../jobs/retry.test.ts',
  '../jobs/rollout.test.ts',
  '../jobs/schedule.test.ts',
  '../jobs/continuous.test.ts',
  '../jobs/events.test.ts',
  '../jobs/retention.test.ts',
  '../jobs/vector.test.ts',
  '../registry/registry.test.ts',
  '../registry/groups.test.ts',
  '../registry/certificates.test.ts',
  '../registry/tags.test.ts',
  '../registry/accessKeys.test.ts',
  '../registry/continuous.test.ts',
  '../provisioning/provisioning.test.ts',
  '../templates/jobTemplates.test.ts',
  '../http/server.test.ts',
  '../artifacts/contents.test.ts',
  '../artifacts/listener.test.ts',
];

let server: PostgresServer;
/** Open stores that no test uses: emptied, they are as good as new ones. */
const free: Store[] = [];
let made = 0;

async function fresh(): Promise<Store> {
  const store = free.pop() ?? (await makeStore());
  return {
    ...store,
    close: async () => {
      await empty(store);
      free.push(store);
    },
  };
}

async function makeStore(): Promise<Store> {
  const name = `test${made++}`;
  server.createDatabase(name, 'tables');
  return openStore(server.url(name));
}

/** A tenth of the time of `truncate`, which makes new files for each table and index. */
async function empty({ db }: Store): Promise<void> {
  const tables = (await db.introspection.getTables()).map(({ name }) => name);
  const deletes = tables.map((name) => `delete from ${name};`);
  const restarts = `perform setval(pg_get_serial_sequence(table_name, column_name), 1, false) from information_schema.columns
    where table_schema = 'public' and is_identity = 'YES';`;
  await sql`do ${sql.lit(`begin ${deletes.join(' ')} ${restarts} end`)}`.execute(db);
}

if (hasPostgres()) {
  test('a PostgreSQL server starts, and its databases get their tables', async () => {
    server = await startPostgres(['max_connections=400', 'autovacuum=off']);
    server.createDatabase('tables');
    await (await openStore(server.url('tables'))).close();
    useStores(fresh);
  });
  test.run();
  for (const suite of SUITES) await import(`${suite}?postgres`);
  test('the server ends', async () => {
    useStores();
    await Promise.all(free.map((store) => store.close()));
    await server.end();
  });
  test.run();
}
