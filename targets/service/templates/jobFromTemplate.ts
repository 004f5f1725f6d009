import type { CreateJobInput } from '../jobs/control/createJob.ts';
import { invalidRequest, notFound } from '../operations/refusals.ts';
import { nameIn, type Place } from '../registry/arns.ts';
import type { Connection } from '../store/statement.ts';
import { MANAGED_TEMPLATES, type ManagedTemplate, managedId } from './managed.ts';
import { documentWith } from './parameters.ts';
import { findJobTemplate, managedArnPrefix, type TemplateConfig } from './template.ts';

/** Where a job may come from. */
export type Template =
  | { managed: ManagedTemplate }
  | { own: { description: string; document: string; config: TemplateConfig } };

/**
 * What CreateJob is asked for once its template is looked up; without a template the same as given.
 *
 * @throws ModelledError ResourceNotFoundException: no such template; InvalidRequestException: see jobFrom
 */
export async function withTemplate(on: Connection, place: Place, input: CreateJobInput): Promise<CreateJobInput> {
  const { jobTemplateArn, documentParameters } = input;
  if (jobTemplateArn !== undefined) return jobFrom(await findTemplate(on, place, jobTemplateArn), input);
  if (documentParameters !== undefined)
    throw invalidRequest("'documentParameters' go with a managed template, and there is no 'jobTemplateArn'");
  return input;
}

/**
 * Fills in what a job takes over from its template: members of the request come before those of the template. A managed
 * template brings its own document, an own template takes no parameters (control plane §2.1, §2.13).
 *
 * @throws ModelledError InvalidRequestException
 */
function jobFrom(template: Template, input: CreateJobInput): CreateJobInput {
  if ('managed' in template) {
    const { managed } = template;
    if (input.document !== undefined || input.documentSource !== undefined)
      throw invalidRequest(`${managed.templateName} brings its own document, and the request has another one`);
    return { description: managed.description, ...input, document: documentWith(managed, input.documentParameters) };
  }
  if (input.documentParameters !== undefined)
    throw invalidRequest("'documentParameters' go with a managed template: this one is not managed");
  const { description, document, config } = template.own;
  const { maintenanceWindows, documentSource: _read, ...configs } = config;
  const schedulingConfig = { ...(maintenanceWindows && { maintenanceWindows }), ...input.schedulingConfig };
  return {
    description,
    ...(input.documentSource === undefined ? { document } : {}),
    ...configs,
    ...input,
    ...(Object.keys(schedulingConfig).length > 0 && { schedulingConfig }),
  };
}

/** The document of a job before parameters were put in: that of its managed template; undefined where it had none. */
export function documentBefore(place: Place, jobTemplateArn: string | undefined): string | undefined {
  return jobTemplateArn === undefined ? undefined : managedNamed(place, jobTemplateArn)?.document;
}

async function findTemplate(on: Connection, place: Place, arn: string): Promise<Template> {
  const managed = managedNamed(place, arn);
  if (managed !== undefined) return { managed };
  if (arn.startsWith(managedArnPrefix(place)))
    throw notFound(`There is no managed job template ${arn.slice(managedArnPrefix(place).length).slice(0, 128)}`);
  const { description, document, config } = await findJobTemplate(on, nameIn(place, 'jobtemplate', arn));
  return { own: { description, document, config: JSON.parse(config) as TemplateConfig } };
}

function managedNamed(place: Place, arn: string): ManagedTemplate | undefined {
  return MANAGED_TEMPLATES.find((one) => arn === managedArnPrefix(place) + managedId(one));
}
