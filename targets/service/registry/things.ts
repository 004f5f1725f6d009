import { isDeepStrictEqual } from 'node:util';
import { type Selectable, sql } from 'kysely';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import type {
  CREATE_THING,
  DELETE_THING,
  DESCRIBE_THING,
  LIST_THINGS,
  UPDATE_THING,
} from '../operations/registryOperations.ts';
import { lockRows } from '../store/dialect.ts';
import { inTransaction } from '../store/open.ts';
import type { ThingTable } from '../store/schema.ts';
import { statement } from '../store/statement.ts';
import { arnOf } from './arns.ts';
import { type Attributes, checkVersion, mergedAttributes } from './attributes.ts';
import { keyBefore, tokenAfter } from './paging.ts';
import { ATTRIBUTES_MAX, newId, PAGE_MAX, type Registry, ROWS_SCANNED_MAX } from './registry.ts';

/**
 * Registers a thing. The same request again answers the same; one that differs is refused with 409.
 *
 * This service knows no thing types and no billing groups: naming one is a 404, as it is in AWS before they are created.
 */
export async function createThing(
  registry: Registry,
  input: InputOf<typeof CREATE_THING>,
): Promise<{ thingName: string; thingArn: string; thingId: string }> {
  const { thingName, thingTypeName, billingGroupName } = input;
  if (thingTypeName !== undefined) throw notFound(`Thing type '${thingTypeName}' does not exist`);
  if (billingGroupName !== undefined) throw notFound(`Billing group '${billingGroupName}' does not exist`);
  const attributes = input.attributePayload?.attributes ?? {};
  checkAttributes(attributes);
  await registry.db
    .insertInto('thing')
    .values({
      thing_name: thingName,
      thing_id: newId(registry),
      thing_type: null,
      attributes: JSON.stringify(attributes),
      version: 1,
      created_at: registry.nowMillis(),
    })
    .onConflict((conflict) => conflict.column('thing_name').doNothing())
    .execute();
  const thing = await thingNamed(registry, thingName);
  const thingArn = arnOf(registry, 'thing', thingName);
  if (!isDeepStrictEqual(JSON.parse(thing.attributes), { ...attributes }))
    throw refusal(
      'ResourceAlreadyExistsException',
      `Thing ${thingName} already exists in account with different attributes`,
      { resourceId: thing.thing_id, resourceArn: thingArn },
    );
  return { thingName, thingArn, thingId: thing.thing_id };
}

export async function describeThing(registry: Registry, { thingName }: InputOf<typeof DESCRIBE_THING>) {
  const thing = await thingNamed(registry, thingName);
  return { defaultClientId: thingName, thingId: thing.thing_id, ...summary(registry, thing) };
}

/**
 * Changes the attributes of a thing. Its version grows by one, whatever was asked.
 *
 * @throws ModelledError ResourceNotFoundException, also for a type; VersionConflictException
 */
export async function updateThing(
  registry: Registry,
  { thingName, thingTypeName, attributePayload, expectedVersion }: InputOf<typeof UPDATE_THING>,
): Promise<void> {
  await inTransaction(registry, async ({ db }) => {
    const thing = await lockThing({ db }, thingName);
    if (thingTypeName !== undefined) throw notFound(`Thing type '${thingTypeName}' does not exist`);
    checkVersion(`Thing ${thingName}`, thing.version, expectedVersion);
    const before = JSON.parse(thing.attributes) as Attributes;
    const attributes = attributePayload === undefined ? before : mergedAttributes(before, attributePayload);
    await setAttributes({ db }, thing, attributes);
  });
}

/**
 * Gives a thing other attributes, and its next version.
 *
 * @param thing  as lockThing has given it
 * @throws ModelledError InvalidRequestException: too many
 */
export async function setAttributes(
  tx: Pick<Registry, 'db'>,
  thing: Selectable<ThingTable>,
  attributes: Attributes,
): Promise<void> {
  checkAttributes(attributes);
  await tx.db
    .updateTable('thing')
    .set({ attributes: JSON.stringify(attributes), version: thing.version + 1 })
    .where('thing_no', '=', thing.thing_no)
    .execute();
}

/**
 * Removes a thing from the registry and from its groups. One that does not exist is no fault.
 *
 * @throws ModelledError VersionConflictException; InvalidRequestException while a certificate is attached to it, as AWS does
 */
