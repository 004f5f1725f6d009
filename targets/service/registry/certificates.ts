import { X509Certificate } from 'node:crypto';
import type {
  CREATE_CERTIFICATE_FROM_CSR,
  CREATE_KEYS_AND_CERTIFICATE,
  DELETE_CERTIFICATE,
  DESCRIBE_CERTIFICATE,
  LIST_CERTIFICATES,
  UPDATE_CERTIFICATE,
} from '../operations/certificateOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import { inTransaction } from '../store/open.ts';
import { arnOf } from './arns.ts';
import { inBase64, pageOf, timedNameBefore } from './paging.ts';
import type { Registry } from './registry.ts';

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
export async function certificateNamed({ db }: Pick<Registry, 'db'>, certificateId: string) {
  const certificate = await db
    .selectFrom('certificate')
    .selectAll()
    .where('certificate_id', '=', certificateId.toLowerCase())
    .executeTakeFirst();
  if (certificate === undefined) throw notFound(`Certificate ${certificateId.slice(0, 64)} does not exist`);
  return certificate;
}
