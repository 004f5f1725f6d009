import { sql } from 'kysely';
import type { DELETE_ACCESS_KEY, UPDATE_ACCESS_KEY } from '../operations/accessKeyOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { notFound, refusal } from '../operations/refusals.ts';
import { inTransaction } from '../store/open.ts';
import type { Registry } from './registry.ts';

/** What an operator signs requests with. */
export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
}

type Keys = Pick<Registry, 'db' | 'nowMillis' | 'randomBytes'>;

/** Access keys that there may be. */
export const ACCESS_KEYS_MAX = 100;

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
  const key = newAccessKey(randomBytes);
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

/** In the form of AWS's: an identifier of 20 characters, a secret of 40. */
export function newAccessKey(randomBytes: Keys['randomBytes']): AccessKey {
  return {
    accessKeyId: `AKIA${Array.from(randomBytes(ID_CHARS), (byte) => BASE32[byte % BASE32.length]).join('')}`,
    secretAccessKey: Buffer.from(randomBytes(SECRET_BYTES)).toString('base64'),
  };
}

/** All keys, the oldest first, as IAM's ListAccessKeys shows them. */
export async function listAccessKeys({ db }: Pick<Registry, 'db'>) {
  const keys = await db
    .selectFrom('access_key')
    .select(['access_key_id', 'status', 'created_at'])
    .orderBy('created_at')
    .orderBy('access_key_id')
    .execute();
  return {
    AccessKeyMetadata: keys.map(({ access_key_id, status, created_at }) => ({
      AccessKeyId: access_key_id,
      Status: status,
      CreateDate: created_at / 1000,
    })),
  };
}

/**
 * Makes a key. Its secret is in this answer; later it is only in the store, which needs it to check signatures.
 *
 * @throws ModelledError LimitExceededException
 */
export async function addAccessKey(registry: Registry) {
  return inTransaction(registry, async ({ db }) => {
    await lockKeys(db);
    const { AccessKeyMetadata } = await listAccessKeys({ db });
    if (AccessKeyMetadata.length >= ACCESS_KEYS_MAX)
      throw refusal('LimitExceededException', `There are ${ACCESS_KEYS_MAX} access keys already: delete one first`);
    const { accessKeyId, secretAccessKey } = await createAccessKey({ ...registry, db });
    const CreateDate = registry.nowMillis() / 1000;
    const Status = 'Active' as const;
    return { AccessKey: { AccessKeyId: accessKeyId, Status, SecretAccessKey: secretAccessKey, CreateDate } };
  });
}

/**
 * From the next request on.
 *
 * @throws ModelledError ResourceNotFoundException; ConflictException for the last active one, without which nobody could come in
 */
export async function updateAccessKey(
  registry: Registry,
  { AccessKeyId, Status }: InputOf<typeof UPDATE_ACCESS_KEY>,
): Promise<void> {
  await inTransaction(registry, async ({ db }) => {
    await lockKeys(db);
    await checkKey(db, AccessKeyId, Status === 'Active');
    await db.updateTable('access_key').set({ status: Status }).where('access_key_id', '=', AccessKeyId).execute();
  });
}

/** @throws ModelledError as updateAccessKey */
export async function deleteAccessKey(
  registry: Registry,
  { AccessKeyId }: InputOf<typeof DELETE_ACCESS_KEY>,
): Promise<void> {
  await inTransaction(registry, async ({ db }) => {
    await lockKeys(db);
    await checkKey(db, AccessKeyId, false);
    await db.deleteFrom('access_key').where('access_key_id', '=', AccessKeyId).execute();
  });
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

/** There is this key, and it may be without it being active. */
async function checkKey(db: Registry['db'], accessKeyId: string, staysActive: boolean): Promise<void> {
  const { AccessKeyMetadata } = await listAccessKeys({ db });
  if (!AccessKeyMetadata.some((key) => key.AccessKeyId === accessKeyId))
    throw notFound(`There is no access key ${accessKeyId}`);
  const others = AccessKeyMetadata.filter((key) => key.Status === 'Active' && key.AccessKeyId !== accessKeyId);
  if (others.length === 0 && !staysActive)
    throw refusal('ConflictException', `${accessKeyId} is the last active access key: make another one first`, {
      resourceId: accessKeyId,
    });
}

/** Makes changes of keys wait for one another where the store has several writers, so that two do not end the last two. */
async function lockKeys(db: Registry['db']): Promise<void> {
  await db.updateTable('access_key').set({ status: sql<'Active' | 'Inactive'>`status` }).execute();
}
