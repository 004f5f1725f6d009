import type { JsonValue } from '../../../runtime/jobs/json.ts';
import { checkRetries } from '../jobs/control/createJob.ts';
import { givenDocument } from '../jobs/control/document.ts';
import type { JobConfig } from '../jobs/jobConfig.ts';
import { substitutionsIn } from '../jobs/placeholders.ts';
import { faultIn } from '../jobs/schedule.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest, notFound, refusal } from '../operations/refusals.ts';
import type {
  CREATE_JOB_TEMPLATE,
  DELETE_JOB_TEMPLATE,
  DESCRIBE_JOB_TEMPLATE,
  DESCRIBE_MANAGED_JOB_TEMPLATE,
  LIST_JOB_TEMPLATES,
  LIST_MANAGED_JOB_TEMPLATES,
} from '../operations/templateOperations.ts';
import { arnOf, nameIn } from '../registry/arns.ts';
import { keyBefore, pageOf } from '../registry/paging.ts';
import { PAGE_MAX, type Registry } from '../registry/registry.ts';
import { inTransaction } from '../store/open.ts';
import type { Connection } from '../store/statement.ts';
import { addTags, removeTags } from '../store/tags.ts';
import { MANAGED_TEMPLATES, type ManagedTemplate, managedId, managedTemplate } from './managed.ts';
import { findJobTemplate, managedArnPrefix, type TemplateConfig } from './template.ts';

/** Those members; a job has its maintenance windows elsewhere. */
const CONFIGS = [
  'presignedUrlConfig',
  'jobExecutionsRolloutConfig',
  'abortConfig',
  'timeoutConfig',
  'jobExecutionsRetryConfig',
  'maintenanceWindows',
] as const;

/**
 * Keeps a document and how its jobs run, given or copied from a job; members of the request come before the job's.
 *
 * @throws ModelledError ConflictException: there is one with this id; ResourceNotFoundException: no such job;
 *         InvalidRequestException: not exactly one of job and document, or something that a job could not have
 */
export async function createJobTemplate(
  registry: Registry,
  input: InputOf<typeof CREATE_JOB_TEMPLATE>,
): Promise<{ jobTemplateArn: string; jobTemplateId: string }> {
  const { jobTemplateId, description, tags = [], jobArn } = input;
  if (input.destinationPackageVersions !== undefined)
    throw invalidRequest('destinationPackageVersions is not supported by this service yet');
  const given = await givenDocument(registry, input);
  if ((jobArn === undefined) === (given === undefined))
    throw invalidRequest("Expected one of 'document', 'documentSource' and 'jobArn'");
  await inTransaction(registry, async (tx) => {
    const copied = jobArn === undefined ? undefined : await copyJob(tx, nameIn(registry, 'job', jobArn));
    const document = copied?.document ?? checkDocument(given!);
    const { documentSource } = input;
    const config: TemplateConfig = {
      ...copied?.config,
      ...configIn(input),
      ...(documentSource === undefined ? {} : { documentSource }),
    };
    checkRetries(config.jobExecutionsRetryConfig);
    const { maintenanceWindows } = config;
    const fault = faultIn(maintenanceWindows === undefined ? {} : { maintenanceWindows }, registry.nowMillis());
    if (fault !== undefined) throw invalidRequest(fault);
    const made = await tx.db
      .insertInto('job_template')
      .values({
        template_id: jobTemplateId,
        description,
        document,
        config: JSON.stringify(config),
        created_at: registry.nowMillis(),
      })
      .onConflict((conflict) => conflict.column('template_id').doNothing())
      .returning('template_no')
      .executeTakeFirst();
    if (made === undefined)
      throw refusal('ConflictException', `There is a job template ${jobTemplateId} already`, {
        resourceId: jobTemplateId,
      });
    await addTags(tx.db, { kind: 'jobtemplate', name: jobTemplateId }, tags);
  });
  return { jobTemplateArn: arnOf(registry, 'jobtemplate', jobTemplateId), jobTemplateId };
}

export async function describeJobTemplate(
  registry: Registry,
  { jobTemplateId }: InputOf<typeof DESCRIBE_JOB_TEMPLATE>,
) {
  const { description, document, config, created_at } = await findJobTemplate(registry, jobTemplateId);
  return {
    jobTemplateArn: arnOf(registry, 'jobtemplate', jobTemplateId),
    jobTemplateId,
    description,
    document,
    createdAt: created_at / 1000,
    ...(JSON.parse(config) as TemplateConfig),
  };
}

