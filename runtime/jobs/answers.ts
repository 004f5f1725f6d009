import type { ErrorCode } from './errorCodes.ts';
import type { Status } from './execution.ts';
import { decodeObject, isObject, isWhole, type JsonObject, type JsonValue } from './json.ts';
import { isJobId } from './names.ts';
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
  return body?.execution === undefined || isExecution(body.execution) ? (body as Accepted | undefined) : undefined;
}

/** Reads a rejected answer as a device does; undefined when it has no code. One that we do not know is final, too. */
export function decodeErrorResponse(payload: Uint8Array): ErrorResponse | undefined {
  const body = decodeObject(payload);
  if (typeof body?.code !== 'string') return undefined;
  if (!isExecutionState(body.executionState)) delete body.executionState;
  return body as unknown as ErrorResponse;
}

function isExecution(value: JsonValue): boolean {
  return (
    isExecutionState(value) && typeof value.jobId === 'string' && isJobId(value.jobId) && isWhole(value.executionNumber)
  );
}

function isExecutionState(value: JsonValue | undefined): value is JsonObject {
  return isObject(value) && typeof value.status === 'string' && isWhole(value.versionNumber);
}
