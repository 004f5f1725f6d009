import { inTransaction } from '../../store/open.ts';
import { tellOfJob } from '../events.ts';
import { type Control, invalidRequest } from './context.ts';
import { type JobReference, referenceTo } from './createJob.ts';
import { findJobToChange } from './readJobs.ts';

export interface CancelJobInput {
  jobId: string;
  force?: boolean;
  reasonCode?: string;
  comment?: string;
}

/**
 * Cancels a job: it reads CANCELED at once, its executions follow in ticks, those IN_PROGRESS only with force (state-machine
 * §6). A cancelled job may be cancelled again, also to add force.
 *
 * @throws ModelledError ResourceNotFoundException; InvalidRequestException where the job is COMPLETED or being deleted
 */
export async function cancelJob(control: Control, input: CancelJobInput): Promise<JobReference> {
  const { jobId, force = false, reasonCode, comment } = input;
  const nowMillis = control.clock.now();
  const job = await inTransaction(control.store, async (tx) => {
    const found = await findJobToChange(tx, jobId);
    if (found.status === 'COMPLETED' || found.status === 'DELETION_IN_PROGRESS')
      throw invalidRequest(`The job ${jobId} is ${found.status} and cannot be cancelled`);
    const changed = {
      status: 'CANCELED' as const,
      force_canceled: force ? 1 : found.force_canceled,
      reason_code: reasonCode ?? found.reason_code,
      comment: comment ?? found.comment,
      last_updated_at: nowMillis,
      next_tick: nowMillis,
      alarm: null,
    };
    await tx.db
      .updateTable('job')
      .set((eb) => ({ ...changed, ver: eb('ver', '+', 1) }))
      .where('job_no', '=', found.job_no)
      .execute();
    await tellOfJob(tx, { ...found, ...changed }, 'cancellation_in_progress', nowMillis);
    return found;
  });
  control.due(nowMillis);
  return referenceTo(control, jobId, job.description ?? undefined);
}
