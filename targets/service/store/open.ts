import { chmodSync, closeSync, openSync } from 'node:fs';
import type SqliteDriver from 'better-sqlite3';
import { Kysely, SqliteAdapter, SqliteDialect, type SqliteStatement } from 'kysely';
import { fileFault } from '../fileFault.ts';
import { isFault, isPostgresUrl, readDatabaseUrl } from './databaseUrl.ts';
import { migrate } from './migrate.ts';
import type { Database } from './schema.ts';
import type { Connection } from './statement.ts';

/** An open store. Its owner closes it. */
export interface Store extends Connection {
  /** Other processes may write to it at the same time, as its equals. */
  isShared: boolean;
  /** Milliseconds since the Unix epoch by the one clock that all who share the store go by. */
  nowMillis(): number;
  close(): Promise<void>;
}

/** How long a statement waits for another process that writes to the same file, milliseconds. */
const BUSY_TIMEOUT_MILLIS = 5_000;
/** Statements kept ready; with more texts than that all are forgotten, and made again as they come. */
const READY_STATEMENTS_MAX = 256;

/** How often a transaction is tried where each time another one was in its way. */
const TRANSACTION_TRIES_MAX = 5;
/**
 * SQLSTATEs of a transaction that may succeed the next time, because it then sees what the other one has done: serialization
 * failure, deadlock, and a key that another transaction has just taken. SQLite, with one writer, has none of them.
 */
const OVERTAKEN: ReadonlySet<unknown> = new Set(['40001', '40P01', '23505']);

/**
 * Opens a store and brings its tables up to date: in a file, made (mode 0600) if it is not there; `:memory:`, a store of its
 * own that ends with close; or in a PostgreSQL database (see readDatabaseUrl).
 *
 * What is committed is on disk (SQLite: WAL, synchronous FULL).
 *
 * @throws Error, one sentence, when there is no store to be had, or it was made by a newer version
 */
export async function openStore(place: string): Promise<Store> {
  if (place === ':memory:') return storeOn(await drive(await emptyImage()));
  if (isPostgresUrl(place)) {
    const address = readDatabaseUrl(place, process.env);
    if (isFault(address)) throw new Error(`the store's URL ${address.fault}`);
    // The driver is loaded only where it is needed: most services have no PostgreSQL.
    return (await import('./postgres.ts')).openPostgres(address);
  }
  return openFile(place);
}

async function openFile(file: string): Promise<Store> {
  try {
    closeSync(openSync(file, 'a', 0o600));
    chmodSync(file, 0o600);
  } catch (error) {
    throw new Error(`${file} cannot be used: ${fileFault(error)}`);
  }
  const driver = await drive(file, { timeout: BUSY_TIMEOUT_MILLIS });
  const store = storeOn(driver);
  try {
    driver.pragma('journal_mode = WAL');
    driver.pragma('synchronous = FULL');
    await migrate(store.db, 'sqlite', file);
    return store;
  } catch (error) {
    await store.close();
    const { code = '', message } = error as { code?: string; message: string };
    if (code === 'SQLITE_NOTADB') throw new Error(`${file} is not a store of the service: expected an SQLite database`);
    throw code.startsWith('SQLITE_') ? new Error(`${file} cannot be used: ${message}`) : error;
  }
}

/**
 * Runs `work` in one transaction: all of it is committed, or, when it throws, none. It is run again where another writer was in
 * its way, so it changes nothing but the store.
 */
export async function inTransaction<T>({ engine, db }: Connection, work: (tx: Connection) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction().execute((tx) => work({ engine, db: tx }));
    } catch (error) {
      if (tries === TRANSACTION_TRIES_MAX || !OVERTAKEN.has((error as { code?: unknown }).code)) throw error;
    }
  }
}

/** Loads the native driver with the first store: a command that only talks to a service runs where it is missing. */
async function drive(file: string | Buffer, options?: SqliteDriver.Options): Promise<SqliteDriver.Database> {
  const { default: Driver } = await import('better-sqlite3');
  return new Driver(file, options);
}

function storeOn(driver: SqliteDriver.Database): Store {
  const ready = new Map<string, SqliteStatement>();
  const prepare = (asked: string): SqliteStatement => {
    // After some failures, such as a full disk, SQLite has rolled back by itself; a complaint about that would hide them.
    const text = asked === 'rollback' && !driver.inTransaction ? 'select 1' : asked;
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
    isShared: false,
    nowMillis: Date.now,
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

let image: Promise<Buffer> | undefined;

/** The bytes of a store with its tables and nothing in them: opened from there, a store in memory is ready in 0.3 ms. */
function emptyImage(): Promise<Buffer> {
  image ??= (async () => {
    const driver = await drive(':memory:');
    const store = storeOn(driver);
    await migrate(store.db, 'sqlite', ':memory:');
    const bytes = driver.serialize();
    await store.close();
    return bytes;
  })();
  return image;
}
