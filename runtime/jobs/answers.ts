import { type ErrorCode, isErrorCode } from './errorCodes.ts';
import { STATUSES, type Status } from './execution.ts';
import { decodeObject, isObject, isWhole, type JsonObject, type JsonValue } from './json.ts';
import type { StatusDetails } from './statusDetails.ts';

/** Whole seconds since the Unix epoch: every time on the data plane (API model; captures). */
export type Seconds = number;

/** An execution as a device sees it (Developer Guide, "Jobs device MQTT API", JobExecution). Members without value are left out. */
export interface JobExecution {
  jobId: string;
  thingName?: string;
  status: Status;
  /** Left out when empty. */
  statusDetails?: StatusDetails;
  queuedAt: Seconds;
  /** Only once it left QUEUED. */
  startedAt?: Seconds;
  lastUpdatedAt: Seconds;
  versionNumber: number;
  executionNumber: number;
  /** Only while a timer runs. */
  approximateSecondsBeforeTimedOut?: number;
  /** A JSON value over MQTT (over HTTPS: its text in a string). */
  jobDocument?: JsonValue;
}

/** One row of a pending list. */
export type JobExecutionSummary = Pick<
  JobExecution,
  'jobId' | 'queuedAt' | 'startedAt' | 'lastUpdatedAt' | 'versionNumber' | 'executionNumber'
>;

export interface JobExecutionState {
  status: Status;
  versionNumber: number;
  /** Left out when empty. */
  statusDetails?: StatusDetails;
}

/** What comes on `.../accepted`, for the operation that was asked. */
export interface Accepted {
  timestamp: Seconds;
  clientToken?: string;
  /** StartNext and Describe; absent when the queue is empty. */
  execution?: JobExecution;
  /** GetPending: both lists always present, `[]` when empty. */
  inProgressJobs?: JobExecutionSummary[];
  queuedJobs?: JobExecutionSummary[];
  /** Update with includeJobExecutionState. */
  executionState?: JobExecutionState;
  /** Update with includeJobDocument. */
  jobDocument?: JsonValue;
}

/** What comes on `.../rejected` (Developer Guide, ErrorResponse). */
export interface ErrorResponse {
  code: ErrorCode;
  message: string;
  clientToken?: string;
  timestamp: Seconds;
  /** Only with InvalidStateTransition and VersionMismatch. */
  executionState?: JobExecutionState;
}

/** `notify`: the pending set changed. A status with no executions is left out (Developer Guide, JobExecutionsChanged). */
export interface JobExecutionsChanged {
  timestamp: Seconds;
  jobs: { IN_PROGRESS?: JobExecutionSummary[]; QUEUED?: JobExecutionSummary[] };
}

/** `notify-next`: another execution is at the head; none when the queue became empty (NextJobExecutionChanged). */
export interface NextJobExecutionChanged {
  timestamp: Seconds;
  execution?: JobExecution;
}

/**
 * Reads an accepted answer or a `notify-next` as a device does: what it goes on from is checked, the rest passes through.
 *
 * @returns undefined when it is not JSON, or its execution lacks jobId, status, versionNumber or executionNumber
 */
export function decodeAccepted(payload: Uint8Array): Accepted | undefined {
  const body = decodeObject(payload);
  if (body === undefined) return undefined;
  if (body.execution !== undefined && !isExecution(body.execution)) return undefined;
  return withOwnToken(body) as unknown as Accepted;
}

/** Reads a rejected answer as a device does; undefined when its code is none of the nine. */
export function decodeErrorResponse(payload: Uint8Array): ErrorResponse | undefined {
  const body = decodeObject(payload);
  if (body === undefined || !isErrorCode(body.code)) return undefined;
  if (body.executionState !== undefined && !isExecutionState(body.executionState)) delete body.executionState;
  return withOwnToken(body) as unknown as ErrorResponse;
}

function withOwnToken(body: JsonObject): JsonObject {
  if (typeof body.clientToken !== 'string') delete body.clientToken;
  return body;
}

function isExecution(value: JsonValue): boolean {
  return isExecutionState(value) && typeof value.jobId === 'string' && isWhole(value.executionNumber);
}

function isExecutionState(value: JsonValue): value is JsonObject {
  return isObject(value) && STATUSES.includes(value.status as Status) && isWhole(value.versionNumber);
}
