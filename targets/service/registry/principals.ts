import type {
  ATTACH_THING_PRINCIPAL,
  DETACH_THING_PRINCIPAL,
  LIST_PRINCIPAL_THINGS,
  LIST_THING_PRINCIPALS,
} from '../operations/certificateOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound } from '../operations/refusals.ts';
import { inTransaction } from '../store/open.ts';
import { arnOf, nameIn } from './arns.ts';
import { certificateNamed, lockCertificate } from './certificates.ts';
import { keyBefore, nameBefore, pageOf } from './paging.ts';
import { PAGE_MAX, type Registry } from './registry.ts';
import { lockThing, thingNamed } from './things.ts';

/** Who may connect with a certificate. */
export interface Principal {
  certificateId: string;
  /** The things that it is attached to; may be none. */
  thingNames: string[];
  /** Of a claim certificate, which has no thing: the provisioning templates that it is for. */
  claims?: string[];
}

/**
 * Looks up the holder of a client certificate, for the listeners with mutual TLS.
 *
 * @param certificateId  SHA-256 of the certificate (DER), hexadecimal in lower case
 * @returns undefined when it was not issued here, is not ACTIVE, or is a claim whose time is over
 */
export async function findPrincipal(
  { db, nowMillis }: Pick<Registry, 'db' | 'nowMillis'>,
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
  const thingNames = rows.flatMap(({ thing_name }) => thing_name ?? []);
  if (thingNames.length > 0) return { certificateId, thingNames };
  const claims = await claimsOf({ db }, certificateId);
  if (claims.length === 0) return { certificateId, thingNames };
  const current = claims.filter(({ expires_at }) => expires_at === null || expires_at > nowMillis());
  if (current.length === 0) return undefined;
  return { certificateId, thingNames, claims: current.map(({ template_name }) => template_name) };
}

/** The templates that a certificate is a claim for, those whose time is over among them. */
export function claimsOf({ db }: Pick<Registry, 'db'>, certificateId: string) {
  return db
    .selectFrom('claim')
    .select(['template_name', 'expires_at'])
    .where('certificate_id', '=', certificateId)
    .orderBy('template_name')
    .execute();
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
  await inTransaction(registry, async ({ db }) => {
    const { thing_no } = await lockThing({ db }, thingName);
    await lockCertificate(db, certificateId);
    if ((await claimsOf({ db }, certificateId)).length > 0)
      throw invalidRequest(`Certificate ${certificateId} is a provisioning claim: it cannot speak for a thing`);
    await db
      .insertInto('principal')
      .values({ certificate_id: certificateId, thing_no })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
  // A connection keeps the things that its certificate had when it came: it comes again with the present ones.
  registry.revoke(certificateId);
  return {};
}

/**
 * The holder of a certificate speaks for a thing no more, and connects anew.
 *
 * @throws ModelledError ResourceNotFoundException: no such thing, no such certificate, or it is not attached
 */
export async function detachThingPrincipal(
  registry: Registry,
  { thingName, principal }: InputOf<typeof DETACH_THING_PRINCIPAL>,
): Promise<object> {
  const certificateId = nameIn(registry, 'cert', principal);
  const { thing_no } = await thingNamed(registry, thingName);
  await certificateNamed(registry, certificateId);
  const gone = await registry.db
    .deleteFrom('principal')
    .where('certificate_id', '=', certificateId)
    .where('thing_no', '=', thing_no)
    .returning('thing_no')
    .execute();
  if (gone.length === 0) throw notFound(`Certificate ${certificateId} is not attached to thing ${thingName}`);
  registry.revoke(certificateId);
  return {};
}

/** One page of certificates, by ARN. */
export async function listThingPrincipals(
  registry: Registry,
  { thingName, nextToken, maxResults = PAGE_MAX }: InputOf<typeof LIST_THING_PRINCIPALS>,
): Promise<{ principals: string[]; nextToken?: string }> {
  const { thing_no } = await thingNamed(registry, thingName);
  const rows = await registry.db
    .selectFrom('principal')
    .select('certificate_id')
    .where('thing_no', '=', thing_no)
    .where('certificate_id', '>', nameBefore(nextToken))
    .orderBy('certificate_id')
    .limit(maxResults + 1)
    .execute();
  const { page, ...more } = pageOf(rows, maxResults, (row) => row.certificate_id);
  return { principals: page.map((row) => arnOf(registry, 'cert', row.certificate_id)), ...more };
}

/** One page of things, in the order of registration. */
export async function listPrincipalThings(
  registry: Registry,
  { principal, nextToken, maxResults = PAGE_MAX }: InputOf<typeof LIST_PRINCIPAL_THINGS>,
): Promise<{ things: string[]; nextToken?: string }> {
  const certificate = await certificateNamed(registry, nameIn(registry, 'cert', principal));
  const rows = await registry.db
    .selectFrom('principal')
    .innerJoin('thing', 'thing.thing_no', 'principal.thing_no')
    .select(['thing.thing_no', 'thing.thing_name'])
    .where('principal.certificate_id', '=', certificate.certificate_id)
    .where('principal.thing_no', '>', keyBefore(nextToken))
    .orderBy('principal.thing_no')
    .limit(maxResults + 1)
    .execute();
  const { page, ...more } = pageOf(rows, maxResults, (row) => row.thing_no);
  return { things: page.map((row) => row.thing_name), ...more };
}