export async function deleteThing(
  registry: Registry,
  { thingName, expectedVersion }: InputOf<typeof DELETE_THING>,
): Promise<void> {
  const told = await inTransaction(registry, async (tx) => {
    const { db } = tx;
    if ((await takeThing(tx, { thingName })).length === 0) return undefined;
    const { thing_no, version } = await lockThing({ db }, thingName);
    checkVersion(`Thing ${thingName}`, version, expectedVersion);
    const attached = await db
      .selectFrom('principal')
      .select('thing_no')
      .where('thing_no', '=', thing_no)
      .limit(1)
      .execute();
    if (attached.length > 0)
      throw invalidRequest(`Cannot delete. Thing ${thingName} is still attached to one or more principals`);
    const things = await registry.membership.thingDeleted(tx, thing_no);
    await db.deleteFrom('thing').where('thing_no', '=', thing_no).execute();
    return things;
  });
  if (told !== undefined) registry.membership.committed(told);
}

/** From here on no roll-out creates an execution for it, and one that just has is waited for. */
const takeThing = statement<{ thingName: string }, { thing_no: number }>(
  (value, engine) => sql`
  select thing_no from thing where thing_name = ${value('thingName')} ${lockRows(engine, 'thing')}`,
);

/** One page in the order of registration. */
export async function listThings(
  registry: Registry,
  input: InputOf<typeof LIST_THINGS>,
): Promise<{ things: ReturnType<typeof summary>[]; nextToken?: string }> {
  const { attributeName, attributeValue, thingTypeName, usePrefixAttributeValue = false } = input;
  if (attributeValue !== undefined && attributeName === undefined)
    throw invalidRequest("'attributeValue' is given without 'attributeName'");
  const pageSize = input.maxResults ?? PAGE_MAX;
  const scanned = await registry.db
    .selectFrom('thing')
    .selectAll()
    .where('thing_no', '>', keyBefore(input.nextToken))
    .$if(thingTypeName !== undefined, (query) => query.where('thing_type', '=', thingTypeName!))
    .orderBy('thing_no')
    .limit(attributeName === undefined ? pageSize + 1 : ROWS_SCANNED_MAX)
    .execute();

  const found: Selectable<ThingTable>[] = [];
  for (const thing of scanned) {
    if (attributeName !== undefined && !hasAttribute(thing, attributeName, attributeValue, usePrefixAttributeValue))
      continue;
    if (found.length === pageSize) break;
    found.push(thing);
  }
  const page = { things: found.map((thing) => summary(registry, thing)) };
  const last = scanned.at(-1);
  if (found.length === pageSize && last !== undefined && last.thing_no > found.at(-1)!.thing_no)
    return { ...page, nextToken: tokenAfter(found.at(-1)!.thing_no) };
  return scanned.length === ROWS_SCANNED_MAX ? { ...page, nextToken: tokenAfter(last!.thing_no) } : page;
}

/** @throws ModelledError ResourceNotFoundException */
export async function thingNamed({ db }: Pick<Registry, 'db'>, thingName: string): Promise<Selectable<ThingTable>> {
  const thing = await db.selectFrom('thing').selectAll().where('thing_name', '=', thingName).executeTakeFirst();
  if (thing === undefined) throw notFound(`Thing ${thingName} does not exist`);
  return thing;
}

/**
 * Makes transactions on one thing wait for one another where the store has several writers (SQLite has one).
 *
 * @throws ModelledError ResourceNotFoundException
 */
export async function lockThing(registry: Pick<Registry, 'db'>, thingName: string): Promise<Selectable<ThingTable>> {
  await registry.db
    .updateTable('thing')
    .set({ version: sql<number>`version` })
    .where('thing_name', '=', thingName)
    .execute();
  return thingNamed(registry, thingName);
}

/** @throws ModelledError InvalidRequestException */
function checkAttributes(attributes: Attributes): void {
  const count = Object.keys(attributes).length;
  if (count > ATTRIBUTES_MAX)
    throw invalidRequest(`A thing without a type has at most ${ATTRIBUTES_MAX} attributes: found ${count}`);
}

function summary(registry: Registry, thing: Selectable<ThingTable>) {
  return {
    thingName: thing.thing_name,
    thingArn: arnOf(registry, 'thing', thing.thing_name),
    attributes: JSON.parse(thing.attributes) as Record<string, string>,
    version: thing.version,
    ...(thing.thing_type === null ? {} : { thingTypeName: thing.thing_type }),
  };
}

function hasAttribute(
  thing: Selectable<ThingTable>,
  name: string,
  value: string | undefined,
  prefix: boolean,
): boolean {
  const attributes = JSON.parse(thing.attributes) as Record<string, string>;
  if (!Object.hasOwn(attributes, name)) return false;
  if (value === undefined) return true;
  return prefix ? attributes[name]!.startsWith(value) : attributes[name] === value;
}
