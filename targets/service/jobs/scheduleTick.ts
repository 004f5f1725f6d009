import type { Status } from '../../../runtime/jobs/execution.ts';
import { closeTargets, type JobRow } from '../store/jobs.ts';
import { notifyRevealed, type RevealPlace } from '../store/notifications.ts';
import type { Connection } from '../store/statement.ts';
import { resolveGroups } from './control/targets.ts';
import type { SchedulingConfig } from './jobConfig.ts';
import { NOTIFY_BUSY_MILLIS, REVEAL_CHUNK_MAX } from './limits.ts';
import { phaseAt, readSchedule } from './schedule.ts';
import { rank } from './storedExecution.ts';

/**
 * Does with a job what its schedule has for this time (control-plane §7): starts it, opens and closes its windows, ends it. Only
 * what differs from how the job is changes it, so that it may be looked at at any time.
 */
export async function keepSchedule(
  tx: Connection,
  job: JobRow,
  config: SchedulingConfig | undefined,
  nowMillis: number,
): Promise<void> {
  if (job.alarm === null || job.alarm > nowMillis) return;
  const { phase, untilMillis } = phaseAt(readSchedule(config), nowMillis);
  job.alarm = untilMillis ?? null;
  if (phase === 'ended') return end(tx, job, config?.endBehavior, nowMillis);
  const isOpen = phase === 'open';
  if (isOpen === (job.status === 'IN_PROGRESS')) return;
  job.status = isOpen ? 'IN_PROGRESS' : 'SCHEDULED';
  job.last_updated_at = nowMillis;
  job.next_tick = isOpen ? nowMillis : null;
  if (!isOpen) {
    // Nobody is told: a device that runs such a job goes on with it, and would stop a job that its queue has lost.
    job.hidden = 1;
    job.reveal = null;
  } else if (job.started === 0) {
    await resolveGroups(tx, job.job_no);
    job.started = 1;
  } else {
    show(job, 'QUEUED', nowMillis);
  }
}

/** At its endTime a job creates nothing more; what is there finishes, or is cancelled. */
async function end(
  tx: Connection,
  job: JobRow,
  behavior: SchedulingConfig['endBehavior'] = 'STOP_ROLLOUT',
  nowMillis: number,
): Promise<void> {
  job.last_updated_at = nowMillis;
  if (behavior !== 'STOP_ROLLOUT') {
    job.status = 'CANCELED';
    job.force_canceled = behavior === 'FORCE_CANCEL' ? 1 : job.force_canceled;
    job.comment = 'The job was cancelled because its endTime has passed';
    job.next_tick = nowMillis;
    return;
  }
  await closeTargets(tx, { jobNo: job.job_no });
  job.status = 'IN_PROGRESS';
  job.started = 1;
  job.next_tick = null;
  job.retry = null;
  if (job.hidden === 1) show(job, 'QUEUED', nowMillis);
}

/** Puts a job's executions, from a status on, back into the queues of their things, which are told in the ticks that follow. */
export function show(job: JobRow, from: Extract<Status, 'QUEUED' | 'IN_PROGRESS'>, nowMillis: number): void {
  const place: RevealPlace = [rank(from), -1];
  job.hidden = 0;
  job.reveal = JSON.stringify(place);
  job.alarm = nowMillis;
}

/**
 * Tells the next things that a job's executions are in their queues again.
 *
 * @param before  the job as it is in the store: what is not shown there yet is told later
 */
export async function reveal(tx: Connection, job: JobRow, before: JobRow, nowMillis: number): Promise<number[]> {
  if (job.reveal === null || before.reveal === null || before.hidden === 1) return [];
  const place: RevealPlace = JSON.parse(job.reveal);
  const busyUntil = nowMillis + NOTIFY_BUSY_MILLIS;
  const { things, last } = await notifyRevealed(tx, job.job_no, place, REVEAL_CHUNK_MAX, nowMillis, busyUntil);
  const isLast = things.length < REVEAL_CHUNK_MAX || last === undefined;
  job.reveal = isLast ? null : JSON.stringify(last);
  if (!isLast) job.alarm = nowMillis;
  else if (job.status === 'CANCELED') job.alarm = null;
  return things;
}
