import { sql } from 'kysely';
import { isTerminal, STATUSES } from '../../runtime/jobs/execution.ts';
import { type Connection, statement } from '../../targets/service/store/statement.ts';
import { type Attempt, createAttempts } from './attempts.ts';
import { Broken } from './broken.ts';
import { openChangeLog, type Row } from './changeLog.ts';
import { LATE_MILLIS_MAX } from './faults.ts';
import { nameOf } from './invariants.ts';
import { createLedger, type Ledger } from './ledger.ts';
import type { Made } from './operator.ts';
import { CLEAN_UP } from './work.ts';

/** How long a board that is online may go on with a job that is over: late bytes, and requests that are repeated. */
const NOTICE_MILLIS_MAX = 60_000;
/** How late a timer of the service may be while it runs: none of its steps takes virtual time, so only a late wake-up is left. */
const TIMER_MILLIS_MAX = 2_000;

export interface ServiceTime {
  /** By the service's own clock. */
  wall(): number;
  /** How long the service runs, milliseconds of the world; undefined: it does not, or its clock was set just now. */
  upFor(): number | undefined;
  isSteady: boolean;
  /** Boards read members of our own in documents. */
  boardsKnow: boolean;
}

export type Checks = Awaited<ReturnType<typeof createChecks>>;

/**
 * What must be true, looked at after every step: the ten invariants of state-machine §10 (invariants.ts, ledger.ts and,
 * numbered, below); no step started twice for one execution; nothing acknowledged lost; and at the end, each job of each
 * thing over, and as its steps were.
 */
