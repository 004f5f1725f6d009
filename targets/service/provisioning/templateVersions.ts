import type { InputOf } from '../operations/operation.ts';
import type * as rows from '../operations/provisioningOperations.ts';
import { refusal } from '../operations/refusals.ts';
import { arnOf } from '../registry/arns.ts';
import { keyBefore, pageOf } from '../registry/paging.ts';
import { PAGE_MAX, type Registry } from '../registry/registry.ts';
import { inTransaction } from '../store/open.ts';
import { VERSIONS_MAX } from './limits.ts';
import { checkTemplateBody, lockTemplate, templateNamed, versionOf } from './templates.ts';

/** @throws ModelledError VersionsLimitExceededException */
export async function createProvisioningTemplateVersion(
  registry: Registry,
  { templateName, templateBody, setAsDefault = false }: InputOf<typeof rows.CREATE_PROVISIONING_TEMPLATE_VERSION>,
) {
  checkTemplateBody(templateBody);
  const versionId = await inTransaction(registry, async ({ db }) => {
    const { last_version } = await lockTemplate({ db }, templateName);
    const version = last_version + 1;
    const now = registry.nowMillis();
    const { n } = await db
      .selectFrom('provisioning_version')
      .select(({ fn }) => fn.countAll().as('n'))
      .where('template_name', '=', templateName)
      .executeTakeFirstOrThrow();
    if (Number(n) >= VERSIONS_MAX)
      throw refusal(
        'VersionsLimitExceededException',
        `Template ${templateName} has ${VERSIONS_MAX} versions already: delete one first`,
      );
    await db
      .insertInto('provisioning_version')
      .values({ template_name: templateName, version, body: templateBody, created_at: now })
      .execute();
    await db
      .updateTable('provisioning_template')
      .set({ last_version: version, modified_at: now, ...(setAsDefault && { default_version: version }) })
      .where('template_name', '=', templateName)
      .execute();
    return version;
  });
  const templateArn = arnOf(registry, 'provisioningtemplate', templateName);
  return { templateArn, templateName, versionId, isDefaultVersion: setAsDefault };
}

export async function describeProvisioningTemplateVersion(
  registry: Registry,
  { templateName, versionId }: InputOf<typeof rows.DESCRIBE_PROVISIONING_TEMPLATE_VERSION>,
) {
  const { default_version } = await templateNamed(registry, templateName);
  const { version, created_at, body } = await versionOf(registry, templateName, versionId);
  return {
    versionId: version,
    creationDate: created_at / 1000,
    templateBody: body,
    isDefaultVersion: version === default_version,
  };
}

/** One page, the oldest first. */
export async function listProvisioningTemplateVersions(
  registry: Registry,
  { templateName, nextToken, maxResults = PAGE_MAX }: InputOf<typeof rows.LIST_PROVISIONING_TEMPLATE_VERSIONS>,
) {
  const { default_version } = await templateNamed(registry, templateName);
  const found = await registry.db
    .selectFrom('provisioning_version')
    .select(['version', 'created_at'])
    .where('template_name', '=', templateName)
    .where('version', '>', keyBefore(nextToken))
    .orderBy('version')
    .limit(maxResults + 1)
    .execute();
  const { page, ...more } = pageOf(found, maxResults, (row) => row.version);
  const versions = page.map(({ version, created_at }) => ({
    versionId: version,
    creationDate: created_at / 1000,
    isDefaultVersion: version === default_version,
  }));
  return { versions, ...more };
}

/** @throws ModelledError DeleteConflictException: it is the default one */
export async function deleteProvisioningTemplateVersion(
  registry: Registry,
  { templateName, versionId }: InputOf<typeof rows.DELETE_PROVISIONING_TEMPLATE_VERSION>,
): Promise<void> {
  await inTransaction(registry, async ({ db }) => {
    const { default_version } = await lockTemplate({ db }, templateName);
    await versionOf({ db }, templateName, versionId);
    if (versionId === default_version)
      throw refusal(
        'DeleteConflictException',
        `Version ${versionId} is the default one of template ${templateName}: make another one that first`,
      );
    await db
      .deleteFrom('provisioning_version')
      .where('template_name', '=', templateName)
      .where('version', '=', versionId)
      .execute();
  });
}
