import { sql } from 'kysely';
import type { Connection } from '../../store/statement.ts';
import { TARGETS_MAX } from '../limits.ts';
import { type Control, invalidRequest, notFound } from './context.ts';

/** What a job is for: things one by one, and groups with all below them. */
export interface Target {
  kind: 'thing' | 'thinggroup';
  name: string;
}

/** @throws ModelledError InvalidRequestException */
export function parseTargets(control: Control, arns: readonly string[]): Target[] {
  if (arns.length > TARGETS_MAX) throw invalidRequest(`A job has at most ${TARGETS_MAX} targets: found ${arns.length}`);
  return arns.map((arn) => parseTarget(control, arn));
}

function parseTarget({ region, account }: Control, arn: string): Target {
  const match = /^arn:aws:iot:([^:]*):([^:]*):(thing|thinggroup)\/([a-zA-Z0-9:_-]{1,128})$/.exec(arn);
  if (match === null) throw invalidRequest(`The target ${arn} is not the ARN of a thing or a thing group`);
  if (match[1] !== region || match[2] !== account)
    throw invalidRequest(`The target ${arn} is not in region ${region} of account ${account}`);
  return { kind: match[3] as Target['kind'], name: match[4] as string };
}

export function namesOf(targets: readonly Target[], kind: Target['kind']): string[] {
  return [...new Set(targets.filter((target) => target.kind === kind).map(({ name }) => name))];
}

/** The things of a job make a group of its own, so that a roll-out knows nothing but groups. */
export async function targetThings(
  tx: Connection,
  jobNo: number,
  jobId: string,
  names: string[],
  nowMillis: number,
): Promise<void> {
  if (names.length === 0) return;
  const found = await tx.db
    .selectFrom('thing')
    .select(['thing_no', 'thing_name'])
    .where('thing_name', 'in', names)
    .execute();
  const numbers = new Map(found.map((thing) => [thing.thing_name, thing.thing_no]));
  const grp = ownGroup(jobId);
  const members = names.map((name, i) => {
    const thingNo = numbers.get(name);
    if (thingNo === undefined) throw notFound(`There is no thing ${name}`);
    return { grp, seq: i + 1, thing_no: thingNo, added_at: nowMillis };
  });
  await tx.db.insertInto('member').values(members).execute();
  await tx.db
    .insertInto('job_target')
    .values({ job_no: jobNo, grp, root: grp, cursor: 0, max_seq: names.length })
    .execute();
}

/** The group that holds the things which a job names one by one. */
export function ownGroup(jobId: string): string {
  return `/job/${jobId}`;
}

/** Resolves the groups of a job again when it starts, later than it was made; those that are gone by then have no members. */
export async function resolveGroups(tx: Connection, jobNo: number): Promise<void> {
  const roots = await tx.db
    .selectFrom('job_target')
    .innerJoin('thing_group', 'thing_group.group_name', 'job_target.root')
    .select('job_target.root')
    .distinct()
    .where('job_no', '=', jobNo)
    .execute();
  await targetGroups(
    tx,
    jobNo,
    roots.map(({ root }) => root),
  );
}

/** A group stands for itself and all below it (state-machine §5.1), each with the members that it has now. */
export async function targetGroups(tx: Connection, jobNo: number, names: string[]): Promise<void> {
  const roots = new Map<string, string>();
  for (const name of names) {
    const group = await tx.db
      .selectFrom('thing_group')
      .select('group_name')
      .where('group_name', '=', name)
      .executeTakeFirst();
    if (group === undefined) throw notFound(`There is no thing group ${name}`);
    roots.set(name, name);
  }
  for (const name of names) {
    let level = [name];
    while (level.length > 0) {
      const below = await tx.db
        .selectFrom('thing_group')
        .select('group_name')
        .where('parent', 'in', level)
        .orderBy('group_name')
        .execute();
      level = below.map((group) => group.group_name).filter((group) => !roots.has(group));
      for (const group of level) roots.set(group, name);
    }
  }
  // Whoever changes the members of one of these waits until the job knows it, or was before it (SQLite has one writer anyway).
  if (roots.size > 0)
    await tx.db
      .updateTable('thing_group')
      .set({ version: sql<number>`version` })
      .where('group_name', 'in', [...roots.keys()])
      .execute();
  for (const [grp, root] of roots) {
    const last = await tx.db
      .selectFrom('member')
      .select((eb) => eb.fn.max('seq').as('seq'))
      .where('grp', '=', grp)
      .executeTakeFirst();
    const maxSeq = last?.seq ?? 0;
    await tx.db
      .insertInto('job_target')
      .values({ job_no: jobNo, grp, root, cursor: 0, max_seq: maxSeq })
      // A group that a job knows already may become a target of its own.
      .onConflict((conflict) =>
        conflict.columns(['job_no', 'grp']).doUpdateSet({ max_seq: maxSeq, ...(grp === root ? { root } : {}) }),
      )
      .execute();
  }
}
