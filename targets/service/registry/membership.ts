import type { Kysely } from 'kysely';
import type {
  ADD_THING_TO_THING_GROUP,
  LIST_THING_GROUPS_FOR_THING,
  LIST_THINGS_IN_THING_GROUP,
  REMOVE_THING_FROM_THING_GROUP,
  UPDATE_THING_GROUPS_FOR_THING,
} from '../operations/membershipOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest } from '../operations/refusals.ts';
import { inTransaction } from '../store/open.ts';
import type { Database } from '../store/schema.ts';
import type { Connection } from '../store/statement.ts';
import { arnOf, oneName } from './arns.ts';
import { groupNamed, lockGroup } from './groups.ts';
import { namesBelow, rootOf } from './hierarchy.ts';
import { memberBefore, nameBefore, pageOf, tokenAfter } from './paging.ts';
import { GROUPS_OF_THING_MAX, PAGE_MAX, type Registry } from './registry.ts';
import { lockThing, thingNamed } from './things.ts';

/** Puts a thing into a group; one that is in it already stays where it is. */
export async function addThingToThingGroup(
  registry: Registry,
  input: InputOf<typeof ADD_THING_TO_THING_GROUP>,
): Promise<void> {
  const groupName = oneName(registry, 'thinggroup', input, 'thingGroupName', 'thingGroupArn');
  const thingName = oneName(registry, 'thing', input, 'thingName', 'thingArn');
  await move(registry, thingName, { join: [groupName], leave: [] });
}

/** Takes a thing out of a group; one that is not in it stays where it is. */
export async function removeThingFromThingGroup(
  registry: Registry,
  input: InputOf<typeof REMOVE_THING_FROM_THING_GROUP>,
): Promise<void> {
  const groupName = oneName(registry, 'thinggroup', input, 'thingGroupName', 'thingGroupArn');
  const thingName = oneName(registry, 'thing', input, 'thingName', 'thingArn');
  await move(registry, thingName, { join: [], leave: [groupName] });
}

/** A thing can so move inside one hierarchy; when one group refuses, nothing is changed. */
export async function updateThingGroupsForThing(
  registry: Registry,
  { thingName, thingGroupsToAdd = [], thingGroupsToRemove = [] }: InputOf<typeof UPDATE_THING_GROUPS_FOR_THING>,
): Promise<void> {
  if (thingName === undefined) throw invalidRequest("'thingName' is required");
  const both = thingGroupsToAdd.find((name) => thingGroupsToRemove.includes(name));
  if (both !== undefined)
    throw invalidRequest(`Group ${both} is in 'thingGroupsToAdd' and in 'thingGroupsToRemove': expected one of them`);
  await move(registry, thingName, { join: [...new Set(thingGroupsToAdd)], leave: [...new Set(thingGroupsToRemove)] });
}

/** One page: by group, and in a group in the order of registration. */
export async function listThingsInThingGroup(
  { db }: Registry,
  input: InputOf<typeof LIST_THINGS_IN_THING_GROUP>,
): Promise<{ things: string[]; nextToken?: string }> {
  const { thingGroupName, recursive = false, maxResults = PAGE_MAX } = input;
  await groupNamed({ db }, thingGroupName);
  const [firstGroup, lastThingNo] = memberBefore(input.nextToken) ?? ['', 0];
  const groups = recursive ? [thingGroupName, ...(await allBelow(db, thingGroupName))] : [thingGroupName];
  const found: { grp: string; thing_no: number; thing_name: string }[] = [];
  for (const grp of groups.sort().filter((name) => name >= firstGroup)) {
    found.push(...(await membersOf(db, grp, grp === firstGroup ? lastThingNo : 0, maxResults + 1 - found.length)));
    if (found.length > maxResults) break;
  }
  const { page, ...more } = pageOf(found, maxResults, (row) => [row.grp, row.thing_no]);
  return { things: page.map((row) => row.thing_name), ...more };
}

/** The groups that a thing is in itself, by name; not those above them. */
export async function listThingGroupsForThing(
  registry: Registry,
  { thingName, nextToken, maxResults = PAGE_MAX }: InputOf<typeof LIST_THING_GROUPS_FOR_THING>,
): Promise<{ thingGroups: { groupName: string; groupArn: string }[]; nextToken?: string }> {
  const { thing_no } = await thingNamed(registry, thingName);
  const after = nameBefore(nextToken);
  // At most ten, so they are sorted here: by the same rule whatever the store's.
  const names = (await groupsOf(registry.db, thing_no)).sort().filter((name) => name > after);
  const page = names.slice(0, maxResults);
  return {
    thingGroups: page.map((groupName) => ({ groupName, groupArn: arnOf(registry, 'thinggroup', groupName) })),
    ...(names.length > maxResults ? { nextToken: tokenAfter(page.at(-1)!) } : {}),
  };
}

