import type { StatusDetails } from './statusDetails.ts';

/** Every status of a job execution, spelled as on the wire (Developer Guide, "Jobs and job execution states"). */
export const STATUSES = [
  'QUEUED',
  'IN_PROGRESS',
  'SUCCEEDED',
  'FAILED',
  'TIMED_OUT',
  'REJECTED',
  'REMOVED',
  'CANCELED',
] as const;
export type Status = (typeof STATUSES)[number];

type Moves = Record<Party, readonly Status[]>;

/** The statuses that can be left: those with a row in the table of moves. */
type Pending = 'QUEUED' | 'IN_PROGRESS';

/**
 * Who may move an execution: the device it is for; the service by itself (timers, group changes, abort); an operator
 * who cancels, without force or with it (also endBehavior CANCEL and FORCE_CANCEL).
 */
export const PARTIES = ['device', 'service', 'operator', 'operatorWithForce'] as const;
export type Party = (typeof PARTIES)[number];

/**
 * Which status each party may set next. A status with no row is terminal.
 *
 * - QUEUED by the device: IN_PROGRESS and REJECTED are documented (Developer Guide, "Jobs and job execution states"), SUCCEEDED and
 *   FAILED are what AWS's own device clients send straight from QUEUED.
 * - IN_PROGRESS by the device: the same page; repeating IN_PROGRESS is a progress report. REJECTED is not in the row: sources
 *   disagree, so it is behind `allowRejectFromInProgress`.
 * - CANCELED by the service is abort; by an operator CancelJob and CancelJobExecution, where only force reaches IN_PROGRESS.
 * - TIMED_OUT is set by timers, REMOVED when a thing leaves the target group or is deleted.
 */
const NEXT: Record<Pending, Moves> & Partial<Record<Status, Moves>> = {
  QUEUED: {
    device: ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED'],
    service: ['CANCELED', 'REMOVED'],
    operator: ['CANCELED'],
    operatorWithForce: ['CANCELED'],
  },
  IN_PROGRESS: {
    device: ['IN_PROGRESS', 'SUCCEEDED', 'FAILED'],
    service: ['TIMED_OUT'],
    operator: [],
    operatorWithForce: ['CANCELED'],
  },
};

/** True when no party can move an execution out of `status` again. */
export function isTerminal(status: Status): boolean {
  return !isPending(status);
}

/** True for an execution that is in its thing's pending set. */
export function isPending(status: Status): status is Pending {
  return status === 'QUEUED' || status === 'IN_PROGRESS';
}

/** What the service stores of one execution as far as the rules go; times are milliseconds since the Unix epoch. */
export interface Execution {
  status: Status;
  versionNumber: number;
  statusDetails: StatusDetails;
  queuedAtMillis: number;
  startedAtMillis?: number;
  lastUpdatedAtMillis: number;
}

export interface Move {
  by: Party;
  to: Status;
  nowMillis: number;
  /** Refused when it is not the execution's versionNumber; absent: not checked. */
  expectedVersion?: number | undefined;
  /** Replaces the stored map; absent: kept (Developer Guide, UpdateJobExecution). */
  statusDetails?: StatusDetails | undefined;
  /** Our switch for the disputed move IN_PROGRESS to REJECTED; off unless given. */
  allowRejectFromInProgress?: boolean;
}

/** Why a move was refused, in the protocol's own words. */
export type MoveRefusal = 'VersionMismatch' | 'InvalidStateTransition';

/** True when the table lets `by` set `to` while the execution is in `from`. */
export function mayMove(from: Status, by: Party, to: Status, allowRejectFromInProgress = false): boolean {
  if (allowRejectFromInProgress && from === 'IN_PROGRESS' && by === 'device' && to === 'REJECTED') return true;
  return NEXT[from]?.[by].includes(to) ?? false;
}

/**
 * The one rule book: the service asks it before recording, the simulated world checks by it.
 *
 * Every accepted move counts versionNumber up by one and sets lastUpdatedAt; startedAt is set when the device first
 * moves the execution, even straight to a terminal status (Developer Guide, UpdateJobExecution; state-machine §2.3).
 */
export function setStatus<E extends Execution>(execution: E, move: Move): E | MoveRefusal {
  const { by, to, nowMillis } = move;
  if (move.expectedVersion !== undefined && move.expectedVersion !== execution.versionNumber) return 'VersionMismatch';
  if (!mayMove(execution.status, by, to, move.allowRejectFromInProgress)) return 'InvalidStateTransition';
  const next: E = {
    ...execution,
    status: to,
    versionNumber: execution.versionNumber + 1,
    statusDetails: move.statusDetails ?? execution.statusDetails,
    lastUpdatedAtMillis: nowMillis,
  };
  if (by === 'device' && next.startedAtMillis === undefined) next.startedAtMillis = nowMillis;
  return next;
}
