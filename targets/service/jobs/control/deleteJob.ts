import { ModelledError } from '../../modelledError.ts';
import { inTransaction } from '../../store/open.ts';
import type { Connection } from '../../store/statement.ts';
import { tellOfJob } from '../events.ts';
import { DELETIONS_MAX } from '../limits.ts';
import type { Control } from './context.ts';
import { findJobToChange, refuseNamespace } from './readJobs.ts';

export interface DeleteJobInput {
  jobId: string;
  force?: boolean;
  namespaceId?: string;
}

/**
 * Deletes a job: it reads DELETION_IN_PROGRESS at once, its executions vanish in ticks, and then its jobId is free
 * (state-machine §7). One that has not ended only with force.
 *
 * @throws ModelledError ResourceNotFoundException; InvalidStateTransitionException where the job has not ended, or is being
 *         deleted already; LimitExceededException where ten others are
 */
export async function deleteJob(control: Control, input: DeleteJobInput): Promise<void> {
  const { jobId, force = false } = input;
  refuseNamespace(input);
  const nowMillis = control.clock.now();
  await inTransaction(control.store, async (tx) => {
    const found = await findJobToChange(tx, jobId);
    const { job_no: jobNo, status } = found;
    const hasEnded = status === 'COMPLETED' || status === 'CANCELED';
    if (status === 'DELETION_IN_PROGRESS') throw invalidTransition(`The job ${jobId} is being deleted already`);
    if (!hasEnded && !force)
      throw invalidTransition(`The job ${jobId} is ${status} and cannot be deleted without force`);
    await refuseTooMany(tx);
    await tx.db
      .updateTable('job')
      .set((eb) => ({
        status: 'DELETION_IN_PROGRESS' as const,
        last_updated_at: nowMillis,
        next_tick: nowMillis,
        alarm: null,
        ver: eb('ver', '+', 1),
      }))
      .where('job_no', '=', jobNo)
      .execute();
    await tellOfJob(tx, { ...found, last_updated_at: nowMillis }, 'deletion_in_progress', nowMillis);
  });
  control.due(nowMillis);
}

async function refuseTooMany({ db }: Connection): Promise<void> {
  // Each of them is due, so the index over those that are finds them among any number of jobs.
  const due = db.selectFrom('job').select('job_no').where('next_tick', 'is not', null);
  const deletions = due.where('status', '=', 'DELETION_IN_PROGRESS');
  if ((await deletions.limit(DELETIONS_MAX).execute()).length < DELETIONS_MAX) return;
  throw new ModelledError('LimitExceededException', 410, `${DELETIONS_MAX} jobs are being deleted: try again later`);
}

function invalidTransition(message: string): ModelledError {
  return new ModelledError('InvalidStateTransitionException', 409, message);
}
