import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { CompiledQuery, Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import type { Client, ClientConfig, Pool, PoolClient } from 'pg';
import { type DatabaseAddress, databaseName } from './databaseUrl.ts';
import { migrate } from './migrate.ts';
import type { Store } from './open.ts';
import type { Database } from './schema.ts';
import { clockAhead } from './serverClock.ts';

/** Connections of one process; work that finds all of them taken waits. */
const CONNECTIONS_MAX = 10;
/** How long a connection may take to come about, or to become free, milliseconds. */
const CONNECT_MILLIS_MAX = 5_000;
/** How long one statement may run, wait for a lock, or leave its transaction idle, milliseconds. */
const STATEMENT_MILLIS_MAX = 30_000;
const LOCK_MILLIS_MAX = 10_000;
const IDLE_IN_TRANSACTION_MILLIS_MAX = 30_000;
/** How long an answer may take that the server should have ended by itself: then the network is gone, milliseconds. */
const ANSWER_MILLIS_MAX = STATEMENT_MILLIS_MAX + 5_000;
/** Statements kept ready on each connection; further texts are parsed each time. */
const READY_STATEMENTS_MAX = 256;
/** How often our clock is compared with the server's, milliseconds. */
const CLOCK_EVERY_MILLIS = 60_000;
/**
 * Every statement of ours is a few rows by index, from a list that PostgreSQL takes for longer than it is: left alone it reads
 * whole tables to join them by hash (16 ms instead of 0.3 in a table of 10,000, growing with it), or compiles the plan first.
 */
const PLANNING = ['enable_seqscan=off', 'enable_hashjoin=off', 'enable_mergejoin=off', 'jit=off'];
/** The oldest server whose SQL we speak. */
const VERSION_MIN = 13;

/** Types that come as text and are numbers here: int8 and numeric. Times and counters stay below 2^53. */
const NUMBERS = new Set([20, 1700]);

/**
 * Opens a store in a PostgreSQL database, and brings its tables up to date. Connections that break are replaced as work comes;
 * what was under way on one fails and is tried again by whoever asked.
 *
 * @throws Error, one sentence without the password, when it cannot be reached or used, or was made by a newer version
 */
export async function openPostgres(address: DatabaseAddress): Promise<Store> {
  const name = databaseName(address);
  const { default: pg } = await import('pg');
  const config = await configFor(address, name, (ssl) => new pg.Client({ ...baseOf(address), ssl }));
  const types = {
    getTypeParser: (oid: number, format: 'text' | 'binary') =>
      NUMBERS.has(oid) ? Number : pg.types.getTypeParser(oid, format as 'text'),
  } as ClientConfig['types'] & object;
  // A migration may take as long as it needs, and the next worker waits for it.
  const patient = new pg.Pool({ ...config, types, max: 2 });
  await usable(patient, name, async () => {
    const db = kyselyOn(patient);
    await migrate(db, 'postgres', name);
    await db.destroy();
  });
  const pool = new pg.Pool({
    ...config,
    types,
    max: CONNECTIONS_MAX,
    options: [...PLANNING.map((setting) => `-c ${setting}`), address.options ?? ''].join(' '),
    statement_timeout: STATEMENT_MILLIS_MAX,
    lock_timeout: LOCK_MILLIS_MAX,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLIS_MAX,
    query_timeout: ANSWER_MILLIS_MAX,
  });
  const db = kyselyOn(pool);
  let offsetMillis = await usable(pool, name, () => clockOffsetMillis(db));
  const again = setInterval(async () => {
    offsetMillis = await clockOffsetMillis(db).catch(() => offsetMillis);
  }, CLOCK_EVERY_MILLIS).unref();
  return {
    engine: 'postgres',
    db,
    isShared: true,
    nowMillis: () => Math.round(Date.now() + offsetMillis),
    close: async () => {
      clearInterval(again);
      await db.destroy();
      if (!pool.ended) await pool.end();
    },
  };
}

function baseOf({ host, port, user, password, database, options }: DatabaseAddress): ClientConfig {
  const given = { host, port, user, password, database, options };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    application_name: 'errand',
    connectionTimeoutMillis: CONNECT_MILLIS_MAX,
    keepAlive: true,
  };
}

