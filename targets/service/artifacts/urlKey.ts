import { type AccessKey, newAccessKey } from '../registry/accessKeys.ts';
import type { Registry } from '../registry/registry.ts';

/**
 * What this service signs URLs in documents with, made at the first start. Kept in the store, so that a URL outlives a restart and
 * is good at every worker.
 */
export async function urlKey({ db, nowMillis, randomBytes }: Pick<Registry, 'db' | 'nowMillis' | 'randomBytes'>) {
  const oldest = () =>
    db.selectFrom('url_key').selectAll().orderBy('created_at').orderBy('access_key_id').executeTakeFirst();
  let row = await oldest();
  if (row === undefined) {
    const { accessKeyId, secretAccessKey } = newAccessKey(randomBytes);
    await db
      .insertInto('url_key')
      .values({ access_key_id: accessKeyId, secret_access_key: secretAccessKey, created_at: nowMillis() })
      .execute();
    row = (await oldest())!; // another worker may have been first
  }
  const key: AccessKey = { accessKeyId: row.access_key_id, secretAccessKey: row.secret_access_key };
  return key;
}
