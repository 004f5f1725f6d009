import { isDeepStrictEqual } from 'node:util';
import { CREATE_THING } from '../operations/registryOperations.ts';
import { faultsMessage, validate } from '../operations/validate.ts';
import { mergedAttributes } from '../registry/attributes.ts';
import { groupsOf, moveWithin } from '../registry/membership.ts';
import { claimsOf, findPrincipal } from '../registry/principals.ts';
import type { Registry } from '../registry/registry.ts';
import { createThing, lockThing, setAttributes } from '../registry/things.ts';
import { inTransaction } from '../store/open.ts';
import type { Connection } from '../store/statement.ts';
import { PARAMETER_CHARS_MAX } from './limits.ts';
import { hashOf } from './pending.ts';
import { Rejection } from './rejection.ts';
import { type Provision, provisionBy, TemplateFault } from './templateBody.ts';
import { versionOf } from './templates.ts';

/** What RegisterThing answers. */
export interface Registered {
  thingName: string;
  deviceConfiguration: Record<string, string>;
}

/**
 * Gives a certificate that was made by MQTT to the thing that the template makes of the parameters: the thing is made if there
 * is none, the certificate is attached to it and has the template's status, all of it or nothing.
 *
 * The same token and template again answer the same, within the token's hour, so that a board which lost power before it had
 * the answer asks again. (What AWS answers then is not documented.)
 *
 * @param askedBy  certificateId of the requester: a claim for this template, or of the very thing that the template gives
 * @throws Rejection, ModelledError
 */
export async function registerThing(
  registry: Registry,
  askedBy: string,
  templateName: string,
  payload: Readonly<Record<string, unknown>>,
): Promise<Registered> {
  const { token, parameters } = readPayload(payload);
  const done = await inTransaction(registry, async (tx) => {
    const body = await enabledBody(tx, templateName);
    const ownership = await ownershipOf(registry, tx, token, askedBy);
    const provision = readProvision(body, parameters, ownership.certificate_id);
    await checkMay(registry, tx, askedBy, templateName, provision.thingName);
    const answer: Registered = {
      thingName: provision.thingName,
      deviceConfiguration: provision.deviceConfiguration,
    };
    if (ownership.answer !== null) {
      if (isDeepStrictEqual(JSON.parse(ownership.answer), answer)) return { answer, told: [] };
      throw invalidToken('it was used for another thing already');
    }
    const told = await provideThing({ ...registry, ...tx }, tx, provision);
    await giveCertificate(registry, tx, ownership.certificate_id, provision);
    await tx.db
      .updateTable('ownership')
      .set({ answer: JSON.stringify(answer) })
      .where('token_sha256', '=', hashOf(token))
      .execute();
    return { answer, told };
  });
  if (done.told.length > 0) registry.membership.committed(done.told);
  return done.answer;
}

function readPayload({ certificateOwnershipToken: token, parameters = {} }: Readonly<Record<string, unknown>>) {
  if (typeof token !== 'string' || token === '') throw invalidToken('certificateOwnershipToken is missing');
  const isMap = typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters);
  const values = isMap ? Object.values(parameters) : [undefined];
  if (!values.every((value) => typeof value === 'string' && value.length <= PARAMETER_CHARS_MAX))
    throw new Rejection(
      400,
      'InvalidParameters',
      `parameters: expected texts by name, each of at most ${PARAMETER_CHARS_MAX} characters`,
    );
  return { token, parameters: parameters as Record<string, string> };
}

async function enabledBody({ db }: Connection, templateName: string): Promise<string> {
  const template = await db
    .selectFrom('provisioning_template')
    .select(['enabled', 'default_version'])
    .where('template_name', '=', templateName)
    .executeTakeFirst();
  if (template === undefined)
    throw new Rejection(404, 'ResourceNotFound', `there is no provisioning template ${templateName}`);
  if (template.enabled !== 1)
    throw new Rejection(400, 'InvalidParameters', `provisioning template ${templateName} is not enabled`);
  return (await versionOf({ db }, templateName, template.default_version)).body;
}