/** With TLS as sslmode says (as in libpq); `prefer` is decided here, by the first connection. */
async function configFor(
  address: DatabaseAddress,
  name: string,
  clientWith: (ssl: ConnectionOptions | false) => Client,
): Promise<ClientConfig> {
  const ssl = tlsFor(address, name);
  const config = { ...baseOf(address), ssl };
  if (address.sslMode !== 'prefer' || ssl === false) return config;
  const client = clientWith(ssl).on('error', () => {});
  try {
    await client.connect();
    return config;
  } catch (error) {
    if (!/does not support SSL/.test((error as Error).message)) throw unusable(name, error);
    return { ...config, ssl: false };
  } finally {
    await client.end().catch(() => {});
  }
}

function tlsFor(address: DatabaseAddress, name: string): ConnectionOptions | false {
  const { host, sslMode, caFile, certificateFile, keyFile } = address;
  if (sslMode === 'disable' || host.startsWith('/')) return false;
  const read = (file: string | undefined) => {
    try {
      return file === undefined ? undefined : readFileSync(file, 'utf8');
    } catch (error) {
      throw new Error(`${name} cannot be used: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  };
  const files = { ca: read(caFile), cert: read(certificateFile), key: read(keyFile) };
  const given = Object.fromEntries(Object.entries(files).filter(([, text]) => text !== undefined));
  // The driver names the host by itself only where it is no address.
  if (sslMode === 'verify-full') return { ...given, host };
  // `require` with a CA at hand means verify-ca.
  const isVerified = sslMode === 'verify-ca' || (sslMode === 'require' && files.ca !== undefined);
  return isVerified ? { ...given, checkServerIdentity: () => undefined } : { ...given, rejectUnauthorized: false };
}

function kyselyOn(pool: Pool): Kysely<Database> {
  // An idle connection that breaks is not an error of anybody's: the pool drops it and makes another.
  pool.on('error', () => {});
  // Nor is one that breaks while a transaction has it between two statements: the next of them fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool: namingPool(pool) }) });
}

/** Gives statements names, so that the server parses and plans each text once a connection. */
function namingPool(pool: Pool): PostgresPool {
  const names = new Map<string, string>();
  const nameOf = (text: string): string | undefined => {
    const name = names.get(text);
    if (name !== undefined || names.size >= READY_STATEMENTS_MAX) return name;
    names.set(text, `errand${names.size}`);
    return names.get(text);
  };
  const wrapped = new WeakMap<PoolClient, PostgresPoolClient>();
  const wrap = (client: PoolClient): PostgresPoolClient => {
    let isBroken = false;
    const query = async (text: string, values: readonly unknown[]) => {
      try {
        const name = values.length === 0 ? undefined : nameOf(text);
        return await client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) });
      } catch (error) {
        // A statement whose answer did not come in time still runs: nothing else can follow it on this connection.
        isBroken ||= (error as { code?: string }).code === undefined;
        throw error;
      }
    };
    return { query, release: () => client.release(isBroken) } as unknown as PostgresPoolClient;
  };
  return {
    connect: async () => {
      const client = await pool.connect();
      const known = wrapped.get(client) ?? wrap(client);
      wrapped.set(client, known);
      return known;
    },
    end: () => pool.end(),
  };
}

async function usable<T>(pool: Pool, name: string, work: () => Promise<T>): Promise<T> {
  try {
    const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version_num') as version`);
    const version = Math.floor(Number(rows[0]?.version) / 10_000);
    if (version < VERSION_MIN) throw new Error(`its version is ${version}: expected ${VERSION_MIN} or later`);
    return await work();
  } catch (error) {
    if (!pool.ended) await pool.end();
    throw unusable(name, error);
  }
}

/** Driver and server say what it was; neither names a password. */
function unusable(name: string, error: unknown): Error {
  const { message, code } = error as { message: string; code?: string };
  if (message.startsWith(name)) return error as Error;
  const reason = code === 'ECONNREFUSED' ? 'nothing listens there' : message || code;
  return new Error(`${name} cannot be used: ${reason}`);
}

/** How far the server's clock is ahead of ours: by it all workers go, so that their own clocks do not matter. */
function clockOffsetMillis(db: Kysely<Database>): Promise<number> {
  const query = CompiledQuery.raw('select extract(epoch from clock_timestamp()) * 1000 as at');
  return clockAhead(async () => (await db.executeQuery<{ at: number }>(query)).rows[0]!.at);
}
