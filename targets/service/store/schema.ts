import { type Generated, type Kysely, type Migration, sql } from 'kysely';
import { type ArtifactTables, addArtifactTables } from './artifactTables.ts';
import type { WaitingEvent } from './events.ts';
import { addProvisioningTables, type ProvisioningTables } from './provisioningTables.ts';
import { addRegistryTables, type RegistryTables } from './registryTables.ts';
import { addWorkerTables, type WorkerTables } from './workers.ts';

export type { TagTable } from './registryTables.ts';

/**
 * The tables of the service, the same on SQLite and PostgreSQL: JSON as text, times as milliseconds since the Unix epoch,
 * things and jobs by number so that a row of the largest table and its indexes stay small.
 */
export interface Database extends RegistryTables, ArtifactTables, WorkerTables, ProvisioningTables {
  thing: ThingTable;
  thing_group: ThingGroupTable;
  member: MemberTable;
  certificate: CertificateTable;
  principal: PrincipalTable;
  access_key: AccessKeyTable;
  job: JobTable;
  job_target: JobTargetTable;
  exec: ExecTable;
  job_delta: JobCountTable;
  job_count: JobCountTable;
  notify_q: NotifyTable;
  gone_thing: GoneThingTable;
  event_q: EventTable;
}

export interface ThingTable {
  thing_no: Generated<number>;
  thing_name: string;
  thing_id: string;
  thing_type: string | null;
  /** JSON: attribute name to value. */
  attributes: string;
  version: number;
  created_at: number;
}

export interface ThingGroupTable {
  group_name: string;
  group_id: string;
  parent: string | null;
  /** JSON: thingGroupProperties as given. */
  properties: string;
  version: number;
  created_at: number;
}

/**
 * Who belongs to what. `grp` is a group's name, or `/job/{jobId}` for the things that a job names one by one ('/' is in no
 * group's name). `seq` only grows inside a group: a roll-out walks it with a cursor, and a late joiner is always ahead.
 */
export interface MemberTable {
  grp: string;
  seq: number;
  thing_no: number;
  added_at: number;
}

export interface CertificateTable {
  /** SHA-256 of the certificate (DER), 64 hexadecimal digits in lower case. */
  certificate_id: string;
  pem: string;
  status: 'ACTIVE' | 'INACTIVE' | 'REVOKED' | 'PENDING_ACTIVATION';
  created_at: number;
  /** When its status changed; null: never. */
  modified_at: Generated<number | null>;
}

export interface PrincipalTable {
  certificate_id: string;
  thing_no: number;
}

export interface AccessKeyTable {
  access_key_id: string;
  secret_access_key: string;
  status: 'Active' | 'Inactive';
  created_at: number;
}

export interface JobTable {
  job_no: Generated<number>;
  job_id: string;
  status: 'SCHEDULED' | 'IN_PROGRESS' | 'COMPLETED' | 'CANCELED' | 'DELETION_IN_PROGRESS';
  target_selection: 'SNAPSHOT' | 'CONTINUOUS';
  document: string;
  /** JSON: the members of CreateJob that are only kept and shown, or read by ticks (targets, rollout, timeout, retry, ...). */
  config: string;
  description: string | null;
  comment: string | null;
  reason_code: string | null;
  force_canceled: number;
  /** timeoutConfig.inProgressTimeoutInMinutes, outside of config because every start of an execution needs it; null: none. */
  in_progress_minutes: number | null;
  created_at: number;
  last_updated_at: number;
  completed_at: number | null;
  /** When a tick has to look at it next; null: never. */
  next_tick: number | null;
  /** The roll-out's bucket: executions that may be created now, and the start of the slot of time that they were given for. */
  tokens: number;
  tokens_at: number;
  ver: number;
  /** JSON: criteriaList of jobExecutionsRetryConfig as far as it still counts; null: nothing is tried again. */
  retry: Generated<string | null>;
  /** schedulingConfig: startTime and endTime; null: none. */
  starts_at: Generated<number | null>;
  ends_at: Generated<number | null>;
  /** 1: its targets are resolved, it has been IN_PROGRESS; 0: it still waits for its start. */
  started: Generated<number>;
  /** 1: outside of its maintenance windows, its executions are in nobody's queue. */
  hidden: Generated<number>;
  /** JSON: [status, thing_no] of the last execution whose thing was told that it is to be seen again; null: nothing to tell. */
  reveal: Generated<string | null>;
  /** When its schedule has something for it next: start, end, a window's beginning or end; null: never. */
  alarm: Generated<number | null>;
  /** 1: its document has URLs that are signed when it is delivered. */
  signs: Generated<number>;
}

