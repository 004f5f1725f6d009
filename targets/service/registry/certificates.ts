import { X509Certificate } from 'node:crypto';
import type {
  ATTACH_THING_PRINCIPAL,
  CREATE_CERTIFICATE_FROM_CSR,
  CREATE_KEYS_AND_CERTIFICATE,
  DELETE_CERTIFICATE,
  DESCRIBE_CERTIFICATE,
  DETACH_THING_PRINCIPAL,
  LIST_CERTIFICATES,
  LIST_PRINCIPAL_THINGS,
  LIST_THING_PRINCIPALS,
  UPDATE_CERTIFICATE,
} from '../operations/certificateOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import { inTransaction } from '../store/open.ts';
import { arnOf, nameIn } from './arns.ts';
import { inBase64, keyBefore, nameBefore, pageOf, timedNameBefore } from './paging.ts';
import { PAGE_MAX, type Registry } from './registry.ts';
import { lockThing, thingNamed } from './things.ts';

/** Makes a device's key pair and certificate. The private key is in this answer and nowhere else. */
export async function createKeysAndCertificate(
  registry: Registry,
  { setAsActive = false }: InputOf<typeof CREATE_KEYS_AND_CERTIFICATE>,
) {
  const { certificateId, certificatePem, keyPair } = await registry.issueCertificate();
  const certificateArn = await keepCertificate(registry, certificateId, certificatePem, setAsActive);
  return { certificateArn, certificateId, certificatePem, keyPair };
}

/**
 * Makes a certificate for a key that never leaves its device; each request makes another one.
 *
 * @throws ModelledError InvalidRequestException: no signing request, not signed with its key, a kind of key that is not served
 */
export async function createCertificateFromCsr(
  registry: Registry,
  { certificateSigningRequest, setAsActive = false }: InputOf<typeof CREATE_CERTIFICATE_FROM_CSR>,
) {
  const made = await registry.certifyRequest(certificateSigningRequest);
  if (typeof made === 'string') throw invalidRequest(`'certificateSigningRequest' cannot be certified: ${made}`);
  const { certificateId, certificatePem } = made;
  const certificateArn = await keepCertificate(registry, certificateId, certificatePem, setAsActive);
  return { certificateArn, certificateId, certificatePem };
}

export async function describeCertificate(registry: Registry, { certificateId }: InputOf<typeof DESCRIBE_CERTIFICATE>) {
  const certificate = await certificateNamed(registry, certificateId);
  const { validFrom, validTo } = new X509Certificate(certificate.pem);
  return {
    certificateDescription: {
      certificateArn: arnOf(registry, 'cert', certificate.certificate_id),
      certificateId: certificate.certificate_id,
      status: certificate.status,
      certificatePem: certificate.pem,
      ownedBy: registry.account,
      creationDate: certificate.created_at / 1000,
      lastModifiedDate: (certificate.modified_at ?? certificate.created_at) / 1000,
      validity: { notBefore: Date.parse(validFrom) / 1000, notAfter: Date.parse(validTo) / 1000 },
      certificateMode: 'DEFAULT' as const,
    },
  };
}

/** Where a certificate may be sent by hand; the others come from transfers and registration, which this service has not. */
const STATUSES: readonly string[] = ['ACTIVE', 'INACTIVE', 'REVOKED'];

/**
 * Activates, deactivates or revokes. Unlike AWS, which lets them stay, who is connected with a certificate that is not ACTIVE
 * any more is disconnected at once.
 */
export async function updateCertificate(
  registry: Registry,
  { certificateId, newStatus }: InputOf<typeof UPDATE_CERTIFICATE>,
): Promise<void> {
  if (!STATUSES.includes(newStatus))
    throw invalidRequest(`'newStatus' is ${newStatus}: expected ${STATUSES.join(', ')}`);
  const { certificate_id: id, status } = await certificateNamed(registry, certificateId);
  if (status === newStatus) return;
  await registry.db
    .updateTable('certificate')
    .set({ status: newStatus as typeof status, modified_at: registry.nowMillis() })
    .where('certificate_id', '=', id)
    .execute();
  if (newStatus !== 'ACTIVE') registry.revoke(id);
}

