import { TAGS_MAX } from '../operations/names.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import type { LIST_TAGS_FOR_RESOURCE, TAG_RESOURCE, UNTAG_RESOURCE } from '../operations/tagOperations.ts';
import { inTransaction } from '../store/open.ts';
import type { Connection } from '../store/statement.ts';
import { addTags, removeTags, type Tag, type Tagged, tagsOf } from '../store/tags.ts';
import { arnOf, nameIn } from './arns.ts';
import type { Registry } from './registry.ts';

/**
 * Adds tags, and gives those that are there already new values.
 *
 * @throws ModelledError ResourceNotFoundException; LimitExceededException when it would have more than TAGS_MAX
 */
export async function tagResource(
  registry: Registry,
  { resourceArn, tags }: InputOf<typeof TAG_RESOURCE>,
): Promise<void> {
  const resource = taggedBy(registry, resourceArn);
  await inTransaction(registry, async (tx) => {
    await checkExists(tx, resource);
    await addTags(tx.db, resource, tags);
    const count = (await tagsOf(tx.db, resource)).length;
    if (count > TAGS_MAX)
      throw refusal('LimitExceededException', `A resource has at most ${TAGS_MAX} tags: this would make ${count}`);
  });
}

/** @throws ModelledError ResourceNotFoundException */
export async function untagResource(
  registry: Registry,
  { resourceArn, tagKeys }: InputOf<typeof UNTAG_RESOURCE>,
): Promise<void> {
  const resource = taggedBy(registry, resourceArn);
  await checkExists(registry, resource);
  await removeTags(registry.db, resource, tagKeys);
}

/** All tags by key; there are never so many that a page would not hold them. */
export async function listTagsForResource(
  registry: Registry,
  { resourceArn, nextToken }: InputOf<typeof LIST_TAGS_FOR_RESOURCE>,
): Promise<{ tags: Tag[] }> {
  if (nextToken !== undefined) throw invalidRequest("'nextToken' is given, but no page of this list gives one");
  const resource = taggedBy(registry, resourceArn);
  await checkExists(registry, resource);
  return { tags: await tagsOf(registry.db, resource) };
}

/** @throws ModelledError InvalidRequestException when it is no ARN of a kind that has tags */
function taggedBy(registry: Registry, arn: string): Tagged {
  const kinds = ['thinggroup', 'jobtemplate', 'job', 'provisioningtemplate'] as const;
  const kind = kinds.find((one) => arn.startsWith(arnOf(registry, one, '')));
  if (kind === undefined)
    throw invalidRequest(
      `'resourceArn' is ${arn.slice(0, 256)}: expected ${kinds.map((one) => arnOf(registry, one, 'NAME')).join(' or ')}`,
    );
  return { kind, name: nameIn(registry, kind, arn) };
}

async function checkExists({ db }: Pick<Connection, 'db'>, { kind, name }: Tagged): Promise<void> {
  const [table, column] = NAMED_IN[kind];
  const found = await db.selectFrom(table).select(column).where(column, '=', name).executeTakeFirst();
  if (found === undefined) throw notFound(`There is no ${kind} ${name.slice(0, 128)}`);
}

/** The table of each kind, and the column with its name. */
const NAMED_IN = {
  thinggroup: ['thing_group', 'group_name'],
  job: ['job', 'job_id'],
  jobtemplate: ['job_template', 'template_id'],
  provisioningtemplate: ['provisioning_template', 'template_name'],
} as const;
