import type { InputOf } from '../operations/operation.ts';
import type * as rows from '../operations/provisioningOperations.ts';
import { invalidRequest, notFound } from '../operations/refusals.ts';
import { nameIn } from '../registry/arns.ts';
import { lockCertificate } from '../registry/certificates.ts';
import type { Registry } from '../registry/registry.ts';
import { inTransaction } from '../store/open.ts';
import { CLAIM_MILLIS } from './limits.ts';
import { lockTemplate } from './templates.ts';

/** Makes a claim that ends by itself. Its private key is in this answer and nowhere else. */
export async function createProvisioningClaim(
  registry: Registry,
  { templateName }: InputOf<typeof rows.CREATE_PROVISIONING_CLAIM>,
) {
  const { certificateId, certificatePem, keyPair } = await registry.issueCertificate();
  const now = registry.nowMillis();
  await inTransaction(registry, async ({ db }) => {
    await lockTemplate({ db }, templateName);
    await db
      .insertInto('certificate')
      .values({ certificate_id: certificateId, pem: certificatePem, status: 'ACTIVE', created_at: now })
      .execute();
    await db
      .insertInto('claim')
      .values({ certificate_id: certificateId, template_name: templateName, expires_at: now + CLAIM_MILLIS })
      .execute();
  });
  return { certificateId, certificatePem, keyPair, expiration: (now + CLAIM_MILLIS) / 1000 };
}

/** Makes a certificate a claim for a template; once more changes nothing. */
export async function attachProvisioningClaim(
  registry: Registry,
  { templateName, principal }: InputOf<typeof rows.ATTACH_PROVISIONING_CLAIM>,
): Promise<void> {
  const certificateId = nameIn(registry, 'cert', principal);
  await inTransaction(registry, async ({ db }) => {
    await lockTemplate({ db }, templateName);
    await lockCertificate(db, certificateId);
    const things = await db
      .selectFrom('principal')
      .select('thing_no')
      .where('certificate_id', '=', certificateId)
      .limit(1)
      .execute();
    if (things.length > 0)
      throw invalidRequest(`Certificate ${certificateId} is attached to a thing: a claim has none`);
    await db
      .insertInto('claim')
      .values({ certificate_id: certificateId, template_name: templateName, expires_at: null })
      .onConflict((conflict) => conflict.columns(['certificate_id', 'template_name']).doNothing())
      .execute();
  });
  // Until now it reached other topics.
  registry.revoke(certificateId);
}

/**
 * Ends what a certificate is a claim for. One that is none any more is made INACTIVE: an ordinary certificate without a thing
 * would reach more.
 *
 * @throws ModelledError ResourceNotFoundException: it is no claim for this template
 */
export async function detachProvisioningClaim(
  registry: Registry,
  { templateName, principal }: InputOf<typeof rows.DETACH_PROVISIONING_CLAIM>,
): Promise<void> {
  const certificateId = nameIn(registry, 'cert', principal);
  await inTransaction(registry, async ({ db }) => {
    await lockTemplate({ db }, templateName);
    await lockCertificate(db, certificateId);
    const gone = await db
      .deleteFrom('claim')
      .where('certificate_id', '=', certificateId)
      .where('template_name', '=', templateName)
      .returning('template_name')
      .execute();
    if (gone.length === 0) throw notFound(`Certificate ${certificateId} is no claim for template ${templateName}`);
    const left = await db
      .selectFrom('claim')
      .select('template_name')
      .where('certificate_id', '=', certificateId)
      .execute();
    if (left.length > 0) return;
    await db
      .updateTable('certificate')
      .set({ status: 'INACTIVE', modified_at: registry.nowMillis() })
      .where('certificate_id', '=', certificateId)
      .where('status', '=', 'ACTIVE')
      .execute();
  });
  registry.revoke(certificateId);
}
