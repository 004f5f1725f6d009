import { isDeepStrictEqual } from 'node:util';
import { type Selectable, sql } from 'kysely';
import type {
  CREATE_THING_GROUP,
  DELETE_THING_GROUP,
  DESCRIBE_THING_GROUP,
  LIST_THING_GROUPS,
  UPDATE_THING_GROUP,
} from '../operations/groupOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import { inTransaction } from '../store/open.ts';
import type { ThingGroupTable } from '../store/schema.ts';
import { addTags, removeTags, type Tag, tagsOf } from '../store/tags.ts';
import { arnOf } from './arns.ts';
import { checkVersion, mergedAttributes } from './attributes.ts';
import { ancestorsOf, checkParent, namesBelow } from './hierarchy.ts';
import { nameBefore, pageOf } from './paging.ts';
import { newId, PAGE_MAX, type Registry } from './registry.ts';

type Group = Selectable<ThingGroupTable>;
/** `thingGroupProperties` as it is kept. */
type Properties = InputOf<typeof UPDATE_THING_GROUP>['thingGroupProperties'];

/**
 * Makes a group. The same request again answers the same; one that differs is refused with 409. The API model has no 404 here:
 * a parent that does not exist is an InvalidRequestException.
 */
export async function createThingGroup(
  registry: Registry,
  { thingGroupName, parentGroupName, thingGroupProperties = {}, tags }: InputOf<typeof CREATE_THING_GROUP>,
): Promise<{ thingGroupName: string; thingGroupArn: string; thingGroupId: string }> {
  const thingGroupArn = arnOf(registry, 'thinggroup', thingGroupName);
  const resource = { kind: 'thinggroup', name: thingGroupName } as const;
  const group = await inTransaction(registry, async ({ db }) => {
    if (parentGroupName !== undefined) await checkParent(db, parentGroupName);
    const made = await db
      .insertInto('thing_group')
      .values({
        group_name: thingGroupName,
        group_id: newId(registry),
        parent: parentGroupName ?? null,
        properties: JSON.stringify(thingGroupProperties),
        version: 1,
        created_at: registry.nowMillis(),
      })
      .onConflict((conflict) => conflict.column('group_name').doNothing())
      .returningAll()
      .executeTakeFirst();
    if (made !== undefined) {
      await addTags(db, resource, tags ?? []);
      return made;
    }
    const found = await groupNamed({ db }, thingGroupName);
    const same =
      found.parent === (parentGroupName ?? null) &&
      isDeepStrictEqual(JSON.parse(found.properties), JSON.parse(JSON.stringify(thingGroupProperties))) &&
      (tags === undefined || sameTags(tags, await tagsOf(db, resource)));
    if (same) return found;
    throw refusal(
      'ResourceAlreadyExistsException',
      `Thing group ${thingGroupName} already exists in account with different configurations`,
      { resourceId: found.group_id, resourceArn: thingGroupArn },
    );
  });
  return { thingGroupName, thingGroupArn, thingGroupId: group.group_id };
}

export async function describeThingGroup(registry: Registry, { thingGroupName }: InputOf<typeof DESCRIBE_THING_GROUP>) {
  const group = await groupNamed(registry, thingGroupName);
  const above = (await ancestorsOf(registry.db, thingGroupName)).slice(1).reverse();
  return {
    thingGroupName,
    thingGroupId: group.group_id,
    thingGroupArn: arnOf(registry, 'thinggroup', thingGroupName),
    version: group.version,
    thingGroupProperties: JSON.parse(group.properties) as Properties,
    thingGroupMetadata: {
      ...(group.parent === null ? {} : { parentGroupName: group.parent }),
      ...(above.length === 0 ? {} : { rootToParentThingGroups: above.map((name) => nameAndArn(registry, name)) }),
      creationDate: group.created_at / 1000,
    },
  };
}

/** Replaces the description and the attributes where they are given; with `merge` attributes are added to those before. */
export async function updateThingGroup(
  registry: Registry,
  { thingGroupName, thingGroupProperties, expectedVersion }: InputOf<typeof UPDATE_THING_GROUP>,
): Promise<{ version: number }> {
  return inTransaction(registry, async ({ db }) => {
    const group = await lockGroup({ db }, thingGroupName);
    checkVersion(`Thing group ${thingGroupName}`, group.version, expectedVersion);
    const before = JSON.parse(group.properties) as Properties;
    const { attributePayload } = thingGroupProperties;
    const properties: Properties = {
      ...before,
      ...thingGroupProperties,
      ...(attributePayload && {
        attributePayload: { attributes: mergedAttributes(before.attributePayload?.attributes, attributePayload) },
      }),
    };
    const version = group.version + 1;
    await db
      .updateTable('thing_group')
      .set({ properties: JSON.stringify(properties), version })
      .where('group_name', '=', thingGroupName)
      .execute();
    return { version };
  });
}

