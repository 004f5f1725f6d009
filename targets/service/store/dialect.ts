import { type RawBuilder, sql } from 'kysely';
import type { Engine } from './schema.ts';

/**
 * What SQLite and PostgreSQL spell differently. Everything else is one SQL text for both, kept in the common subset: a value
 * in the list of a select has its type beside it (`cast(... as bigint)`), because PostgreSQL would take it for text.
 */

/**
 * A table made from one JSON parameter, so that a batch of any size is one statement with one text.
 *
 * @param json     an array of arrays: `[[1,"a"],[2,null]]`
 * @param columns  names and types, in the order of the inner arrays
 */
export function rows(
  engine: Engine,
  json: RawBuilder<unknown>,
  columns: Record<string, 'bigint' | 'text'>,
): RawBuilder<unknown> {
  const list = Object.entries(columns).map(([name, type], index) =>
    engine === 'sqlite'
      ? sql`value ->> ${sql.lit(index)} as ${sql.ref(name)}`
      : sql`(value ->> ${sql.lit(index)})::${sql.raw(type)} as ${sql.ref(name)}`,
  );
  return engine === 'sqlite'
    ? sql`(select ${sql.join(list)} from json_each(${json}))`
    : sql`(select ${sql.join(list)} from jsonb_array_elements(${json}::jsonb) as element(value))`;
}

/** 128 random bits as hexadecimal digits, others in each row. */
export function randomId(engine: Engine): RawBuilder<string> {
  return engine === 'sqlite' ? sql`lower(hex(randomblob(16)))` : sql`replace(gen_random_uuid()::text, '-', '')`;
}

/** Behind a select of work that is due: other workers pass over the rows taken here. SQLite has one writer at a time anyway. */
export function lockDue(engine: Engine, table: string): RawBuilder<unknown> {
  return engine === 'sqlite' ? sql`` : sql`for update of ${sql.ref(table)} skip locked`;
}

/** Behind a select of rows that this transaction goes by: who else would change or delete them waits until it has ended. */
export function lockRows(engine: Engine, table: string): RawBuilder<unknown> {
  return engine === 'sqlite' ? sql`` : sql`for update of ${sql.ref(table)}`;
}

/** The same for rows that only have to stay: who else would delete them waits. */
export function keepRows(engine: Engine, table: string): RawBuilder<unknown> {
  return engine === 'sqlite' ? sql`` : sql`for key share of ${sql.ref(table)}`;
}
