import type { Registry } from './registry.ts';

/** What an operator signs requests with. */
export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
}

type Keys = Pick<Registry, 'db' | 'nowMillis' | 'randomBytes'>;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Characters of an access key's id behind `AKIA`: 80 bits. */
const ID_CHARS = 16;
/** Bytes of a secret: 40 characters of base64, as AWS's are. */
const SECRET_BYTES = 30;

/** The oldest active access key; the first one is made when there is none. */
export async function firstAccessKey(keys: Keys): Promise<AccessKey> {
  const key = await keys.db
    .selectFrom('access_key')
    .selectAll()
    .where('status', '=', 'Active')
    .orderBy('created_at')
    .orderBy('access_key_id')
    .executeTakeFirst();
  if (key === undefined) return createAccessKey(keys);
  return { accessKeyId: key.access_key_id, secretAccessKey: key.secret_access_key };
}

export async function createAccessKey({ db, nowMillis, randomBytes }: Keys): Promise<AccessKey> {
  const key: AccessKey = {
    accessKeyId: `AKIA${Array.from(randomBytes(ID_CHARS), (byte) => BASE32[byte % BASE32.length]).join('')}`,
    secretAccessKey: Buffer.from(randomBytes(SECRET_BYTES)).toString('base64'),
  };
  await db
    .insertInto('access_key')
    .values({
      access_key_id: key.accessKeyId,
      secret_access_key: key.secretAccessKey,
      status: 'Active',
      created_at: nowMillis(),
    })
    .execute();
  return key;
}

/** @returns undefined when there is no active access key with this id */
export async function findSecretAccessKey(
  { db }: Pick<Registry, 'db'>,
  accessKeyId: string,
): Promise<string | undefined> {
  const key = await db
    .selectFrom('access_key')
    .select('secret_access_key')
    .where('access_key_id', '=', accessKeyId)
    .where('status', '=', 'Active')
    .executeTakeFirst();
  return key?.secret_access_key;
}
