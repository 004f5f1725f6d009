import { sql } from 'kysely';
import { isTerminal, mayMove, PARTIES, STATUSES, type Status } from '../../runtime/jobs/execution.ts';
import { type Connection, statement } from '../../targets/service/store/statement.ts';
import { LATE_MILLIS_MAX } from './faults.ts';
import type { Made } from './operator.ts';

/** A promise that was broken: which, and by what. */
export class Broken extends Error {}

/** How long a board that is online may go on with a job that is over: late bytes, and requests that are repeated. */
const NOTICE_MILLIS_MAX = 60_000;

interface Row {
  /** The word of CreateJob's steps: jobs of the same name have others. */
  serial: string;
  thing: string;
  jobId: string;
  jobNo: number;
  no: number;
  status: Status;
  ver: number;
  queuedAt: number;
  startedAt: number | null;
  updatedAt: number;
  deadline: number | null;
  inProgressDeadline: number | null;
}

const readExecutions = statement<object, Omit<Row, 'status' | 'serial'> & { status: number; document: string }>(
  () => sql`
    select t.thing_name as "thing", j.job_id as "jobId", e.job_no as "jobNo", e.no as "no", e.status as "status", e.ver as "ver",
      e.queued_at as "queuedAt", e.started_at as "startedAt", e.updated_at as "updatedAt", e.deadline as "deadline",
      e.in_progress_deadline as "inProgressDeadline", j.document as "document"
    from exec e join thing t on t.thing_no = e.thing_no join job j on j.job_no = e.job_no`,
);

/**
 * Looks at the store after every step and compares it with what it was: no move outside the table, versions that grow by one,
 * at most one job in progress, times in order. And keeps count of what ran on the boards.
 */
export function createChecks(store: Connection) {
  let before = new Map<string, Row>();
  const starts = new Map<string, number>();
  const ends = new Map<string, { code: number | undefined; signal: string | undefined }>();
  /** By thing and what CreateJob made: when the service no longer held it as pending. */
  const overSince = new Map<string, number>();
  const interrupted = new Set<string>();
  let seen = -1;

  async function read(): Promise<Map<string, Row>> {
    const rows = await readExecutions(store, {});
    return new Map(
      rows.map(({ document, ...row }) => {
        const serial = /"name":"(s\d+)/.exec(document)?.[1] ?? '';
        return [`${row.thing}/${row.jobNo}/${row.no}`, { ...row, serial, status: STATUSES[row.status]! }];
      }),
    );
  }

  async function look(nowMillis: number): Promise<void> {
    const changes = await changesOf(store);
    if (changes === seen) return;
    seen = changes;
    const now = await read();
    for (const [key, row] of now) compare(key, before.get(key), row);
    for (const [key, old] of before) {
      const row = now.get(key);
      const over = row === undefined || isTerminal(row.status);
      if (over && !isTerminal(old.status)) overSince.set(`${old.thing} ${old.serial}`, nowMillis);
    }
    oneInProgress(now);
    before = now;
  }

  return {
    look,
    started(thing: string, step: string, nowMillis: number, onlineSince: number | undefined) {
      const over = overSince.get(`${thing} ${step.split('.')[0]}`);
      const known = Math.max(over ?? nowMillis, onlineSince ?? nowMillis) + NOTICE_MILLIS_MAX;
      if (nowMillis > known) throw new Broken(`${thing} started ${step} long after its job had ended at the service`);
      const key = `${thing} ${step}`;
      const count = (starts.get(key) ?? 0) + 1;
      starts.set(key, count);
      if (count > 1) throw new Broken(`step ${step} was started ${count} times on ${thing}`);
    },
    ended(thing: string, step: string, code: number | undefined, signal: string | undefined) {
      ends.set(`${thing} ${step}`, { code, signal });
    },
    /** Power failed while this job ran or its end was being remembered. */
    interrupted(thing: string, jobId: string) {
      interrupted.add(`${thing} ${jobId}`);
    },
    /** Everything has come to rest: each job of each thing ended, and as its steps did. */
    async atRest(made: readonly Made[]): Promise<void> {
      const rows = await read();
      const latest = new Map(made.map((one) => [one.jobId, one]));
      for (const [key, row] of rows) {
        if (!isTerminal(row.status)) throw new Broken(`${key} (${row.jobId}) is still ${row.status}`);
        const job = latest.get(row.jobId);
        if (job !== undefined) truthful(row, job);
      }
    },
    starts: () => starts.size,
    ends: () => ends.size,
  };

  function truthful(row: Row, { serial, codes }: Made): void {
    const ran = (codes ?? []).map((_, i) => ends.get(`${row.thing} ${serial}.${i}`));
    const what = `${row.jobId} (${serial}) of ${row.thing}`;
    // A REJECTED that is on its way while the job is made anew meets the new execution: the protocol has nothing that tells
    // them apart. It cannot be later than the slowest byte.
    const met = row.updatedAt - row.queuedAt <= LATE_MILLIS_MAX;
    if (row.status === 'REJECTED' && codes !== undefined && !met)
      throw new Broken(`${what} is REJECTED, its document is valid`);
    // FAILED where a claim met it on its way: nothing but SUCCEEDED says that it ran.
    if (codes === undefined && row.status === 'SUCCEEDED')
      throw new Broken(`${what} is SUCCEEDED, its document is invalid`);
    if (row.status === 'SUCCEEDED' && !ran.every((end) => end?.code === 0))
      throw new Broken(`${what} is SUCCEEDED, its steps are not`);
    if (
      row.status === 'FAILED' &&
      codes !== undefined &&
      ran.every((end) => end?.code === 0) &&
      !interrupted.has(`${row.thing} ${row.jobId}`)
    ) {
      throw new Broken(`${what} is FAILED, all its steps succeeded and power never failed while it ran`);
    }
  }
}