/** Held until the transaction ends: the same token at the same time waits. */
async function ownershipOf({ nowMillis }: Registry, { db }: Connection, token: string, askedBy: string) {
  const ownership = await db
    .updateTable('ownership')
    .set(({ ref }) => ({ asked_by: ref('asked_by') }))
    .where('token_sha256', '=', hashOf(token))
    .where('asked_by', '=', askedBy)
    .where('expires_at', '>', nowMillis())
    .returning(['certificate_id', 'answer'])
    .executeTakeFirst();
  if (ownership === undefined)
    throw invalidToken('it is not one that this certificate was given, or it has expired: ask for another certificate');
  return ownership;
}

function readProvision(body: string, parameters: Record<string, string>, certificateId: string): Provision {
  let provision: Provision;
  try {
    provision = provisionBy(body, parameters, certificateId);
  } catch (error) {
    if (error instanceof TemplateFault) throw new Rejection(400, 'InvalidParameters', error.message);
    throw error;
  }
  const { thingName, attributes } = provision;
  const { faults } = validate(CREATE_THING.input, { thingName, attributePayload: { attributes } });
  if (faults.count > 0) throw new Rejection(400, 'InvalidParameters', faultsMessage(faults));
  return provision;
}

/** Looked up anew: a claim may have ended since its connection began. */
async function checkMay(
  { nowMillis }: Registry,
  { db }: Connection,
  askedBy: string,
  templateName: string,
  thingName: string,
): Promise<void> {
  const principal = await findPrincipal({ db, nowMillis }, askedBy);
  if (principal?.claims?.includes(templateName) || principal?.thingNames.includes(thingName)) return;
  const claims = await claimsOf({ db }, askedBy);
  throw new Rejection(
    403,
    'AccessDenied',
    claims.length > 0
      ? `the claim for template ${templateName} is no longer good`
      : `this certificate is not of thing ${thingName}: with it only another one for its own thing can be had`,
  );
}

/** @returns the things that `membership.committed` is to be told of */
async function provideThing(registry: Registry, tx: Connection, provision: Provision): Promise<number[]> {
  const { thingName, attributes, thingGroups, overrides } = provision;
  const existing = await tx.db
    .selectFrom('thing')
    .select('thing_no')
    .where('thing_name', '=', thingName)
    .executeTakeFirst();
  if (existing === undefined) {
    await createThing(registry, { thingName, attributePayload: { attributes } });
    return moveWithin(registry, tx, thingName, { join: thingGroups, leave: [] });
  }
  const groups = await groupsOf(tx.db, existing.thing_no);
  const others = groups.filter((name) => !thingGroups.includes(name));
  const missing = thingGroups.filter((name) => !groups.includes(name));
  if (overrides.thingGroups === 'FAIL' && others.length + missing.length > 0)
    throw new Rejection(409, 'ResourceAlreadyExists', `thing ${thingName} exists and is in other groups`);
  const told =
    overrides.thingGroups === 'REPLACE'
      ? await moveWithin(registry, tx, thingName, { join: missing, leave: others })
      : [];
  const thing = await lockThing(tx, thingName);
  const before = JSON.parse(thing.attributes) as Record<string, string>;
  if (overrides.attributes === 'FAIL' && !isDeepStrictEqual(before, attributes))
    throw new Rejection(409, 'ResourceAlreadyExists', `thing ${thingName} exists and has other attributes`);
  const after =
    overrides.attributes === 'REPLACE' || overrides.attributes === 'MERGE'
      ? mergedAttributes(before, { attributes, merge: overrides.attributes === 'MERGE' })
      : before;
  if (!isDeepStrictEqual(before, after)) await setAttributes(tx, thing, after);
  return told;
}

async function giveCertificate(
  { nowMillis }: Registry,
  { db }: Connection,
  certificateId: string,
  { thingName, certificateStatus }: Provision,
): Promise<void> {
  const { thing_no } = await lockThing({ db }, thingName);
  const given = await db
    .updateTable('certificate')
    .set({ status: certificateStatus, modified_at: nowMillis() })
    .where('certificate_id', '=', certificateId)
    .where('status', '=', 'PENDING_ACTIVATION')
    .returning('certificate_id')
    .execute();
  if (given.length === 0) throw invalidToken('an operator has changed its certificate meanwhile');
  await db.insertInto('principal').values({ certificate_id: certificateId, thing_no }).execute();
}

function invalidToken(why: string): Rejection {
  return new Rejection(400, 'InvalidCertificateOwnershipToken', `the certificateOwnershipToken cannot be used: ${why}`);
}