/** One page by name. */
export async function listThingGroups(
  registry: Registry,
  input: InputOf<typeof LIST_THING_GROUPS>,
): Promise<{ thingGroups: ReturnType<typeof nameAndArn>[]; nextToken?: string }> {
  const { parentGroup, namePrefixFilter, recursive, maxResults = PAGE_MAX } = input;
  const { db } = registry;
  if (parentGroup !== undefined) await groupNamed(registry, parentGroup);
  let query = db
    .selectFrom('thing_group')
    .select('group_name')
    .where('group_name', '>', nameBefore(input.nextToken))
    .orderBy('group_name')
    .limit(maxResults + 1);
  if (namePrefixFilter !== undefined)
    query = query.where(sql<string>`substr(group_name, 1, ${namePrefixFilter.length})`, '=', namePrefixFilter);
  if (parentGroup === undefined && recursive === false) query = query.where('parent', 'is', null);
  if (parentGroup !== undefined)
    query = recursive
      ? query.where('group_name', 'in', namesBelow(parentGroup))
      : query.where('parent', '=', parentGroup);
  const { page, ...more } = pageOf(await query.execute(), maxResults, (row) => row.group_name);
  return { thingGroups: page.map((row) => nameAndArn(registry, row.group_name)), ...more };
}

/**
 * Removes a group; its things stay. One that does not exist is no fault.
 *
 * @throws ModelledError InvalidRequestException while it has groups below it; VersionConflictException
 */
export async function deleteThingGroup(
  registry: Registry,
  { thingGroupName, expectedVersion }: InputOf<typeof DELETE_THING_GROUP>,
): Promise<void> {
  const told = await inTransaction(registry, async (tx) => {
    const { db } = tx;
    const group = await db
      .selectFrom('thing_group')
      .select('group_name')
      .where('group_name', '=', thingGroupName)
      .executeTakeFirst();
    if (group === undefined) return undefined;
    const { version } = await lockGroup({ db }, thingGroupName);
    checkVersion(`Thing group ${thingGroupName}`, version, expectedVersion);
    const child = await db
      .selectFrom('thing_group')
      .select('group_name')
      .where('parent', '=', thingGroupName)
      .limit(1)
      .executeTakeFirst();
    if (child !== undefined)
      throw invalidRequest(
        `Cannot delete thing group : ${thingGroupName} when there are still child groups attached to it.`,
      );
    const things = await registry.membership.groupDeleted(tx, thingGroupName);
    await db.deleteFrom('member').where('grp', '=', thingGroupName).execute();
    await removeTags(db, { kind: 'thinggroup', name: thingGroupName });
    await db.deleteFrom('thing_group').where('group_name', '=', thingGroupName).execute();
    return things;
  });
  if (told !== undefined) registry.membership.committed(told);
}

/** @throws ModelledError ResourceNotFoundException */
export async function groupNamed({ db }: Pick<Registry, 'db'>, groupName: string): Promise<Group> {
  const group = await db.selectFrom('thing_group').selectAll().where('group_name', '=', groupName).executeTakeFirst();
  if (group === undefined) throw notFound(`Thing group ${groupName} does not exist`);
  return group;
}

/**
 * Makes transactions on one group wait for one another where the store has several writers (SQLite has one).
 *
 * @throws ModelledError ResourceNotFoundException
 */
export async function lockGroup(registry: Pick<Registry, 'db'>, groupName: string): Promise<Group> {
  await registry.db
    .updateTable('thing_group')
    .set({ version: sql<number>`version` })
    .where('group_name', '=', groupName)
    .execute();
  return groupNamed(registry, groupName);
}

function nameAndArn(registry: Registry, groupName: string) {
  return { groupName, groupArn: arnOf(registry, 'thinggroup', groupName) };
}

function sameTags(given: readonly Tag[], present: readonly Tag[]): boolean {
  const byKey = (tags: readonly Tag[]) => Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
  return isDeepStrictEqual(byKey(given), byKey(present));
}