/** One page in the order in which they were made. */
export async function listJobTemplates(
  registry: Registry,
  { nextToken, maxResults = PAGE_MAX }: InputOf<typeof LIST_JOB_TEMPLATES>,
) {
  const rows = await registry.db
    .selectFrom('job_template')
    .select(['template_no', 'template_id', 'description', 'created_at'])
    .where('template_no', '>', keyBefore(nextToken))
    .orderBy('template_no')
    .limit(maxResults + 1)
    .execute();
  const { page, ...more } = pageOf(rows, maxResults, (row) => row.template_no);
  const jobTemplates = page.map(({ template_id, description, created_at }) => ({
    jobTemplateArn: arnOf(registry, 'jobtemplate', template_id),
    jobTemplateId: template_id,
    description,
    createdAt: created_at / 1000,
  }));
  return { jobTemplates, ...more };
}

/** Jobs made from it stay as they are. */
export async function deleteJobTemplate(
  registry: Registry,
  { jobTemplateId }: InputOf<typeof DELETE_JOB_TEMPLATE>,
): Promise<void> {
  await inTransaction(registry, async (tx) => {
    await findJobTemplate(tx, jobTemplateId);
    await tx.db.deleteFrom('job_template').where('template_id', '=', jobTemplateId).execute();
    await removeTags(tx.db, { kind: 'jobtemplate', name: jobTemplateId });
  });
}

export async function describeManagedJobTemplate(
  registry: Registry,
  { templateName, templateVersion }: InputOf<typeof DESCRIBE_MANAGED_JOB_TEMPLATE>,
) {
  const found = managedTemplate(templateName, templateVersion);
  if (found === undefined)
    throw notFound(
      `There is no managed job template ${templateName}${templateVersion === undefined ? '' : `:${templateVersion}`}`,
    );
  const { documentParameters, document } = found;
  return { ...managedSummary(registry, found), documentParameters, document };
}

/** @throws ModelledError ResourceNotFoundException: none has that name */
export async function listManagedJobTemplates(
  registry: Registry,
  { templateName, nextToken, maxResults = PAGE_MAX }: InputOf<typeof LIST_MANAGED_JOB_TEMPLATES>,
) {
  const numbered = MANAGED_TEMPLATES.map((template, index) => ({ template, number: index + 1 }));
  const named = numbered.filter(({ template }) => templateName === undefined || template.templateName === templateName);
  if (named.length === 0) throw notFound(`There is no managed job template ${templateName}`);
  const after = keyBefore(nextToken);
  const { page, ...more } = pageOf(
    named.filter(({ number }) => number > after),
    maxResults,
    ({ number }) => number,
  );
  return { managedJobTemplates: page.map(({ template }) => managedSummary(registry, template)), ...more };
}

function managedSummary(registry: Registry, template: ManagedTemplate) {
  const { templateName, description, environments, templateVersion } = template;
  const templateArn = managedArnPrefix(registry) + managedId(template);
  return { templateName, templateArn, description, environments, templateVersion };
}

async function copyJob({ db }: Connection, jobId: string): Promise<{ document: string; config: TemplateConfig }> {
  const job = await db.selectFrom('job').select(['document', 'config']).where('job_id', '=', jobId).executeTakeFirst();
  if (job === undefined) throw notFound(`There is no job ${jobId.slice(0, 64)}`);
  const config = JSON.parse(job.config) as JobConfig;
  const { maintenanceWindows } = config.schedulingConfig ?? {};
  return { document: job.document, config: configIn({ ...config, ...(maintenanceWindows && { maintenanceWindows }) }) };
}

function configIn(given: TemplateConfig): TemplateConfig {
  return Object.fromEntries(CONFIGS.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]));
}

/** Whether there is somebody to sign its URLs is asked when a job is made. */
function checkDocument(document: string): string {
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(document) as JsonValue;
  } catch (error) {
    throw invalidRequest(`The document is not valid JSON: ${(error as Error).message}`);
  }
  const substitutions = substitutionsIn(parsed);
  if ('fault' in substitutions) throw invalidRequest(substitutions.fault);
  return document;
}
