import type { ATTACH_THING_PRINCIPAL, CREATE_KEYS_AND_CERTIFICATE } from '../operations/certificateOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound } from '../operations/refusals.ts';
import { arnOf, nameIn } from './arns.ts';
import type { Registry } from './registry.ts';
import { thingNamed } from './things.ts';

/** Makes a device's key pair and certificate. The private key is in this answer and nowhere else. */
export async function createKeysAndCertificate(
  registry: Registry,
  { setAsActive = false }: InputOf<typeof CREATE_KEYS_AND_CERTIFICATE>,
) {
  const { certificateId, certificatePem, keyPair } = await registry.issueCertificate();
  await registry.db
    .insertInto('certificate')
    .values({
      certificate_id: certificateId,
      pem: certificatePem,
      status: setAsActive ? 'ACTIVE' : 'INACTIVE',
      created_at: registry.nowMillis(),
    })
    .execute();
  return { certificateArn: arnOf(registry, 'cert', certificateId), certificateId, certificatePem, keyPair };
}

/** Attaches a certificate to a thing; once more changes nothing. */
export async function attachThingPrincipal(
  registry: Registry,
  { thingName, principal, thingPrincipalType }: InputOf<typeof ATTACH_THING_PRINCIPAL>,
): Promise<object> {
  if (thingPrincipalType === 'EXCLUSIVE_THING')
    throw invalidRequest(
      "'thingPrincipalType' EXCLUSIVE_THING is not served here: expected NON_EXCLUSIVE_THING or nothing",
    );
  const certificateId = nameIn(registry, 'cert', principal);
  await registry.db.transaction().execute(async (db) => {
    const { thing_no } = await thingNamed({ db }, thingName);
    const certificate = await db
      .selectFrom('certificate')
      .select('certificate_id')
      .where('certificate_id', '=', certificateId)
      .executeTakeFirst();
    if (certificate === undefined) throw notFound(`Certificate ${certificateId.slice(0, 64)} does not exist`);
    await db
      .insertInto('principal')
      .values({ certificate_id: certificateId, thing_no })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
  return {};
}

/** Who may connect with a certificate. */
export interface Principal {
  certificateId: string;
  /** The things that it is attached to; may be none. */
  thingNames: string[];
}

/**
 * Looks up the holder of a client certificate, for the listeners with mutual TLS.
 *
 * @param certificateId  SHA-256 of the certificate (DER), hexadecimal in lower case
 * @returns undefined when it was not issued here, or is not ACTIVE
 */
export async function findPrincipal(
  { db }: Pick<Registry, 'db'>,
  certificateId: string,
): Promise<Principal | undefined> {
  const rows = await db
    .selectFrom('certificate')
    .leftJoin('principal', 'principal.certificate_id', 'certificate.certificate_id')
    .leftJoin('thing', 'thing.thing_no', 'principal.thing_no')
    .select('thing.thing_name')
    .where('certificate.certificate_id', '=', certificateId)
    .where('certificate.status', '=', 'ACTIVE')
    .orderBy('thing.thing_name')
    .execute();
  if (rows.length === 0) return undefined;
  return { certificateId, thingNames: rows.flatMap(({ thing_name }) => thing_name ?? []) };
}