/** The names of the groups that a thing is in. */
export async function groupsOf(db: Kysely<Database>, thingNo: number): Promise<string[]> {
  // The join leaves out the things that a job names one by one, which make a group of its own.
  const rows = await db
    .selectFrom('member')
    .innerJoin('thing_group', 'thing_group.group_name', 'member.grp')
    .select('member.grp')
    .where('member.thing_no', '=', thingNo)
    .execute();
  return rows.map(({ grp }) => grp);
}

/** @throws ModelledError ResourceNotFoundException; InvalidRequestException where a group cannot take the thing */
async function move(
  registry: Registry,
  thingName: string,
  { join, leave }: { join: readonly string[]; leave: readonly string[] },
): Promise<void> {
  const told = await inTransaction(registry, (tx) => moveWithin(registry, tx, thingName, { join, leave }));
  if (told.length > 0) registry.membership.committed(told);
}

/**
 * The same as part of a transaction.
 *
 * @returns the things that `membership.committed` is to be told of behind it
 */
export async function moveWithin(
  registry: Registry,
  tx: Connection,
  thingName: string,
  { join, leave }: { join: readonly string[]; leave: readonly string[] },
): Promise<number[]> {
  // Everybody locks in this order, so nobody waits in a circle.
  for (const groupName of [...join, ...leave].sort()) await lockGroup(tx, groupName);
  const { thing_no: thingNo } = await lockThing(tx, thingName);
  const before = new Set(await groupsOf(tx.db, thingNo));
  const left = leave.filter((name) => before.has(name));
  const joined = join.filter((name) => !before.has(name));
  const groups = new Set([...before].filter((name) => !left.includes(name)));
  const things: number[] = [];
  // First in, then out: a thing that moves inside of a job's targets has never left them, and is not given the job again.
  for (const groupName of joined) {
    await checkRoom(tx.db, thingName, groups, groupName);
    groups.add(groupName);
    await insertMember(registry, tx.db, groupName, thingNo);
    things.push(...(await registry.membership.thingJoined(tx, thingNo, groupName)));
  }
  for (const groupName of left) {
    things.push(...(await registry.membership.thingLeaves(tx, thingNo, groupName)));
    await tx.db.deleteFrom('member').where('grp', '=', groupName).where('thing_no', '=', thingNo).execute();
  }
  return things;
}

/** @throws ModelledError InvalidRequestException: the thing is in too many groups, or in another one of the same hierarchy */
async function checkRoom(
  db: Kysely<Database>,
  thingName: string,
  groups: ReadonlySet<string>,
  groupName: string,
): Promise<void> {
  if (groups.size >= GROUPS_OF_THING_MAX)
    throw invalidRequest(
      `Thing ${thingName} is in ${groups.size} groups already: a thing may be in ${GROUPS_OF_THING_MAX}`,
    );
  const root = await rootOf(db, groupName);
  for (const other of groups)
    if ((await rootOf(db, other)) === root)
      throw invalidRequest(`Thing ${thingName} is in group ${other} of the same hierarchy as group ${groupName}`);
}

async function insertMember(
  registry: Registry,
  db: Kysely<Database>,
  groupName: string,
  thingNo: number,
): Promise<void> {
  const seq = await nextSeq(registry, db, groupName);
  await db
    .insertInto('member')
    .values({ grp: groupName, seq, thing_no: thingNo, added_at: registry.nowMillis() })
    .execute();
}

/**
 * A roll-out's cursor may stand at the highest `seq` that ever was, and that member may have left since: one more than the
 * present highest would then be given twice and its thing be missed. So the clock counts, too.
 */
async function nextSeq({ nowMillis }: Registry, db: Kysely<Database>, groupName: string): Promise<number> {
  const { highest } = await db
    .selectFrom('member')
    .select(({ fn }) => fn.max('seq').as('highest'))
    .where('grp', '=', groupName)
    .executeTakeFirstOrThrow();
  return Math.max(Number(highest ?? 0) + 1, nowMillis());
}

async function membersOf(db: Kysely<Database>, grp: string, afterThingNo: number, limit: number) {
  return db
    .selectFrom('member')
    .innerJoin('thing', 'thing.thing_no', 'member.thing_no')
    .select(['member.grp', 'member.thing_no', 'thing.thing_name'])
    .where('member.grp', '=', grp)
    .where('member.thing_no', '>', afterThingNo)
    .orderBy('member.thing_no')
    .limit(limit)
    .execute();
}

async function allBelow(db: Kysely<Database>, groupName: string): Promise<string[]> {
  const rows = await db
    .selectFrom('thing_group')
    .select('group_name')
    .where('group_name', 'in', namesBelow(groupName))
    .execute();
  return rows.map(({ group_name }) => group_name);
}
