import { isPending, isTerminal, type Status } from '../../runtime/jobs/execution.ts';
import { Broken } from './broken.ts';
import type { Change, JobSeen, Row } from './changeLog.ts';
import { checkChange, checkNew, mayRetry, nameOf } from './invariants.ts';
import { type Counted, checkJobMove, perMinuteOf, shouldAbort } from './jobRules.ts';
import { createWindows } from './windows.ts';

/** How long a job may read CANCELED while one of its executions is still begun: the service may be down for so long. */
const CANCEL_MILLIS_MAX = 60_000;

export interface Ledger {
  readonly rows: ReadonlyMap<string, Row>;
  readonly jobs: ReadonlyMap<number, JobSeen>;
  /** Goes through the changes of one step, in their order. Throws Broken at the first that breaks a promise. */
  replay(changes: readonly Change[], wall: number): void;
  /** By its present name; undefined: there is none. */
  thingNo(thingName: string): number | undefined;
  thingName(thingNo: number): string;
  /** Counters by a recount: each thing by its latest execution (state-machine §10, 5). */
  recount(): Map<string, number>;
  /** At rest: whoever has a job in its queue was told of it, and no job goes on that should have been aborted. */
  atRest(): void;
  /** Whether the thing of this name has, or had, an execution of the job; true for a name that was given to another thing. */
  hasHad(thingName: string, jobNo: number): boolean;
  /** When the pending execution that is due first is due; Infinity: no timer runs. */
  earliestDeadline(): number;
}

export interface LedgerOptions {
  /** False where the service's clock is set: then rates are of no clock at all. */
  isSteady: boolean;
  /** A pending execution ended, or is gone. */
  over(row: Row): void;
  /** An execution is made; a number may be given again once its execution was deleted. */
  made(row: Row): void;
}

