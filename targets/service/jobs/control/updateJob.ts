import { inTransaction } from '../../store/open.ts';
import type { AbortConfig, JobConfig, RetryConfig, RetryCriterion, RolloutConfig } from '../jobConfig.ts';
import { type Control, invalidRequest } from './context.ts';
import { retryRules } from './createJob.ts';
import { checkRole } from './document.ts';
import { findJobToChange, refuseNamespace } from './readJobs.ts';

export interface UpdateJobInput {
  jobId: string;
  namespaceId?: string;
  description?: string;
  presignedUrlConfig?: { roleArn?: string; expiresInSec?: number };
  jobExecutionsRolloutConfig?: RolloutConfig;
  abortConfig?: AbortConfig;
  timeoutConfig?: { inProgressTimeoutInMinutes?: number };
  jobExecutionsRetryConfig?: RetryConfig;
}

/**
 * Changes a job that has not ended: given members replace the stored ones (control-plane §2.4). Executions that run keep their
 * deadline; retries can only be ended.
 *
 * @throws ModelledError ResourceNotFoundException; InvalidRequestException where the job has ended, or more retries are asked for
 */
export async function updateJob(control: Control, input: UpdateJobInput): Promise<void> {
  const { jobId, description } = input;
  refuseNamespace(input);
  const nowMillis = control.clock.now();
  await inTransaction(control.store, async (tx) => {
    const job = await findJobToChange(tx, jobId);
    if (job.status !== 'IN_PROGRESS' && job.status !== 'SCHEDULED')
      throw invalidRequest(`The job ${jobId} is ${job.status} and cannot be changed`);
    const before: JobConfig = JSON.parse(job.config);
    const config = changed(before, input);
    if (job.signs === 1) checkRole(config.presignedUrlConfig);
    const ended = input.jobExecutionsRetryConfig !== undefined;
    await tx.db
      .updateTable('job')
      .set((eb) => ({
        config: JSON.stringify(config),
        description: description ?? job.description,
        in_progress_minutes: config.timeoutConfig?.inProgressTimeoutInMinutes ?? null,
        retry: ended ? retryRules(config.jobExecutionsRetryConfig) : job.retry,
        last_updated_at: nowMillis,
        // A roll-out that goes on goes by its new rate at once.
        next_tick: job.next_tick === null ? null : Math.min(job.next_tick, nowMillis),
        ver: eb('ver', '+', 1),
      }))
      .where('job_no', '=', job.job_no)
      .execute();
  });
  control.due(nowMillis);
}

function changed(before: JobConfig, input: UpdateJobInput): JobConfig {
  const { presignedUrlConfig, jobExecutionsRolloutConfig, abortConfig, timeoutConfig } = input;
  const given = { presignedUrlConfig, jobExecutionsRolloutConfig, abortConfig, timeoutConfig };
  const after: JobConfig = { ...before, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value)) };
  if (input.jobExecutionsRetryConfig !== undefined)
    after.jobExecutionsRetryConfig = {
      criteriaList: withoutRetries(before.jobExecutionsRetryConfig?.criteriaList ?? [], input.jobExecutionsRetryConfig),
    };
  return after;
}

/** @throws ModelledError InvalidRequestException */
function withoutRetries(before: readonly RetryCriterion[], { criteriaList }: RetryConfig): RetryCriterion[] {
  const more = criteriaList.find(({ numberOfRetries }) => numberOfRetries !== 0);
  if (more !== undefined)
    throw invalidRequest(`numberOfRetries of a job can only be changed to 0: found ${more.numberOfRetries}`);
  const types = criteriaList.map(({ failureType }) => failureType);
  if (types.includes('ALL')) return [{ failureType: 'ALL', numberOfRetries: 0 }];
  const kept = before.filter(({ failureType }) => !types.includes(failureType as 'FAILED' | 'TIMED_OUT'));
  return [...kept, ...[...new Set(types)].map((failureType) => ({ failureType, numberOfRetries: 0 }))];
}
