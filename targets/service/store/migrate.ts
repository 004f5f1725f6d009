import { type Kysely, Migrator, sql } from 'kysely';
import { type Database, type Engine, migrationsFor } from './schema.ts';

/**
 * Brings the tables of a store up to date.
 *
 * @param name  of the store, for the message
 * @throws Error, one sentence, when it was made by a newer version
 */
export async function migrate(db: Kysely<Database>, engine: Engine, name: string): Promise<void> {
  const migrations = migrationsFor(engine);
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const applied = await appliedMigrations(db);
  const newer = applied.filter((migration) => !Object.hasOwn(migrations, migration));
  if (newer.length > 0) {
    const known = Object.keys(migrations).at(-1);
    throw new Error(
      `${name} was made by a newer version of errand: it has ${newer.join(', ')}, this version knows up to ${known}`,
    );
  }
  // The migrator looks at much before it finds that there is nothing to do.
  if (applied.length === Object.keys(migrations).length) return;
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

async function appliedMigrations(db: Kysely<Database>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === 'kysely_migration')) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map((row) => row.name);
}
