import type { InputOf } from '../operations/operation.ts';
import type * as rows from '../operations/provisioningOperations.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import { arnOf } from '../registry/arns.ts';
import { keyBefore, pageOf } from '../registry/paging.ts';
import { PAGE_MAX, type Registry } from '../registry/registry.ts';
import { inTransaction } from '../store/open.ts';
import { addTags, removeTags } from '../store/tags.ts';
import { TEMPLATES_MAX } from './limits.ts';
import { checkBody, TemplateFault } from './templateBody.ts';

const TYPE = 'FLEET_PROVISIONING' as const;

/**
 * Keeps a template. Its body is version 1, the default one.
 *
 * @throws ModelledError ResourceAlreadyExistsException; InvalidRequestException: the body, or something that is not served here
 */
export async function createProvisioningTemplate(
  registry: Registry,
  input: InputOf<typeof rows.CREATE_PROVISIONING_TEMPLATE>,
) {
  const { templateName, description, templateBody, enabled = false, provisioningRoleArn, tags = [], type } = input;
  if (type !== undefined && type !== TYPE) throw invalidRequest(`'type' ${type} is not served here: expected ${TYPE}`);
  refuseHook(input.preProvisioningHook);
  checkTemplateBody(templateBody);
  await inTransaction(registry, async ({ db }) => {
    const now = registry.nowMillis();
    const made = await db
      .insertInto('provisioning_template')
      .values({
        template_name: templateName,
        description: description ?? null,
        role_arn: provisioningRoleArn,
        enabled: enabled ? 1 : 0,
        default_version: 1,
        last_version: 1,
        created_at: now,
        modified_at: now,
      })
      .onConflict((conflict) => conflict.column('template_name').doNothing())
      .returning('template_no')
      .executeTakeFirst();
    if (made === undefined)
      throw refusal('ResourceAlreadyExistsException', `There is a provisioning template ${templateName} already`, {
        resourceId: templateName,
        resourceArn: arnOf(registry, 'provisioningtemplate', templateName),
      });
    const { n } = await db
      .selectFrom('provisioning_template')
      .select(({ fn }) => fn.countAll().as('n'))
      .executeTakeFirstOrThrow();
    if (Number(n) > TEMPLATES_MAX)
      throw refusal(
        'LimitExceededException',
        `There are ${TEMPLATES_MAX} provisioning templates already: delete one first`,
      );
    await db
      .insertInto('provisioning_version')
      .values({ template_name: templateName, version: 1, body: templateBody, created_at: now })
      .execute();
    await addTags(db, { kind: 'provisioningtemplate', name: templateName }, tags);
  });
  return {
    templateArn: arnOf(registry, 'provisioningtemplate', templateName),
    templateName,
    defaultVersionId: 1,
  };
}

export async function describeProvisioningTemplate(
  registry: Registry,
  { templateName }: InputOf<typeof rows.DESCRIBE_PROVISIONING_TEMPLATE>,
) {
  const template = await templateNamed(registry, templateName);
  const { body } = await versionOf(registry, templateName, template.default_version);
  return {
    ...summary(registry, template),
    defaultVersionId: template.default_version,
    templateBody: body,
    provisioningRoleArn: template.role_arn,
  };
}

/** One page in the order in which they were made. */
export async function listProvisioningTemplates(
  registry: Registry,
  { nextToken, maxResults = PAGE_MAX }: InputOf<typeof rows.LIST_PROVISIONING_TEMPLATES>,
) {
  const found = await registry.db
    .selectFrom('provisioning_template')
    .selectAll()
    .where('template_no', '>', keyBefore(nextToken))
    .orderBy('template_no')
    .limit(maxResults + 1)
    .execute();
  const { page, ...more } = pageOf(found, maxResults, (row) => row.template_no);
  return { templates: page.map((row) => summary(registry, row)), ...more };
}

