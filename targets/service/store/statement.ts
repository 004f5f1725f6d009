import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import type { Database, Engine } from './schema.ts';

/** Where statements run: the store itself, or one transaction of it. */
export interface Connection {
  engine: Engine;
  db: Kysely<Database>;
}

/** A value that differs from run to run, by name. */
export type Value<Values> = (name: keyof Values & string) => RawBuilder<unknown>;

/**
 * A statement whose text is built once for each engine and process: building costs Kysely more than SQLite needs to run it,
 * and a simulated world opens a fresh store every few milliseconds.
 *
 * @param build  gives the SQL; `value(name)` stands where a parameter goes
 * @returns      a function that runs it with these values and gives the rows
 */
export function statement<Values extends object, Row>(
  build: (value: Value<Values>, engine: Engine) => RawBuilder<unknown>,
): (on: Connection, values: Values) => Promise<Row[]> {
  const compiled = new Map<Engine, CompiledQuery>();
  return async ({ engine, db }, values) => {
    let query = compiled.get(engine);
    if (query === undefined) {
      query = build((name) => sql`${new Placeholder(name)}`, engine).compile(db);
      compiled.set(engine, query);
    }
    const parameters = query.parameters.map((parameter) =>
      parameter instanceof Placeholder ? (values as Record<string, unknown>)[parameter.name] : parameter,
    );
    return (await db.executeQuery<Row>({ ...query, parameters } as CompiledQuery<Row>)).rows;
  };
}

class Placeholder {
  constructor(readonly name: string) {}
}
