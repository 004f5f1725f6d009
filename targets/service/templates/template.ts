import type { JobConfig } from '../jobs/jobConfig.ts';
import { notFound } from '../operations/refusals.ts';
import { arnOf, type Place } from '../registry/arns.ts';
import type { Connection } from '../store/statement.ts';

/** What a job takes over from a template beside its description and document. */
export interface TemplateConfig
  extends Pick<
    JobConfig,
    'presignedUrlConfig' | 'jobExecutionsRolloutConfig' | 'abortConfig' | 'timeoutConfig' | 'jobExecutionsRetryConfig'
  > {
  /** Where its document was read from, to be shown. */
  documentSource?: string;
  maintenanceWindows?: { startTime: string; durationInMinutes: number }[];
}

/** @throws ModelledError ResourceNotFoundException */
export async function findJobTemplate({ db }: Pick<Connection, 'db'>, templateId: string) {
  const found = await db
    .selectFrom('job_template')
    .selectAll()
    .where('template_id', '=', templateId)
    .executeTakeFirst();
  if (found === undefined) throw notFound(`There is no job template ${templateId.slice(0, 128)}`);
  return found;
}

/** Managed templates belong to no account. */
export function managedArnPrefix({ region }: Pick<Place, 'region'>): string {
  return arnOf({ region, account: '' }, 'jobtemplate', '');
}