export async function createChecks(store: Connection, time: ServiceTime) {
  const attempts = createAttempts(time.boardsKnow);
  /** By execution: when the service no longer held it as pending, by the world's clock. */
  const overSince = new Map<string, number>();
  /** Names of jobs that an operator has deleted at some time, or tried to. */
  const deletedJobs = new Set<string>();
  const acknowledged: { thing: string; jobId: string; no: number; ver: number }[] = [];
  let now = 0;
  const keyOf = (row: Row, ledger: Ledger) => {
    const job = ledger.jobs.get(row.jobNo);
    return `${ledger.thingName(row.thingNo)} ${job?.serial ?? ''} #${row.no}`;
  };
  const log = await openChangeLog(store);
  const ledger: Ledger = createLedger({
    isSteady: time.isSteady,
    over: (row) => overSince.set(keyOf(row, ledger), now),
    made: (row) => overSince.delete(keyOf(row, ledger)),
  });

  async function look(nowMillis: number): Promise<void> {
    now = nowMillis;
    const changes = await log.take();
    if (changes.length > 0) {
      ledger.replay(changes, time.wall());
      await countersAgree();
      completedAreOver();
    }
    const deleted = changes.some((change) => change.of === 'exec' && change.row === undefined);
    for (const one of acknowledged.splice(0)) if (!deleted) isKept(one);
    const late = time.wall() - ledger.earliestDeadline();
    if (late > TIMER_MILLIS_MAX && (time.upFor() ?? 0) > TIMER_MILLIS_MAX)
      throw new Broken(`an execution should have timed out ${late} ms ago`);
  }

  /** Invariant 5: the counters of a job are its things by their latest executions. */
  async function countersAgree(): Promise<void> {
    const truth = ledger.recount();
    for (const { job, status, n } of await readCounters(store, {})) {
      const key = `${job} ${STATUSES[status]}`;
      if (n !== (truth.get(key) ?? 0))
        throw new Broken(`job ${job} counts ${n} ${STATUSES[status]}, and has ${truth.get(key) ?? 0} (invariant 5)`);
      truth.delete(key);
    }
    for (const [key, n] of truth) throw new Broken(`job ${key}: ${n} executions that no counter counts (invariant 5)`);
  }

  /** Invariant 8, one way: COMPLETED means that nothing is left to do. */
  function completedAreOver(): void {
    for (const row of ledger.rows.values())
      if (!isTerminal(row.status) && ledger.jobs.get(row.jobNo)?.status === 'COMPLETED')
        throw new Broken(
          `${nameOf(row, ledger.jobs.get(row.jobNo))} is ${row.status}, its job COMPLETED (invariant 8)`,
        );
  }

  /** What was answered with accepted is in the store. */
  function isKept({ thing, jobId, no, ver }: (typeof acknowledged)[number]): void {
    const thingNo = ledger.thingNo(thing);
    const job = [...ledger.jobs.values()].find((one) => one.jobId === jobId);
    const row = job && ledger.rows.get(`${thingNo}/${job.jobNo}/${no}`);
    if (row === undefined || row.ver < ver)
      throw new Broken(`${thing}: version ${ver} of ${jobId}#${no} was acknowledged, and is not in the store`);
  }

  /** The job of a step is over, and its board has been online for so long that it has heard of it. */
  function shouldKnow(at: Attempt, step: string, nowMillis: number, onlineSince = nowMillis): boolean {
    const over = overSince.get(`${at.thingName} ${step.split('.')[0]} #${at.executionNumber}`) ?? nowMillis;
    return nowMillis > Math.max(over, onlineSince) + NOTICE_MILLIS_MAX && !step.endsWith(CLEAN_UP);
  }

  return {
    ledger,
    look,
    /** A step is at work; every now and then. */
    goesOn(at: Attempt, step: string, nowMillis: number, onlineSince: number | undefined) {
      if (shouldKnow(at, step, nowMillis, onlineSince))
        throw new Broken(`${at.thingName} goes on with ${step} long after its job had ended at the service`);
    },
    started(at: Attempt, step: string, nowMillis: number, onlineSince: number | undefined) {
      if (shouldKnow(at, step, nowMillis, onlineSince))
        throw new Broken(`${at.thingName} started ${step} long after its job had ended at the service`);
      attempts.started(at, step);
    },
    ended: attempts.ended,
    /** When the service no longer held the job of this step as pending, by the world's clock; undefined: it does. */
    overSince: ({ thingName, executionNumber }: Attempt, step: string) =>
      overSince.get(`${thingName} ${step.split('.')[0]} #${executionNumber}`),
    booted: attempts.booted,
    forbidden: attempts.forbidden,
    /** The service accepted an update that expected the version before. */
    acknowledged(thing: string, jobId: string, no: number, ver: number) {
      acknowledged.push({ thing, jobId, no, ver });
    },
    /** Everything has come to rest: each job of each thing ended, and as its steps did. */
    async atRest(made: readonly Made[]): Promise<void> {
      const latest = new Map(made.map((one) => [one.jobId, one]));
      // A thing that was registered anew counts anew: one name and number may be of two.
      const namesakes = new Map<string, number>();
      for (const row of ledger.rows.values())
        namesakes.set(keyOf(row, ledger), (namesakes.get(keyOf(row, ledger)) ?? 0) + 1);
      for (const row of ledger.rows.values()) {
        const job = ledger.jobs.get(row.jobNo);
        if (!isTerminal(row.status)) throw new Broken(`${nameOf(row, job)} is still ${row.status}`);
        const one = latest.get(job?.jobId ?? '');
        const isOnly = namesakes.get(keyOf(row, ledger)) === 1;
        if (one !== undefined && one.serial === job?.serial) truthful(row, one, isOnly);
      }
      for (const job of ledger.jobs.values())
        if (job.selection === 'SNAPSHOT' && (job.status === 'IN_PROGRESS' || job.status === 'SCHEDULED'))
          throw new Broken(`job ${job.jobId} is ${job.status}, and nothing of it is left to do (invariant 8)`);
      for (const { jobId } of made)
        if (![...ledger.jobs.values()].some((job) => job.jobId === jobId) && !deletedJobs.has(jobId))
          throw new Broken(`job ${jobId} was created, nobody deleted it, and it is not there`);
      ledger.atRest();
      for (const one of latest.values()) allServed(one);
      const [waiting] = await readWaiting(store, {});
      if (waiting!.n > 0) throw new Broken(`${waiting!.n} notifications were never sent`);
    },
    deleted: (jobId: string) => void deletedJobs.add(jobId),
    starts: attempts.starts,
  };

  /** A job that is COMPLETED has been to every thing that it names. */
  function allServed({ jobId, serial, things = [] }: Made): void {
    const job = [...ledger.jobs.values()].find((one) => one.jobId === jobId && one.serial === serial);
    if (job?.status !== 'COMPLETED' || job.hasEndTime) return;
    for (const thing of things)
      if (!ledger.hasHad(thing, job.jobNo)) throw new Broken(`${jobId} is COMPLETED, and ${thing} never had it`);
  }

  function truthful(row: Row, { serial, works, jobId, isFit, isTaken }: Made, isOnly: boolean): void {
    const thing = ledger.thingName(row.thingNo);
    const what = `${jobId} (${serial}) #${row.no} of ${thing}`;
    const at = { thingName: thing, jobId, executionNumber: row.no, queuedAt: Math.floor(row.queuedAt / 1_000) };
    const ran = attempts.ranWell(at, works ?? [], isOnly);
    // A REJECTED that is on its way while the job is made anew meets the new execution: the protocol has nothing that tells
    // them apart. It cannot be later than the slowest bytes, of the answer that told of the old one and of the REJECTED.
    const met = row.updatedAt - row.queuedAt <= 2 * LATE_MILLIS_MAX || !time.isSteady;
    if (row.status === 'REJECTED' && works !== undefined && isFit && !met)
      throw new Broken(`${what} is REJECTED, its document is valid`);
    // FAILED where a claim met it on its way: nothing but SUCCEEDED says that it ran.
    if ((works === undefined || !isFit) && row.status === 'SUCCEEDED')
      throw new Broken(`${what} is SUCCEEDED, its document is invalid`);
    if (row.status === 'SUCCEEDED' && !ran.every(Boolean))
      throw new Broken(`${what} is SUCCEEDED, its steps are not: ${ran}`);
    if (row.status === 'SUCCEEDED' && attempts.wasCleaned(at, serial))
      throw new Broken(`${what} is SUCCEEDED, and was cleaned up after`);
    const isUnseen = isTaken || (!attempts.isSeen(thing) && ran.includes(undefined));
    const isFor = ran.includes(false) || isUnseen || attempts.mayFail(at, works ?? []);
    if (row.status === 'FAILED' && works !== undefined && isFit && !isFor)
      throw new Broken(`${what} is FAILED, none of its steps did and nothing came between: ${ran}`);
  }
}

const readCounters = statement<object, { job: number; status: number; n: number }>(
  () => sql`
  select job_no as job, status, sum(n) as n from (select job_no, status, n from job_count union all select job_no, status, n from job_delta)
  group by job_no, status having sum(n) <> 0`,
);

const readWaiting = statement<object, { n: number }>(() => sql`select count(*) as n from notify_q`);
