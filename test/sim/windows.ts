import { Broken } from './broken.ts';
import type { Change, JobSeen, Row } from './changeLog.ts';

/** The queues as the ledger keeps them. */
export interface Queues {
  jobs: ReadonlyMap<number, JobSeen>;
  /** By thing: what is pending, shown or not. */
  pending: ReadonlyMap<number, ReadonlyMap<string, Row>>;
  headOf(thingNo: number): Row | undefined;
}

/**
 * What maintenance windows do to queues: when one closes, a job leaves them and nobody is told; when one opens it comes back, and
 * each thing is told some time after. What runs meanwhile and is taken from its device is told at once.
 */
export function createWindows({ jobs, pending, headOf }: Queues) {
  /** By thing: jobs that have come back into its queue, of which it is not told yet. */
  const untold = new Map<number, Set<number>>();
  /** Jobs whose things are being told, since before this step or in it. */
  let revealed = new Set<number>();
  /** Things whose queues have changed by a window alone, in this step. */
  let shifted = new Set<number>();
  let finished = new Set<number>();
  let taken = new Set<number>();

  const thingsOf = (jobNo: number) =>
    [...pending].filter(([, queue]) => [...queue.values()].some((row) => row.jobNo === jobNo)).map(([thing]) => thing);

  function comesBack(jobNo: number): void {
    for (const thing of thingsOf(jobNo)) untold.set(thing, (untold.get(thing) ?? new Set<number>()).add(jobNo));
  }

  return {
    /** A job's row is written last in a commit: behind the executions that are made, and told of, in the window that it opens. */
    begin(changes: readonly Change[]): void {
      const seen = [
        ...jobs.values(),
        ...changes.flatMap((change) => (change.of === 'job' && change.job ? [change.job] : [])),
      ];
      revealed = new Set(seen.filter(({ isRevealed }) => isRevealed).map(({ jobNo }) => jobNo));
      shifted = new Set();
      finished = new Set();
      taken = new Set();
    },
    /** Once `jobs` has it. */
    seeJob({ old, job }: Extract<Change, { of: 'job' }>): void {
      if (old === undefined || job === undefined) return;
      if (old.isHidden !== job.isHidden) {
        for (const thing of thingsOf(job.jobNo)) shifted.add(thing);
        if (job.isHidden) for (const jobsOfThing of untold.values()) jobsOfThing.delete(job.jobNo);
        else comesBack(job.jobNo);
      }
      if (old.isRevealed && !job.isRevealed && !job.isHidden) finished.add(job.jobNo);
    },
    /** @returns whether its thing has to be told, though its queue, as it is shown, stays as it was */
    isTaken({ old, row }: Extract<Change, { of: 'exec' }>): boolean {
      const isOver = row === undefined || row.status === 'CANCELED' || row.status === 'TIMED_OUT';
      if (old?.status !== 'IN_PROGRESS' || !isOver || !jobs.get(old.jobNo)?.isHidden) return false;
      taken.add(old.thingNo);
      return true;
    },
    /** A thing is told: whether windows alone are reason enough. */
    told({ thingNo, list, next }: Extract<Change, { of: 'notify' }>): { list: boolean; next: boolean } {
      const head = headOf(thingNo)?.jobNo;
      const waiting = untold.get(thingNo);
      for (const jobNo of waiting ?? []) if (list && (next || head !== jobNo)) waiting!.delete(jobNo);
      const queue = [...(pending.get(thingNo)?.values() ?? [])];
      return {
        list: queue.some(({ jobNo }) => revealed.has(jobNo)),
        next: head !== undefined && revealed.has(head),
      };
    },
    changed: (thingNo: number) => shifted.has(thingNo),
    taken: () => taken,
    /** At the end of a step, and at rest: who should know by now does. */
    check(isRest: boolean): void {
      for (const [thing, jobsOfThing] of untold)
        for (const jobNo of jobsOfThing)
          if (isRest || finished.has(jobNo)) {
            const isThere = [...(pending.get(thing)?.values() ?? [])].some((row) => row.jobNo === jobNo);
            if (isThere)
              throw new Broken(`job ${jobNo} is in the queue of thing ${thing} again, which is not told (invariant 6)`);
            jobsOfThing.delete(jobNo);
          }
    },
  };
}