/** What the store holds, kept beside it change by change, and every change held against the rules. */
export function createLedger({ isSteady, over, made }: LedgerOptions): Ledger {
  const rows = new Map<string, Row>();
  const jobs = new Map<number, JobSeen>();
  const canceledAt = new Map<number, number>();
  const pending = new Map<number, Map<string, Row>>();
  const names = new Map<number, string>();
  const numbers = new Map<string, number>();
  const created = new Map<number, number[]>();
  /** The highest rate that a job has had. */
  const fastest = new Map<number, number>();
  /** Things and jobs of all executions that ever were. */
  const had = new Set<string>();
  const renamed = new Set<string>();

  const keyOf = ({ thingNo, jobNo, no }: Row) => `${thingNo}/${jobNo}/${no}`;
  const queueOf = (thingNo: number) => {
    let queue = pending.get(thingNo);
    if (queue === undefined) pending.set(thingNo, (queue = new Map()));
    return queue;
  };
  /** What its device is shown of it. */
  const shownTo = (thingNo: number) => [...queueOf(thingNo).values()].filter(({ jobNo }) => !jobs.get(jobNo)?.isHidden);
  /** The order of a queue: what runs first, then by age (data-plane §7). */
  const headOf = (thingNo: number) =>
    shownTo(thingNo).sort(
      (a, b) =>
        Number(b.status === 'IN_PROGRESS') - Number(a.status === 'IN_PROGRESS') ||
        a.queuedAt - b.queuedAt ||
        a.jobNo - b.jobNo ||
        a.no - b.no,
    )[0];
  const headKey = (thingNo: number) => {
    const head = headOf(thingNo);
    return head === undefined ? '' : keyOf(head);
  };
  const membersKey = (thingNo: number) => shownTo(thingNo).map(keyOf).sort().join(' ');
  const windows = createWindows({ jobs, pending, headOf });

  function replay(changes: readonly Change[], wall: number): void {
    const gone = new Set(changes.flatMap((change) => (change.of === 'thing' && change.gone ? [change.thingNo] : [])));
    const touched = new Set(
      changes.flatMap((change) => (change.of === 'exec' ? [(change.row ?? change.old)!.thingNo] : [])),
    );
    windows.begin(changes);
    const before = new Map([...touched].map((thing) => [thing, { head: headKey(thing), members: membersKey(thing) }]));
    const moved = { list: new Set<number>(), next: new Set<number>() };
    const told = { list: new Set<number>(), next: new Set<number>() };
    const retriesDue = new Map<string, Row>();
    for (const change of changes) {
      if (change.of === 'thing') nameThing(change);
      else if (change.of === 'job') seeJob(change, wall);
      else if (change.of === 'notify') {
        if (change.list) told.list.add(change.thingNo);
        if (change.next) told.next.add(change.thingNo);
        const { thingNo, added } = change;
        const isReason = windows.told(change);
        if (added && change.list && !moved.list.has(thingNo) && !isReason.list)
          throw new Broken(`thing ${thingNo} is told of its queue, which has not changed (invariant 6)`);
        if (added && change.next && !moved.next.has(thingNo) && !isReason.next)
          throw new Broken(`thing ${thingNo} is told of its next job, which has not changed (invariant 6)`);
      } else seeExecution(change, wall, gone, moved, retriesDue);
    }
    for (const [key, row] of retriesDue)
      if (rows.get(key) === row)
        throw new Broken(`${nameOf(row, jobs.get(row.jobNo))}: ${row.status}, and no retry follows`);
    for (const [thing, { head, members }] of before) {
      if (gone.has(thing)) continue;
      oneInProgress(thing);
      if (windows.taken().has(thing) && !(told.list.has(thing) && told.next.has(thing)))
        throw new Broken(`what ran on thing ${thing} was taken from it outside of its window, and it is not told`);
      if (windows.changed(thing)) continue;
      if (members !== membersKey(thing) && !told.list.has(thing))
        throw new Broken(`the queue of thing ${thing} changed and it is not told (invariant 6)`);
      if (head !== headKey(thing) && !told.next.has(thing))
        throw new Broken(`the next job of thing ${thing} is another one and it is not told (invariant 6)`);
    }
    windows.check(false);
  }

  function nameThing({ thingNo, thingName, gone }: Extract<Change, { of: 'thing' }>): void {
    names.set(thingNo, thingName);
    if (gone) renamed.add(thingName);
    if (gone) numbers.delete(thingName);
    else numbers.set(thingName, thingNo);
  }

  function seeJob({ old, job }: Extract<Change, { of: 'job' }>, wall: number): void {
    if (job === undefined) {
      for (const row of rows.values())
        if (row.jobNo === old!.jobNo) throw new Broken(`job ${old!.jobId} is gone before ${nameOf(row, old)}`);
      jobs.delete(old!.jobNo);
      created.delete(old!.jobNo);
      return;
    }
    if (old !== undefined && old.status !== job.status) {
      if (old.status === 'COMPLETED' && job.status !== 'DELETION_IN_PROGRESS')
        throw new Broken(`job ${job.jobId} left COMPLETED for ${job.status}`);
      if (job.status === 'CANCELED') canceledAt.set(job.jobNo, wall);
    }
    checkJobMove(old, job, countsOf(job.jobNo));
    if (old !== undefined && JSON.stringify(old.rollout) !== JSON.stringify(job.rollout)) {
      created.delete(job.jobNo);
      fastest.delete(job.jobNo);
    }
    jobs.set(job.jobNo, job);
    windows.seeJob({ of: 'job', old, job });
  }

  function seeExecution(
    change: Extract<Change, { of: 'exec' }>,
    wall: number,
    gone: ReadonlySet<number>,
    moved: { list: Set<number>; next: Set<number> },
    retriesDue: Map<string, Row>,
  ): void {
    const { old, row } = change;
    const { thingNo, jobNo, no } = (row ?? old)!;
    const key = keyOf((row ?? old)!);
    const job = jobs.get(jobNo);
    const [head, members] = [headKey(thingNo), membersKey(thingNo)];
    if (row === undefined) rows.delete(key);
    else if (old === undefined) {
      made(row);
      had.add(`${thingNo}/${jobNo}`);
      checkNew(row, rows.get(`${thingNo}/${jobNo}/${no - 1}`), latestNo(thingNo, jobNo), job);
      retriesDue.delete(`${thingNo}/${jobNo}/${no - 1}`);
      if (job !== undefined && row.attempt === 0) countCreated(job, wall);
    } else {
      checkChange(old, row, job, wall, gone.has(thingNo));
      if (old.status === 'QUEUED' && row.status === 'IN_PROGRESS' && job?.status === 'CANCELED')
        if (isSteady && wall - (canceledAt.get(jobNo) ?? wall) > CANCEL_MILLIS_MAX)
          throw new Broken(`${nameOf(row, job)} was begun long after its job was cancelled`);
      const live = job?.status === 'IN_PROGRESS' || job?.status === 'SCHEDULED';
      if (old.status !== row.status && live && old.hasLeft === 0 && mayRetry(row, job)) retriesDue.set(key, row);
    }
    if (row !== undefined) rows.set(key, row);
    const stays = row !== undefined && isPending(row.status);
    if (stays) queueOf(thingNo).set(key, row);
    else queueOf(thingNo).delete(key);
    // Nobody tells a device that its thing was deleted: it finds out when it reports.
    if (old !== undefined && !stays && !isTerminal(old.status) && !gone.has(thingNo)) over(old);
    const isTaken = windows.isTaken(change);
    if (isTaken || membersKey(thingNo) !== members) moved.list.add(thingNo);
    if (isTaken || headKey(thingNo) !== head) moved.next.add(thingNo);
  }

  /** No minute sees more new executions than the job's rate (control-plane §6); who joins a group later is outside of it. */
  function countCreated({ jobNo, jobId, rollout, selection }: JobSeen, wall: number): void {
    const rate = perMinuteOf(rollout, countsOf(jobNo));
    if (rate === undefined || selection !== 'SNAPSHOT' || !isSteady) return;
    // What was succeeded may be deleted: the rate of a moment ago counts too.
    const perMinute = Math.max(rate, fastest.get(jobNo) ?? 0);
    fastest.set(jobNo, perMinute);
    const times = (created.get(jobNo) ?? []).filter((at) => at > wall - 60_000);
    times.push(wall);
    created.set(jobNo, times);
    if (times.length > perMinute)
      throw new Broken(`job ${jobId} created ${times.length} executions within a minute: its rate is ${perMinute}`);
  }

  function oneInProgress(thing: number): void {
    const busy = [...queueOf(thing).values()].filter(({ status }) => status === 'IN_PROGRESS');
    if (busy.length > 1)
      throw new Broken(`two jobs in progress: ${busy.map((row) => nameOf(row, jobs.get(row.jobNo))).join(' and ')}`);
  }

  function latestOf(jobNo?: number): Iterable<Row> {
    const latest = new Map<string, Row>();
    for (const row of rows.values()) {
      if (jobNo !== undefined && row.jobNo !== jobNo) continue;
      const key = `${row.thingNo}/${row.jobNo}`;
      if ((latest.get(key)?.no ?? 0) < row.no) latest.set(key, row);
    }
    return latest.values();
  }

  function latestNo(thingNo: number, jobNo: number): number {
    let latest = 0;
    for (const row of rows.values())
      if (row.thingNo === thingNo && row.jobNo === jobNo) latest = Math.max(latest, row.no);
    return latest;
  }

  function countsOf(jobNo: number): Counted {
    const counts = new Map<Status, number>();
    for (const { status } of latestOf(jobNo)) counts.set(status, (counts.get(status) ?? 0) + 1);
    return counts;
  }

  function recount(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { jobNo, status } of latestOf())
      counts.set(`${jobNo} ${status}`, (counts.get(`${jobNo} ${status}`) ?? 0) + 1);
    return counts;
  }

  return {
    rows,
    jobs,
    replay,
    recount,
    atRest: () => {
      windows.check(true);
      for (const job of jobs.values())
        if ((job.status === 'IN_PROGRESS' || job.status === 'SCHEDULED') && shouldAbort(job, countsOf(job.jobNo)))
          throw new Broken(`job ${job.jobId} goes on, and a criterion of its abortConfig is met`);
    },
    hasHad: (thingName, jobNo) => renamed.has(thingName) || had.has(`${numbers.get(thingName)}/${jobNo}`),
    thingNo: (thingName) => numbers.get(thingName),
    thingName: (thingNo) => names.get(thingNo) ?? `thing ${thingNo}`,
    earliestDeadline: () => {
      let earliest = Infinity;
      for (const queue of pending.values())
        for (const { deadline } of queue.values()) if (deadline !== null && deadline < earliest) earliest = deadline;
      return earliest;
    },
  };
}
