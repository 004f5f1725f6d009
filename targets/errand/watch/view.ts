import { STATUSES, type Status } from '../../../runtime/jobs/execution.ts';

/** A roll-out as it was at one time. */
export interface Snapshot {
  atMillis: number;
  jobId: string;
  /** Of the job. */
  status: string;
  counts: Readonly<Record<Status, number>>;
  /** What did not succeed, the first that were looked at. */
  failures: readonly Failure[];
}

export interface Failure {
  thingName: string;
  status: string;
  /** As the device gave it; empty: it gave none. */
  reason: string;
}

/** Failures under the bar; the rest is a number. */
const FAILURES_SHOWN_MAX = 8;
const BAR_CHARS = 30;
const PENDING: readonly Status[] = ['QUEUED', 'IN_PROGRESS'];

/** Executions so far, and how many of them have ended. */
function totals({ counts }: Snapshot): { all: number; ended: number; pending: number } {
  const sum = (statuses: readonly Status[]) => statuses.reduce((total, status) => total + counts[status], 0);
  const [all, pending] = [sum(STATUSES), sum(PENDING)];
  return { all, ended: all - pending, pending };
}

/** True when nothing more will happen: the job has ended, and all its executions have. */
export function hasEnded(snapshot: Snapshot): boolean {
  return ['COMPLETED', 'CANCELED'].includes(snapshot.status) && totals(snapshot).pending === 0;
}

/** True when all of it went well. */
export function allSucceeded(snapshot: Snapshot): boolean {
  return totals(snapshot).all === snapshot.counts.SUCCEEDED;
}

/** Executions that ended a minute since `first`; undefined while that says nothing. */
function ratePerMinute(first: Snapshot, now: Snapshot): number | undefined {
  const minutes = (now.atMillis - first.atMillis) / 60_000;
  const ended = totals(now).ended - totals(first).ended;
  return minutes > 0 && ended > 0 ? ended / minutes : undefined;
}

/**
 * The view for a terminal: a title, the bar, the counts, the failures.
 *
 * @param first    what was seen first: the rate counts from there
 * @param columns  of the terminal: no line is longer
 */
export function draw(first: Snapshot, now: Snapshot, columns: number): string[] {
  const { all, ended, pending } = totals(now);
  const share = all === 0 ? 0 : ended / all;
  const filled = Math.floor(share * BAR_CHARS);
  const rate = ratePerMinute(first, now);
  const left = rate === undefined || pending === 0 ? '' : `, about ${duration((pending / rate) * 60_000)} left`;
  const pace = rate === undefined ? '' : `, ${rate.toFixed(rate < 10 ? 1 : 0)} a minute${left}`;
  const hidden = totals(now).ended - now.counts.SUCCEEDED - now.failures.length;
  return [
    `job ${now.jobId}: ${now.status}, watched for ${duration(now.atMillis - first.atMillis)}`,
    `[${'#'.repeat(filled)}${'.'.repeat(BAR_CHARS - filled)}] ${Math.floor(share * 100)} %  ${ended} of ${all} ended${pace}`,
    countsOf(now),
    ...now.failures.slice(0, FAILURES_SHOWN_MAX).map(failureLine),
    ...(hidden > 0 ? [`and ${hidden} more that did not succeed`] : []),
  ].map((line) => printable(line).slice(0, Math.max(1, columns - 1)));
}

/** One line for a log: where there is no terminal. */
export function plainLine(now: Snapshot): string {
  const { all, ended } = totals(now);
  return `job ${now.jobId}: ${now.status}, ${ended} of ${all} ended: ${countsOf(now)}`;
}

export function failureLine({ thingName, status, reason }: Failure): string {
  return printable(`${status} ${thingName}${reason === '' ? '' : `: ${reason}`}`);
}

function countsOf({ counts }: Snapshot): string {
  const shown = STATUSES.filter((status) => counts[status] > 0).map((status) => `${status} ${counts[status]}`);
  return shown.length === 0 ? 'no executions yet' : shown.join('  ');
}

/** `1:05`, `2:03:04`. */
function duration(millis: number): string {
  const seconds = Math.max(0, Math.round(millis / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}

/** What a device said must neither make lines of its own nor steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