const readChanges = statement<object, { n: number }>(() => sql`select total_changes() as n`);

async function changesOf(store: Connection): Promise<number> {
  return (await readChanges(store, {}))[0]!.n;
}

function compare(key: string, old: Row | undefined, row: Row): void {
  const name = `${key} (${row.jobId})`;
  const started = row.startedAt ?? row.queuedAt;
  if (!(row.queuedAt <= started && started <= row.updatedAt)) throw new Broken(`${name}: its times are out of order`);
  if (isTerminal(row.status) && row.deadline !== null) throw new Broken(`${name}: ${row.status}, but its timer runs`);
  if (row.deadline !== null && row.inProgressDeadline !== null && row.deadline > row.inProgressDeadline) {
    throw new Broken(`${name}: its deadline is later than the in-progress timer's`);
  }
  if (old === undefined || old.queuedAt !== row.queuedAt) return;
  if (old.ver === row.ver && old.status !== row.status)
    throw new Broken(`${name}: ${old.status} to ${row.status} without a new version`);
  if (row.ver < old.ver) throw new Broken(`${name}: its version went from ${old.ver} to ${row.ver}`);
  if (row.ver > old.ver && isTerminal(old.status))
    throw new Broken(`${name}: ${old.status} was left for ${row.status}`);
  if (row.ver === old.ver + 1 && !PARTIES.some((by) => mayMove(old.status, by, row.status))) {
    throw new Broken(`${name}: ${old.status} to ${row.status} is not in the table`);
  }
}

function oneInProgress(rows: Map<string, Row>): void {
  const busy = new Map<string, string>();
  for (const row of rows.values()) {
    if (row.status !== 'IN_PROGRESS') continue;
    const other = busy.get(row.thing);
    if (other !== undefined) throw new Broken(`${row.thing} has two jobs in progress: ${other} and ${row.jobId}`);
    busy.set(row.thing, row.jobId);
  }
}
