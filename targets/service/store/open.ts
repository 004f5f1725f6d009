import { chmodSync, closeSync, openSync } from 'node:fs';
import type SqliteDriver from 'better-sqlite3';
import { Kysely, Migrator, SqliteAdapter, SqliteDialect, type SqliteStatement, sql } from 'kysely';
import { type Database, migrationsFor } from './schema.ts';
import type { Connection } from './statement.ts';

/** An open store. Its owner closes it. */
export interface Store extends Connection {
  close(): Promise<void>;
}

/** How long a statement waits for another process that writes to the same file, milliseconds. */
const BUSY_TIMEOUT_MILLIS = 5_000;
/** Statements kept ready; with more texts than that all are forgotten, and made again as they come. */
const READY_STATEMENTS_MAX = 256;

/**
 * Opens the store in `file`, made (mode 0600) if it is not there, and brings its tables up to date. `:memory:` is a store of
 * its own that ends with close.
 *
 * What is committed is on disk (WAL, synchronous FULL).
 *
 * @throws Error, one sentence, when the file is no store, or was made by a newer version
 */
export async function openStore(file: string): Promise<Store> {
  if (file === ':memory:') return storeOn(await drive(await emptyImage()));
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const driver = await drive(file, { timeout: BUSY_TIMEOUT_MILLIS });
  const store = storeOn(driver);
  try {
    driver.pragma('journal_mode = WAL');
    driver.pragma('synchronous = FULL');
    await migrate(store, file);
    return store;
  } catch (error) {
    await store.close();
    if ((error as { code?: string }).code !== 'SQLITE_NOTADB') throw error;
    throw new Error(`${file} is not a store of the service: expected an SQLite database`);
  }
}

/** Runs `work` in one transaction: all of it is committed, or, when it throws, none. */
export function inTransaction<T>(store: Connection, work: (tx: Connection) => Promise<T>): Promise<T> {
  return store.db.transaction().execute((db) => work({ engine: store.engine, db }));
}

/** Loads the native driver with the first store: a command that only talks to a service runs where it is missing. */
async function drive(file: string | Buffer, options?: SqliteDriver.Options): Promise<SqliteDriver.Database> {
  const { default: Driver } = await import('better-sqlite3');
  return new Driver(file, options);
}

function storeOn(driver: SqliteDriver.Database): Store {
  const ready = new Map<string, SqliteStatement>();
  const prepare = (text: string): SqliteStatement => {
    let made = ready.get(text);
    if (made === undefined) {
      if (ready.size >= READY_STATEMENTS_MAX) ready.clear();
      // Every transaction here writes. Taking the write lock at once waits for another process; taking it at the first
      // write after a read fails without waiting (SQLITE_BUSY_SNAPSHOT).
      made = driver.prepare(text === 'begin' ? 'begin immediate' : text) as unknown as SqliteStatement;
      ready.set(text, made);
    }
    return made;
  };
  const dialect = new SqliteDialect({ database: { prepare, close: () => void driver.close() } });
  dialect.createAdapter = () => new TransactionalAdapter();
  const db = new Kysely<Database>({ dialect });
  return {
    engine: 'sqlite',
    db,
    // Kysely closes only what it has used.
    close: async () => {
      await db.destroy();
      driver.close();
    },
  };
}

/** SQLite changes tables in transactions too: a start that is cut off leaves the store as the older version had it. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

async function migrate(store: Store, file: string): Promise<void> {
  const migrations = migrationsFor(store.engine);
  const migrator = new Migrator({ db: store.db, provider: { getMigrations: async () => migrations } });
  const newer = (await appliedMigrations(store)).filter((name) => !Object.hasOwn(migrations, name));
  if (newer.length > 0) {
    const known = Object.keys(migrations).at(-1);
    throw new Error(
      `${file} was made by a newer version of errand: it has ${newer.join(', ')}, this version knows up to ${known}`,
    );
  }
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

async function appliedMigrations({ db }: Store): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map((row) => row.name);
}

let image: Promise<Buffer> | undefined;

/** The bytes of a store with its tables and nothing in them: opened from there, a store in memory is ready in 0.3 ms. */
function emptyImage(): Promise<Buffer> {
  image ??= (async () => {
    const driver = await drive(':memory:');
    const store = storeOn(driver);
    await migrate(store, ':memory:');
    const bytes = driver.serialize();
    await store.close();
    return bytes;
  })();
  return image;
}
