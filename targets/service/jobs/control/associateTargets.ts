import { ModelledError } from '../../modelledError.ts';
import { inTransaction } from '../../store/open.ts';
import type { JobConfig } from '../jobConfig.ts';
import { TARGETS_MAX } from '../limits.ts';
import { type Control, invalidRequest } from './context.ts';
import { type JobReference, referenceTo } from './createJob.ts';
import { findJobToChange, refuseNamespace } from './readJobs.ts';
import { namesOf, parseTargets, targetGroups } from './targets.ts';

export interface AssociateTargetsInput {
  jobId: string;
  /** ARNs of groups of things. */
  targets: string[];
  comment?: string;
  namespaceId?: string;
}

/**
 * Adds groups to the targets of a continuous job; their members follow by roll-out (control-plane §2.8).
 *
 * @throws ModelledError ResourceNotFoundException; InvalidRequestException where the job is not CONTINUOUS and IN_PROGRESS, or a
 *         target is no group; LimitExceededException above 100 targets
 */
export async function associateTargetsWithJob(control: Control, input: AssociateTargetsInput): Promise<JobReference> {
  const { jobId, comment } = input;
  refuseNamespace(input);
  const targets = parseTargets(control, input.targets);
  if (targets.some(({ kind }) => kind === 'thing'))
    throw invalidRequest('Only groups of things can be added to the targets of a job');
  const nowMillis = control.clock.now();
  const job = await inTransaction(control.store, async (tx) => {
    const found = await findJobToChange(tx, jobId);
    if (found.target_selection !== 'CONTINUOUS' || found.status !== 'IN_PROGRESS')
      throw invalidRequest(
        `The job ${jobId} is ${found.target_selection} and ${found.status}: only one that is CONTINUOUS and IN_PROGRESS can be given targets`,
      );
    if (found.ends_at !== null && found.ends_at <= nowMillis)
      throw invalidRequest(`The endTime of job ${jobId} has passed`);
    const config: JobConfig = JSON.parse(found.config);
    config.targets = [...new Set([...config.targets, ...input.targets])];
    if (config.targets.length > TARGETS_MAX)
      throw new ModelledError(
        'LimitExceededException',
        410,
        `The job ${jobId} would have more than ${TARGETS_MAX} targets`,
      );
    await targetGroups(tx, found.job_no, namesOf(targets, 'thinggroup'));
    await tx.db
      .updateTable('job')
      .set((eb) => ({
        config: JSON.stringify(config),
        comment: comment ?? found.comment,
        last_updated_at: nowMillis,
        next_tick: nowMillis,
        ver: eb('ver', '+', 1),
      }))
      .where('job_no', '=', found.job_no)
      .execute();
    return found;
  });
  control.due(nowMillis);
  return referenceTo(control, jobId, job.description ?? undefined);
}
