import { createHash } from 'node:crypto';
import type { Registry } from '../registry/registry.ts';
import { inTransaction } from '../store/open.ts';
import { PENDING_MAX, TOKEN_BYTES, TOKEN_MILLIS } from './limits.ts';
import { Rejection } from './rejection.ts';

type Keeping = Pick<Registry, 'engine' | 'db' | 'nowMillis' | 'randomBytes'>;

/**
 * Keeps a certificate that RegisterThing is to give to a thing, PENDING_ACTIVATION until then.
 *
 * @param askedBy  certificateId of whoever asked: only that one can go on with it
 * @returns        its certificateOwnershipToken
 * @throws Rejection when too many wait already
 */
export async function keepPending(
  registry: Keeping,
  { certificateId, certificatePem }: { certificateId: string; certificatePem: string },
  askedBy: string,
): Promise<string> {
  const token = Buffer.from(registry.randomBytes(TOKEN_BYTES)).toString('base64url');
  const now = registry.nowMillis();
  await inTransaction(registry, async ({ db }) => {
    const { n } = await db
      .selectFrom('ownership')
      .select(({ fn }) => fn.countAll().as('n'))
      .where('answer', 'is', null)
      .where('expires_at', '>', now)
      .executeTakeFirstOrThrow();
    if (Number(n) >= PENDING_MAX)
      throw new Rejection(429, 'Throttled', `${PENDING_MAX} certificates wait for RegisterThing already`);
    await db
      .insertInto('certificate')
      .values({ certificate_id: certificateId, pem: certificatePem, status: 'PENDING_ACTIVATION', created_at: now })
      .execute();
    await db
      .insertInto('ownership')
      .values({
        token_sha256: hashOf(token),
        certificate_id: certificateId,
        asked_by: askedBy,
        expires_at: now + TOKEN_MILLIS,
        answer: null,
      })
      .execute();
  });
  return token;
}

/** What is kept of a token. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Removes what nobody wanted in time: certificates whose token has expired, and claims whose time is over, with theirs. */
export async function sweep(registry: Pick<Keeping, 'engine' | 'db' | 'nowMillis'>): Promise<void> {
  const now = registry.nowMillis();
  await inTransaction(registry, async ({ db }) => {
    await db
      .deleteFrom('certificate')
      .where('status', '=', 'PENDING_ACTIVATION')
      .where('certificate_id', 'in', (query) =>
        query.selectFrom('ownership').select('certificate_id').where('expires_at', '<=', now),
      )
      .execute();
    await db.deleteFrom('ownership').where('expires_at', '<=', now).execute();
    const over = await db.deleteFrom('claim').where('expires_at', '<=', now).returning('certificate_id').execute();
    for (const { certificate_id } of over)
      await db
        .deleteFrom('certificate')
        .where('certificate_id', '=', certificate_id)
        .where('certificate_id', 'not in', (query) => query.selectFrom('claim').select('certificate_id'))
        .where('certificate_id', 'not in', (query) => query.selectFrom('principal').select('certificate_id'))
        .execute();
  });
}
