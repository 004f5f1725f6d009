import { sql } from 'kysely';
import type { ArtifactTable } from './artifactTables.ts';
import type { Connection } from './statement.ts';

type Name = Pick<ArtifactTable, 'bucket' | 'key'>;

export async function findArtifact({ db }: Connection, { bucket, key }: Name): Promise<ArtifactTable | undefined> {
  return db.selectFrom('artifact').selectAll().where('bucket', '=', bucket).where('key', '=', key).executeTakeFirst();
}

/** Puts it in the place of what had its name. */
export async function putArtifact({ db }: Connection, artifact: ArtifactTable): Promise<void> {
  const { bucket: _bucket, key: _key, ...rest } = artifact;
  await db
    .insertInto('artifact')
    .values(artifact)
    .onConflict((conflict) => conflict.columns(['bucket', 'key']).doUpdateSet(rest))
    .execute();
}

/** Takes the name away; false: there was none. */
export async function deleteArtifact({ db }: Connection, { bucket, key }: Name): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('artifact')
    .where('bucket', '=', bucket)
    .where('key', '=', key)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function isContentNamed({ db }: Connection, sha256: string): Promise<boolean> {
  const row = await db.selectFrom('artifact').select('sha256').where('sha256', '=', sha256).executeTakeFirst();
  return row !== undefined;
}

export interface ArtifactFilter {
  /** All buckets where it is not given. */
  bucket?: string | undefined;
  prefix?: string | undefined;
  after?: Name | undefined;
  limit: number;
}

/** By bucket and key, in the order of the bytes on either engine. */
export async function listArtifacts(
  { db, engine }: Connection,
  { bucket, prefix = '', after, limit }: ArtifactFilter,
): Promise<ArtifactTable[]> {
  // PostgreSQL would sort by the language of the database.
  const collate = sql.raw(engine === 'sqlite' ? '' : 'collate "C"');
  const key = sql<string>`key ${collate}`;
  let query = db.selectFrom('artifact').selectAll().orderBy(sql`bucket ${collate}`).orderBy(key).limit(limit);
  if (bucket !== undefined) query = query.where('bucket', '=', bucket);
  if (prefix !== '') query = query.where(sql`substr(key, 1, ${[...prefix].length})`, '=', prefix);
  if (after !== undefined)
    query = query.where(
      sql<boolean>`(bucket ${collate} > ${after.bucket} or (bucket = ${after.bucket} and ${key} > ${after.key}))`,
    );
  return query.execute();
}
