import type { Kysely } from 'kysely';
import type { Database, TagTable } from './schema.ts';

/** A tag as it travels: capital letters. */
export interface Tag {
  Key: string;
  Value?: string;
}

/** What has tags. */
export type Tagged = Pick<TagTable, 'kind' | 'name'>;

/** Gives `resource` tags; of two with the same key the later one stays. */
export async function addTags(db: Kysely<Database>, resource: Tagged, tags: readonly Tag[]): Promise<void> {
  for (const { Key: key, Value: value = null } of tags)
    await db
      .insertInto('tag')
      .values({ ...resource, key, value })
      .onConflict((conflict) => conflict.columns(['kind', 'name', 'key']).doUpdateSet({ value }))
      .execute();
}

/** Takes the tags with these keys from `resource`, or all of them. */
export async function removeTags(
  db: Kysely<Database>,
  { kind, name }: Tagged,
  keys?: readonly string[],
): Promise<void> {
  if (keys?.length === 0) return;
  let query = db.deleteFrom('tag').where('kind', '=', kind).where('name', '=', name);
  if (keys !== undefined) query = query.where('key', 'in', keys);
  await query.execute();
}

/** The tags of `resource` by key. */
export async function tagsOf(db: Kysely<Database>, { kind, name }: Tagged): Promise<Tag[]> {
  const rows = await db
    .selectFrom('tag')
    .select(['key', 'value'])
    .where('kind', '=', kind)
    .where('name', '=', name)
    .orderBy('key')
    .execute();
  return rows.map(({ key, value }) => ({ Key: key, ...(value === null ? {} : { Value: value }) }));
}