export async function updateProvisioningTemplate(
  registry: Registry,
  input: InputOf<typeof rows.UPDATE_PROVISIONING_TEMPLATE>,
): Promise<void> {
  const { templateName, description, enabled, defaultVersionId, provisioningRoleArn } = input;
  refuseHook(input.preProvisioningHook);
  await inTransaction(registry, async ({ db }) => {
    await lockTemplate({ db }, templateName);
    if (defaultVersionId !== undefined) await versionOf({ db }, templateName, defaultVersionId);
    await db
      .updateTable('provisioning_template')
      .set({
        ...(description !== undefined && { description }),
        ...(enabled !== undefined && { enabled: enabled ? 1 : 0 }),
        ...(defaultVersionId !== undefined && { default_version: defaultVersionId }),
        ...(provisioningRoleArn !== undefined && { role_arn: provisioningRoleArn }),
        modified_at: registry.nowMillis(),
      })
      .where('template_name', '=', templateName)
      .execute();
  });
}

/** @throws ModelledError ResourceNotFoundException; DeleteConflictException while a certificate is a claim for it */
export async function deleteProvisioningTemplate(
  registry: Registry,
  { templateName }: InputOf<typeof rows.DELETE_PROVISIONING_TEMPLATE>,
): Promise<void> {
  await inTransaction(registry, async ({ db }) => {
    await lockTemplate({ db }, templateName);
    // Those of CreateProvisioningClaim end by themselves.
    const claims = await db
      .selectFrom('claim')
      .select('certificate_id')
      .where('template_name', '=', templateName)
      .where('expires_at', 'is', null)
      .limit(1)
      .execute();
    if (claims.length > 0)
      throw refusal(
        'DeleteConflictException',
        `Certificate ${claims[0]!.certificate_id} is a claim for template ${templateName}: detach it first`,
      );
    await db.updateTable('claim').set({ expires_at: 0 }).where('template_name', '=', templateName).execute();
    for (const table of ['provisioning_version', 'provisioning_template'] as const)
      await db.deleteFrom(table).where('template_name', '=', templateName).execute();
    await removeTags(db, { kind: 'provisioningtemplate', name: templateName });
  });
}

/** @throws ModelledError ResourceNotFoundException */
export async function templateNamed({ db }: Pick<Registry, 'db'>, templateName: string) {
  const template = await db
    .selectFrom('provisioning_template')
    .selectAll()
    .where('template_name', '=', templateName)
    .executeTakeFirst();
  if (template === undefined) throw notFound(`There is no provisioning template ${templateName}`);
  return template;
}

/** @throws ModelledError ResourceNotFoundException */
export async function versionOf({ db }: Pick<Registry, 'db'>, templateName: string, version: number) {
  const found = await db
    .selectFrom('provisioning_version')
    .selectAll()
    .where('template_name', '=', templateName)
    .where('version', '=', version)
    .executeTakeFirst();
  if (found === undefined) throw notFound(`Template ${templateName} has no version ${version}`);
  return found;
}

/**
 * Makes transactions on one template wait for one another where the store has several writers.
 *
 * @throws ModelledError ResourceNotFoundException
 */
export async function lockTemplate(registry: Pick<Registry, 'db'>, templateName: string) {
  await registry.db
    .updateTable('provisioning_template')
    .set(({ ref }) => ({ enabled: ref('enabled') }))
    .where('template_name', '=', templateName)
    .execute();
  return templateNamed(registry, templateName);
}

function summary(registry: Registry, template: Awaited<ReturnType<typeof templateNamed>>) {
  return {
    templateArn: arnOf(registry, 'provisioningtemplate', template.template_name),
    templateName: template.template_name,
    ...(template.description === null ? {} : { description: template.description }),
    creationDate: template.created_at / 1000,
    lastModifiedDate: template.modified_at / 1000,
    enabled: template.enabled === 1,
    type: TYPE,
  };
}

function refuseHook(hook: object | undefined): void {
  if (hook !== undefined)
    throw invalidRequest("'preProvisioningHook' is not served here: this service has no Lambda functions");
}

/** @throws ModelledError InvalidRequestException: what is wrong with the body, and where */
export function checkTemplateBody(body: string): void {
  try {
    checkBody(body);
  } catch (error) {
    if (error instanceof TemplateFault) throw invalidRequest(`'templateBody': ${error.message}`);
    throw error;
  }
}