/** Where the roll-out over one group of a job has come; a snapshot is done with it when the cursor is at max_seq. */
export interface JobTargetTable {
  job_no: number;
  grp: string;
  /** The group that was named as target: `grp` itself or one above it; `/job/{jobId}` for things. */
  root: string;
  cursor: number;
  max_seq: number | null;
}

export interface ExecTable {
  thing_no: number;
  job_no: number;
  /** executionNumber */
  no: number;
  /** Index into STATUSES of runtime/jobs/execution.ts; below 2: pending. */
  status: number;
  /** JSON: statusDetails; null: empty. */
  details: string | null;
  /** versionNumber */
  ver: number;
  /** clientToken of the last update that was applied: a repeated request is answered, not applied again. */
  last_token: string | null;
  queued_at: number;
  started_at: number | null;
  updated_at: number;
  in_progress_deadline: number | null;
  step_deadline: number | null;
  /** The earlier of the two; null: no timer runs. */
  deadline: number | null;
  /** Retries that came before it, and how many of them followed a TIMED_OUT. */
  attempt: number;
  timed_out_retries: Generated<number>;
  force_canceled: number;
  /** 1: its thing has left the targets of a continuous job: no retry follows, and if it joins again it gets another. */
  has_left: Generated<number>;
}

/** The names of deleted things that had executions: those are kept as records. */
export interface GoneThingTable {
  thing_no: number;
  thing_name: string;
}

/** Counters: the truth is job_count plus the sum of job_delta, which grows in the transaction that changed a status and is folded by ticks. */
export interface JobCountTable {
  job_no: number;
  status: number;
  n: number;
}

/** Things to be told that their queue changed; the payload is read when it is sent, so ten changes make one message. */
export interface NotifyTable {
  thing_no: number;
  /** 1: the pending set changed (`notify`). */
  list: number;
  /** 1: the head changed (`notify-next`). */
  next: number;
  /** Grows with every change: a row is removed only if nothing was added to it while its message was sent. */
  at: number;
  /** Until then whoever wrote the row is at sending it; later anybody may. */
  busy_until: number;
}

/** Events that wait to be published, written with what they tell of. */
export interface EventTable extends Omit<WaitingEvent, 'event_no'> {
  event_no: Generated<number>;
}

/** What the tables are kept in. */
export type Engine = 'sqlite' | 'postgres';

/** The steps from nothing to the present tables: numbered by time, applied in order, never edited once released. */
export function migrationsFor(engine: Engine): Record<string, Migration> {
  return {
    '001_first': { up: (db) => createTables(db, engine) },
    '002_job_life': { up: addJobLife },
    '003_registry': { up: (db) => addRegistryTables(db, engine) },
    '004_events': { up: (db) => addEvents(db, engine) },
    '005_artifacts': { up: addArtifactTables },
    '006_workers': { up: (db) => addWorkerTables(db, engine) },
    '007_provisioning': { up: (db) => addProvisioningTables(db, engine) },
  };
}

