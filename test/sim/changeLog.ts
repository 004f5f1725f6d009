import { sql } from 'kysely';
import { STATUSES, type Status } from '../../runtime/jobs/execution.ts';
import type { AbortConfig, JobConfig, RetryCriterion, RolloutConfig } from '../../targets/service/jobs/jobConfig.ts';
import { type Connection, statement } from '../../targets/service/store/statement.ts';

/** One execution as the store has it; times in milliseconds since the Unix epoch. */
export interface Row {
  thingNo: number;
  jobNo: number;
  no: number;
  status: Status;
  ver: number;
  queuedAt: number;
  startedAt: number | null;
  updatedAt: number;
  inProgressDeadline: number | null;
  stepDeadline: number | null;
  deadline: number | null;
  attempt: number;
  timedOutRetries: number;
  forceCanceled: number;
  hasLeft: number;
  details: string | null;
}

/** What the checks have to know of a job. */
export interface JobSeen {
  jobNo: number;
  jobId: string;
  status: string;
  selection: string;
  /** What still counts of its criteria. */
  retry: readonly RetryCriterion[];
  /** The word of its steps: jobs of the same name have others. */
  serial: string;
  rollout: RolloutConfig | undefined;
  abort: AbortConfig | undefined;
  /** A time after which it creates nothing more. */
  hasEndTime: boolean;
  reasonCode: string | null;
  inProgressMinutes: number | null;
  /** Outside of its maintenance windows its executions are in no queue. */
  isHidden: boolean;
  /** They have come back, and their things are being told. */
  isRevealed: boolean;
}

/** One change of one row, in the order in which the store made them. */
export type Change =
  | { of: 'exec'; old: Row | undefined; row: Row | undefined }
  | { of: 'job'; old: JobSeen | undefined; job: JobSeen | undefined }
  | { of: 'notify'; thingNo: number; list: boolean; next: boolean; added: boolean }
  | { of: 'thing'; thingNo: number; thingName: string; gone: boolean };

export interface ChangeLog {
  /** What has changed since it was asked last. */
  take(): Promise<Change[]>;
}

const EXEC = [
  ...['thing_no', 'job_no', 'no', 'status', 'ver', 'queued_at', 'started_at', 'updated_at', 'in_progress_deadline'],
  ...['step_deadline', 'deadline', 'attempt', 'timed_out_retries', 'force_canceled', 'has_left', 'details'],
];
const JOB = [
  'job_no',
  'job_id',
  'status',
  'target_selection',
  'retry',
  'document',
  'config',
  'in_progress_minutes',
  'hidden',
  'reveal',
  'reason_code',
];

/**
 * Has the store itself write down every change of a row, so that of two changes in one step neither is missed. Triggers of
 * this connection: the store's tables stay as they are.
 */
export async function openChangeLog(store: Connection): Promise<ChangeLog> {
  const statements = [
    'create temp table sim_change (n integer primary key autoincrement, what text, old text, new text)',
    ...watched('exec', EXEC),
    ...watched('job', JOB),
    ...watched('notify_q', ['thing_no', 'list', 'next'], ['list', 'next', 'at']),
    ...watched('thing', ['thing_no', 'thing_name'], ['thing_name']),
  ];
  for (const text of statements) await sql.raw(text).execute(store.db);
  return {
    take: async () => {
      const rows = await takeChanges(store, {});
      return rows.sort((a, b) => a.n - b.n).flatMap(({ what, old, new: row }) => read(what, parsed(old), parsed(row)));
    },
  };
}

function watched(table: string, columns: readonly string[], of = columns): string[] {
  const values = (side: string) => `json_array(${columns.map((column) => `${side}.${column}`).join(', ')})`;
  const write = (old: string, row: string) =>
    `begin insert into sim_change (what, old, new) values ('${table}', ${old}, ${row}); end`;
  return [
    `create temp trigger sim_${table}_i after insert on main.${table} ${write('null', values('new'))}`,
    `create temp trigger sim_${table}_u after update of ${of.join(', ')} on main.${table} ${write(values('old'), values('new'))}`,
    `create temp trigger sim_${table}_d after delete on main.${table} ${write(values('old'), 'null')}`,
  ];
}

const takeChanges = statement<object, { n: number; what: string; old: string | null; new: string | null }>(
  () => sql`delete from sim_change returning n, what, old, new`,
);

type Cells = readonly (number | string | null)[];

const parsed = (text: string | null): Cells | undefined => (text === null ? undefined : JSON.parse(text));

function read(what: string, old: Cells | undefined, row: Cells | undefined): Change[] {
  switch (what) {
    case 'exec':
      return [{ of: 'exec', old: old && execOf(old), row: row && execOf(row) }];
    case 'job':
      return [{ of: 'job', old: old && jobOf(old), job: row && jobOf(row) }];
    case 'notify_q':
      if (row === undefined) return [];
      return [
        { of: 'notify', thingNo: row[0] as number, list: row[1] === 1, next: row[2] === 1, added: old === undefined },
      ];
    default: {
      // A transaction takes a thing for itself by writing its row as it is.
      if (old !== undefined && row !== undefined) return [];
      const [thingNo, thingName] = (row ?? old) as [number, string];
      return [{ of: 'thing', thingNo, thingName, gone: row === undefined }];
    }
  }
}

function execOf(cells: Cells): Row {
  const [thingNo, jobNo, no, status, ver, queuedAt, startedAt, updatedAt, inProgressDeadline, stepDeadline, ...rest] =
    cells as [number, number, number, number, number, number, number | null, number, number | null, number | null];
  const [deadline, attempt, timedOutRetries, forceCanceled, hasLeft, details] = rest as unknown as [
    number | null,
    number,
    number,
    number,
    number,
    string | null,
  ];
  const times = { queuedAt, startedAt, updatedAt, inProgressDeadline, stepDeadline, deadline };
  const counts = { attempt, timedOutRetries, forceCanceled, hasLeft };
  return { thingNo, jobNo, no, status: STATUSES[status]!, ver, ...times, ...counts, details };
}

function jobOf(cells: Cells): JobSeen {
  const [jobNo, jobId, status, selection, retry, document, config, inProgressMinutes, ...rest] = cells as [
    number,
    string,
    string,
    string,
    string | null,
    string,
    string,
    number | null,
  ];
  const [hidden, reveal, reasonCode] = rest as unknown as [number, string | null, string | null];
  const { jobExecutionsRolloutConfig: rollout, abortConfig: abort, schedulingConfig } = JSON.parse(config) as JobConfig;
  return {
    ...{ jobNo, jobId, status, selection, inProgressMinutes, rollout, abort, reasonCode },
    retry: retry === null ? [] : JSON.parse(retry),
    serial: /"name":"(s\d+)/.exec(document)?.[1] ?? '',
    isHidden: hidden === 1,
    isRevealed: hidden === 0 && reveal !== null,
    hasEndTime: schedulingConfig?.endTime !== undefined,
  };
}