/**
 * Deletes a certificate for good.
 *
 * @throws ModelledError ResourceNotFoundException; CertificateStateException while it is ACTIVE; DeleteConflictException while
 *         it is attached to a thing
 */
export async function deleteCertificate(
  registry: Registry,
  { certificateId }: InputOf<typeof DELETE_CERTIFICATE>,
): Promise<void> {
  await inTransaction(registry, async ({ db }) => {
    const { certificate_id: id, status } = await certificateNamed({ db }, certificateId);
    if (status === 'ACTIVE')
      throw refusal('CertificateStateException', `Certificate ${id} is ACTIVE: deactivate it first`);
    const attached = await db
      .selectFrom('principal')
      .select('thing_no')
      .where('certificate_id', '=', id)
      .limit(1)
      .execute();
    if (attached.length > 0)
      throw refusal('DeleteConflictException', `Certificate ${id} is attached to a thing: detach it first`);
    await db.deleteFrom('claim').where('certificate_id', '=', id).execute();
    await db.deleteFrom('ownership').where('certificate_id', '=', id).execute();
    await db.deleteFrom('certificate').where('certificate_id', '=', id).execute();
  });
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

/** Without a pageSize (API model). */
const CERTIFICATES_PAGE = 25;

/** One page of all certificates, by when they were made; those of one millisecond by certificateId. */
export async function listCertificates(
  registry: Registry,
  { pageSize = CERTIFICATES_PAGE, marker, ascendingOrder = false }: InputOf<typeof LIST_CERTIFICATES>,
) {
  const [order, behind] = ascendingOrder ? (['asc', '>'] as const) : (['desc', '<'] as const);
  const before = marker === undefined ? undefined : timedNameBefore(marker);
  const rows = await registry.db
    .selectFrom('certificate')
    .select(['certificate_id', 'status', 'created_at'])
    .$if(before !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('created_at', behind, before![1]),
          eb.and([eb('created_at', '=', before![1]), eb('certificate_id', behind, before![0])]),
        ]),
      ),
    )
    .orderBy('created_at', order)
    .orderBy('certificate_id', order)
    .limit(pageSize + 1)
    .execute();
  const { page, nextToken } = pageOf(rows, pageSize, (row) => [row.certificate_id, row.created_at]);
  return {
    certificates: page.map((row) => ({
      certificateArn: arnOf(registry, 'cert', row.certificate_id),
      certificateId: row.certificate_id,
      status: row.status,
      certificateMode: 'DEFAULT' as const,
      creationDate: row.created_at / 1000,
    })),
    ...(nextToken === undefined ? {} : { nextMarker: inBase64(nextToken) }),
  };
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

async function keepCertificate(
  registry: Registry,
  certificateId: string,
  pem: string,
  setAsActive: boolean,
): Promise<string> {
  const status = setAsActive ? 'ACTIVE' : 'INACTIVE';
  await registry.db
    .insertInto('certificate')
    .values({ certificate_id: certificateId, pem, status, created_at: registry.nowMillis() })
    .execute();
  return arnOf(registry, 'cert', certificateId);
}

/**
 * Makes transactions on one certificate wait for one another where the store has several writers.
 *
 * @throws ModelledError ResourceNotFoundException
 */
export async function lockCertificate(db: Registry['db'], certificateId: string): Promise<void> {
  await db
    .updateTable('certificate')
    .set(({ ref }) => ({ status: ref('status') }))
    .where('certificate_id', '=', certificateId)
    .execute();
  await certificateNamed({ db }, certificateId);
}

/** @throws ModelledError ResourceNotFoundException */
async function certificateNamed({ db }: Pick<Registry, 'db'>, certificateId: string) {
  const certificate = await db
    .selectFrom('certificate')
    .selectAll()
    .where('certificate_id', '=', certificateId.toLowerCase())
    .executeTakeFirst();
  if (certificate === undefined) throw notFound(`Certificate ${certificateId.slice(0, 64)} does not exist`);
  return certificate;
}