async function createTables(db: Kysely<unknown>, engine: Engine): Promise<void> {
  const sqlite = engine === 'sqlite';
  const serial = serialOf(engine);
  // In SQLite a table without rowid keeps its rows in the primary key itself: one tree less for the largest table.
  const clustered = sql.raw(sqlite ? 'without rowid' : '');
  const statements = [
    sql`create table thing (thing_no ${serial}, thing_name text not null unique, thing_id text not null, thing_type text,
        attributes text not null, version bigint not null, created_at bigint not null)`,
    sql`create table thing_group (group_name text primary key, group_id text not null, parent text, properties text not null,
        version bigint not null, created_at bigint not null)`,
    sql`create table member (grp text not null, seq bigint not null, thing_no bigint not null, added_at bigint not null,
        primary key (grp, seq)) ${clustered}`,
    sql`create unique index member_thing on member (grp, thing_no)`,
    sql`create index member_groups on member (thing_no)`,
    sql`create table certificate (certificate_id text primary key, pem text not null, status text not null, created_at bigint not null)`,
    sql`create table principal (certificate_id text not null, thing_no bigint not null, primary key (certificate_id, thing_no))`,
    sql`create index principal_thing on principal (thing_no)`,
    sql`create table access_key (access_key_id text primary key, secret_access_key text not null, status text not null, created_at bigint not null)`,
    sql`create table job (job_no ${serial}, job_id text not null unique, status text not null, target_selection text not null,
        document text not null, config text not null, description text, comment text, reason_code text, force_canceled smallint not null default 0,
        in_progress_minutes integer, created_at bigint not null, last_updated_at bigint not null, completed_at bigint, next_tick bigint,
        tokens double precision not null default 0, tokens_at bigint not null, ver bigint not null default 1)`,
    sql`create index job_tick on job (next_tick) where next_tick is not null`,
    sql`create table job_target (job_no bigint not null, grp text not null, root text not null, cursor bigint not null, max_seq bigint, primary key (job_no, grp))`,
    sql`create table exec (thing_no bigint not null, job_no bigint not null, no bigint not null, status smallint not null, details text,
        ver bigint not null, last_token text, queued_at bigint not null, started_at bigint, updated_at bigint not null,
        in_progress_deadline bigint, step_deadline bigint, deadline bigint, attempt smallint not null, force_canceled smallint not null default 0,
        primary key (thing_no, job_no, no)) ${clustered}`,
    sql`create index exec_pending on exec (thing_no, queued_at) where status < 2`,
    sql`create index exec_by_job on exec (job_no, status, thing_no)`,
    sql`create index exec_due on exec (deadline) where deadline is not null`,
    sql`create table job_delta (job_no bigint not null, status smallint not null, n bigint not null)`,
    sql`create index job_delta_job on job_delta (job_no)`,
    sql`create table job_count (job_no bigint not null, status smallint not null, n bigint not null, primary key (job_no, status))`,
    sql`create table notify_q (thing_no bigint primary key, list smallint not null, next smallint not null, at bigint not null, busy_until bigint not null)`,
    sql`create index notify_q_busy on notify_q (busy_until)`,
  ];
  for (const statement of statements) await statement.execute(db);
}

/** What retries, continuous jobs, schedules and signed URLs have to remember. */
async function addJobLife(db: Kysely<unknown>): Promise<void> {
  const statements = [
    sql`alter table job add column retry text`,
    sql`alter table job add column starts_at bigint`,
    sql`alter table job add column ends_at bigint`,
    sql`alter table job add column started smallint not null default 1`,
    sql`alter table job add column hidden smallint not null default 0`,
    sql`alter table job add column reveal text`,
    sql`alter table job add column alarm bigint`,
    sql`alter table job add column signs smallint not null default 0`,
    sql`create index job_alarm on job (alarm) where alarm is not null`,
    sql`alter table exec add column timed_out_retries smallint not null default 0`,
    sql`alter table exec add column has_left smallint not null default 0`,
    sql`create index job_target_grp on job_target (grp)`,
    sql`create table gone_thing (thing_no bigint primary key, thing_name text not null)`,
  ];
  for (const statement of statements) await statement.execute(db);
}

/** Events of jobs and executions that wait to be published. */
async function addEvents(db: Kysely<unknown>, engine: Engine): Promise<void> {
  await sql`create table event_q (event_no ${serialOf(engine)}, event_id text not null, event_type text not null,
    operation text not null, job_id text not null, thing_name text, at bigint not null, body text not null)`.execute(
    db,
  );
}

/** A key that the database counts up, and gives once only. */
function serialOf(engine: Engine) {
  return sql.raw(
    engine === 'sqlite' ? 'integer primary key autoincrement' : 'bigint generated by default as identity primary key',
  );
}
