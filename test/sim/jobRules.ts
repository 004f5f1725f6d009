import type { Status } from '../../runtime/jobs/execution.ts';
import type { RolloutConfig } from '../../targets/service/jobs/jobConfig.ts';
import { Broken } from './broken.ts';
import type { JobSeen } from './changeLog.ts';

/** How many things of a job are in each status, by their latest executions. */
export type Counted = ReadonlyMap<Status, number>;

/** What a job may become by itself (state-machine §5, §8). */
export function checkJobMove(old: JobSeen | undefined, job: JobSeen, counted: Counted): void {
  if (old === undefined || old.status === job.status) return;
  const { jobId, selection, hasEndTime } = job;
  if (job.status === 'CANCELED' && job.reasonCode === 'JOB_ABORTED' && !shouldAbort(job, counted))
    throw new Broken(`job ${jobId} was aborted, and no criterion of its abortConfig is met`);
  if (job.status !== 'COMPLETED') return;
  if (selection === 'CONTINUOUS' && !hasEndTime)
    throw new Broken(`job ${jobId} is COMPLETED: a continuous job without an endTime waits for who comes later`);
  if (shouldAbort(job, counted))
    throw new Broken(`job ${jobId} is COMPLETED, and a criterion of its abortConfig is met`);
}

/** Counts by itself: of those that ended on their device or by a timer, too many ended badly. */
export function shouldAbort({ abort }: JobSeen, counted: Counted): boolean {
  const of = (status: Status) => counted.get(status) ?? 0;
  const executed = of('SUCCEEDED') + of('FAILED') + of('REJECTED') + of('TIMED_OUT');
  return (abort?.criteriaList ?? []).some((criterion) => {
    const bad = criterion.failureType === 'ALL' ? executed - of('SUCCEEDED') : of(criterion.failureType);
    return executed >= criterion.minNumberOfExecutedThings && bad / executed >= criterion.thresholdPercentage / 100;
  });
}

/** Executions that a job may create in a minute that begins now (control-plane §6); undefined: as many as it likes. */
export function perMinuteOf(rollout: RolloutConfig | undefined, counted: Counted): number | undefined {
  const { maximumPerMinute, exponentialRate } = rollout ?? {};
  if (exponentialRate === undefined) return maximumPerMinute;
  const { baseRatePerMinute, incrementFactor, rateIncreaseCriteria } = exponentialRate;
  const { numberOfNotifiedThings = Infinity, numberOfSucceededThings = Infinity } = rateIncreaseCriteria;
  let notified = 0;
  for (const n of counted.values()) notified += n;
  let rate = baseRatePerMinute;
  const thresholds = Math.max(
    notified / numberOfNotifiedThings,
    (counted.get('SUCCEEDED') ?? 0) / numberOfSucceededThings,
  );
  for (let n = 1; n <= thresholds; n++) rate *= incrementFactor;
  return Math.min(rate, maximumPerMinute ?? Infinity);
}
