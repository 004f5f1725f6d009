import { type Kysely, type RawBuilder, sql } from 'kysely';
import { invalidRequest } from '../operations/refusals.ts';
import type { Database } from '../store/schema.ts';
import { GROUP_DEPTH_MAX } from './registry.ts';

/** The tree that groups make: each has at most one parent, and a root has GROUP_DEPTH_MAX levels at most. */

/**
 * Whether a group may be made below `parentName`.
 *
 * @throws ModelledError InvalidRequestException: there is no such group, or it is at the greatest depth already
 */
export async function checkParent(db: Kysely<Database>, parentName: string): Promise<void> {
  const ancestors = await ancestorsOf(db, parentName);
  if (ancestors.length === 0) throw invalidRequest(`Parent group ${parentName} does not exist`);
  if (ancestors.length >= GROUP_DEPTH_MAX)
    throw invalidRequest(
      `Group ${parentName} is at depth ${ancestors.length}: a group tree is at most ${GROUP_DEPTH_MAX} deep`,
    );
}

export async function rootOf(db: Kysely<Database>, groupName: string): Promise<string> {
  return (await ancestorsOf(db, groupName)).at(-1) ?? groupName;
}

/** The group itself, its parent, and so on up to the root; empty when there is no such group. */
export async function ancestorsOf(db: Kysely<Database>, groupName: string): Promise<string[]> {
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

/** A subquery: the names of all groups below `groupName`. */
export function namesBelow(groupName: string): RawBuilder<string> {
  return sql<string>`(with recursive below (name) as (
      select group_name from thing_group where parent = ${groupName}
      union all select thing_group.group_name from thing_group join below on thing_group.parent = below.name
    ) select name from below)`;
}
