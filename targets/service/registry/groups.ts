import { isDeepStrictEqual } from 'node:util';
import { type Selectable, sql } from 'kysely';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import type { ADD_THING_TO_THING_GROUP, CREATE_THING_GROUP } from '../operations/registryOperations.ts';
import type { ThingGroupTable } from '../store/schema.ts';
import { arnOf, nameIn } from './arns.ts';
import { GROUP_DEPTH_MAX, GROUPS_OF_THING_MAX, newId, type Registry } from './registry.ts';
import { lockThing } from './things.ts';

/**
 * Makes a group. The same request again answers the same; one that differs is refused with 409. The API model has no 404 here:
 * a parent that does not exist is an InvalidRequestException.
 */
export async function createThingGroup(
  registry: Registry,
  input: InputOf<typeof CREATE_THING_GROUP>,
): Promise<{ thingGroupName: string; thingGroupArn: string; thingGroupId: string }> {
  const { thingGroupName, parentGroupName, thingGroupProperties, tags } = input;
  const properties = { ...thingGroupProperties, ...(tags === undefined ? {} : { tags }) };
  const group = await registry.db.transaction().execute(async (db) => {
    if (parentGroupName !== undefined) await checkParent({ db }, parentGroupName);
    await db
      .insertInto('thing_group')
      .values({
        group_name: thingGroupName,
        group_id: newId(registry),
        parent: parentGroupName ?? null,
        properties: JSON.stringify(properties),
        version: 1,
        created_at: registry.nowMillis(),
      })
      .onConflict((conflict) => conflict.column('group_name').doNothing())
      .execute();
    return groupNamed({ db }, thingGroupName);
  });
  const thingGroupArn = arnOf(registry, 'thinggroup', thingGroupName);
  const same =
    group.parent === (parentGroupName ?? null) &&
    isDeepStrictEqual(JSON.parse(group.properties), JSON.parse(JSON.stringify(properties)));
  if (!same)
    throw refusal(
      'ResourceAlreadyExistsException',
      `Thing group ${thingGroupName} already exists in account with different configurations`,
      { resourceId: group.group_id, resourceArn: thingGroupArn },
    );
  return { thingGroupName, thingGroupArn, thingGroupId: group.group_id };
}

/** Puts a thing into a group; one that is in it already stays where it is. */
export async function addThingToThingGroup(
  registry: Registry,
  input: InputOf<typeof ADD_THING_TO_THING_GROUP>,
): Promise<void> {
  const groupName = oneName(registry, 'thinggroup', input, 'thingGroupName', 'thingGroupArn');
  const thingName = oneName(registry, 'thing', input, 'thingName', 'thingArn');
  await registry.db.transaction().execute(async (db) => {
    await lockGroup({ db }, groupName);
    const { thing_no } = await lockThing({ db }, thingName);
    const memberships = await db
      .selectFrom('member')
      .innerJoin('thing_group', 'thing_group.group_name', 'member.grp')
      .select('member.grp')
      .where('member.thing_no', '=', thing_no)
      .execute();
    if (memberships.some(({ grp }) => grp === groupName)) return;
    if (memberships.length >= GROUPS_OF_THING_MAX)
      throw invalidRequest(
        `Thing ${thingName} is in ${memberships.length} groups already: a thing may be in ${GROUPS_OF_THING_MAX}`,
      );
    const root = await rootOf({ db }, groupName);
    for (const { grp } of memberships)
      if ((await rootOf({ db }, grp)) === root)
        throw invalidRequest(`Thing ${thingName} is in group ${grp} of the same hierarchy as group ${groupName}`);
    await db
      .insertInto('member')
      .values({
        grp: groupName,
        seq: await nextSeq(registry, { db }, groupName),
        thing_no,
        added_at: registry.nowMillis(),
      })
      .execute();
  });
}

/** @throws ModelledError ResourceNotFoundException */
export async function groupNamed(
  { db }: Pick<Registry, 'db'>,
  groupName: string,
): Promise<Selectable<ThingGroupTable>> {
  const group = await db.selectFrom('thing_group').selectAll().where('group_name', '=', groupName).executeTakeFirst();
  if (group === undefined) throw notFound(`Thing group ${groupName} does not exist`);
  return group;
}

/** Makes transactions on one group wait for one another where the store has several writers (SQLite has one). */
async function lockGroup(registry: Pick<Registry, 'db'>, groupName: string): Promise<void> {
  await registry.db
    .updateTable('thing_group')
    .set({ version: sql<number>`version` })
    .where('group_name', '=', groupName)
    .execute();
  await groupNamed(registry, groupName);
}

/**
 * A roll-out's cursor may stand at the highest `seq` that ever was, and that member may have left since: one more than the
 * present highest would then be given twice and its thing be missed. So the clock counts, too.
 */
async function nextSeq({ nowMillis }: Registry, { db }: Pick<Registry, 'db'>, groupName: string): Promise<number> {
  const { highest } = await db
    .selectFrom('member')
    .select(({ fn }) => fn.max('seq').as('highest'))
    .where('grp', '=', groupName)
    .executeTakeFirstOrThrow();
  return Math.max(Number(highest ?? 0) + 1, nowMillis());
}

async function checkParent(registry: Pick<Registry, 'db'>, parentName: string): Promise<void> {
  const ancestors = await ancestorsOf(registry, parentName);
  if (ancestors.length === 0) throw invalidRequest(`Parent group ${parentName} does not exist`);
  if (ancestors.length >= GROUP_DEPTH_MAX)
    throw invalidRequest(
      `Group ${parentName} is at depth ${ancestors.length}: a group tree is at most ${GROUP_DEPTH_MAX} deep`,
    );
}

async function rootOf(registry: Pick<Registry, 'db'>, groupName: string): Promise<string> {
  return (await ancestorsOf(registry, groupName)).at(-1) ?? groupName;
}

/** The group itself, its parent, and so on up to the root; empty when there is no such group. */
async function ancestorsOf({ db }: Pick<Registry, 'db'>, groupName: string): Promise<string[]> {
  const names: string[] = [];
  let next: string | null = groupName;
  while (next !== null && names.length < GROUP_DEPTH_MAX) {
    const group: { group_name: string; parent: string | null } | undefined = await db
      .selectFrom('thing_group')
      .select(['group_name', 'parent'])
      .where('group_name', '=', next)
      .executeTakeFirst();
    if (group !== undefined) names.push(group.group_name);
    next = group?.parent ?? null;
  }
  return names;
}

/** A resource named by its name, its ARN, or by both when they agree. */
function oneName<N extends string, A extends string>(
  registry: Registry,
  kind: 'thing' | 'thinggroup',
  input: { readonly [K in N | A]?: string },
  nameMember: N,
  arnMember: A,
): string {
  const name = input[nameMember];
  const arn = input[arnMember];
  if (name === undefined && arn === undefined)
    throw invalidRequest(`Either '${nameMember}' or '${arnMember}' is required`);
  const inArn = arn === undefined ? undefined : nameIn(registry, kind, arn);
  if (name !== undefined && inArn !== undefined && name !== inArn)
    throw invalidRequest(`'${nameMember}' is ${name}, but '${arnMember}' names ${inArn.slice(0, 128)}`);
  return (name ?? inArn)!;
}
