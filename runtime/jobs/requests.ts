import type { Refusal } from './errorCodes.ts';
import { STATUSES, type Status } from './execution.ts';
import { decodeObject, type JsonObject } from './json.ts';
import { CLIENT_TOKEN_CHARS_MAX, STEP_TIMEOUT_MINUTES_MAX } from './limits.ts';
import { parseStatusDetails, type StatusDetails } from './statusDetails.ts';
import type { Operation } from './topics.ts';

/** What a device asks, one shape an operation (Developer Guide, "Jobs device MQTT API"). Members as on the wire. */
export interface GetPendingRequest {
  operation: 'GetPendingJobExecutions';
  clientToken?: string;
}
export interface StartNextRequest {
  operation: 'StartNextPendingJobExecution';
  statusDetails?: StatusDetails;
  /** 1 to 10080 minutes. */
  stepTimeoutInMinutes?: number;
  clientToken?: string;
}
export interface DescribeRequest {
  operation: 'DescribeJobExecution';
  /** A jobId, or `$next`. */
  jobId: string;
  /** Absent: the latest. */
  executionNumber?: number;
  /** Absent: true. */
  includeJobDocument?: boolean;
  clientToken?: string;
}
export interface UpdateRequest {
  operation: 'UpdateJobExecution';
  jobId: string;
  /** QUEUED is let through here: the table of moves refuses it. */
  status: 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'REJECTED' | 'QUEUED';
  /** Present: replaces the whole stored map. */
  statusDetails?: StatusDetails | undefined;
  expectedVersion?: number;
  /** Absent: the latest. */
  executionNumber?: number;
  includeJobExecutionState?: boolean;
  includeJobDocument?: boolean;
  /** 1 to 10080 minutes from now; -1 cancels the step timer; absent keeps it. */
  stepTimeoutInMinutes?: number;
  clientToken?: string;
}
export type JobsRequest = GetPendingRequest | StartNextRequest | DescribeRequest | UpdateRequest;

/** The payload of a request, as published: everything but what the topic says. */
export function encodeRequest(request: JobsRequest): object {
  const { operation: _, ...members } = request as JobsRequest & { jobId?: string };
  delete members.jobId;
  return members;
}

/** A request that cannot be taken, with its token where one could be read. */
export interface BadRequest {
  refusal: Refusal;
  clientToken?: string;
}

/**
 * Reads and checks a request's payload once; nobody checks it again.
 *
 * @param payload  the bytes of the message; none at all stands for `{}`
 * @returns        the request, unknown members dropped; or why not: InvalidJson, InvalidRequest
 */
export function decodeRequest(
  operation: Operation,
  jobId: string | undefined,
  payload: Uint8Array,
): JobsRequest | BadRequest {
  const body = payload.length === 0 ? {} : decodeObject(payload);
  if (body === undefined)
    return { refusal: { code: 'InvalidJson', message: 'The payload is not a JSON object in UTF-8' } };
  return readRequest(operation, jobId, body);
}

/** The same for a body that is parsed already, as the HTTPS data plane has it. */
export function readRequest(
  operation: Operation,
  jobId: string | undefined,
  body: JsonObject,
): JobsRequest | BadRequest {
  const reader = new BodyReader(body);
  const request = readers[operation](reader, jobId ?? '');
  if (reader.fault === undefined) return request;
  // A token that is too long is left out: cut short, its sender would not know it again.
  const { clientToken } = body;
  if (typeof clientToken === 'string' && clientToken.length <= CLIENT_TOKEN_CHARS_MAX) {
    return { refusal: { code: 'InvalidRequest', message: reader.fault }, clientToken };
  }
  return { refusal: { code: 'InvalidRequest', message: reader.fault } };
}

const readers: Record<Operation, (body: BodyReader, jobId: string) => JobsRequest> = {
  GetPendingJobExecutions: (body) => ({
    operation: 'GetPendingJobExecutions',
    ...present({ clientToken: body.clientToken() }),
  }),
  StartNextPendingJobExecution: (body) => ({
    operation: 'StartNextPendingJobExecution',
    ...present({
      statusDetails: body.statusDetails(),
      stepTimeoutInMinutes: body.stepTimeout(false),
      clientToken: body.clientToken(),
    }),
  }),
  DescribeJobExecution: (body, jobId) => ({
    operation: 'DescribeJobExecution',
    jobId,
    ...present({
      executionNumber: body.positive('executionNumber'),
      includeJobDocument: body.boolean('includeJobDocument'),
      clientToken: body.clientToken(),
    }),
  }),
  UpdateJobExecution: (body, jobId) => ({
    operation: 'UpdateJobExecution',
    jobId,
    status: body.settableStatus(),
    ...present({
      statusDetails: body.statusDetails(),
      expectedVersion: body.version(),
      executionNumber: body.positive('executionNumber'),
      includeJobExecutionState: body.boolean('includeJobExecutionState'),
      includeJobDocument: body.boolean('includeJobDocument'),
      stepTimeoutInMinutes: body.stepTimeout(true),
      clientToken: body.clientToken(),
    }),
  }),
};

/** The members that have a value. */
function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

/** Takes members out of a body one by one; the first that is wrong is remembered as the fault. null counts as absent. */
class BodyReader {
  fault: string | undefined;
  constructor(private readonly body: JsonObject) {}

  clientToken(): string | undefined {
    const { clientToken } = this.body;
    if (clientToken === undefined || clientToken === null) return undefined;
    if (typeof clientToken === 'string' && clientToken.length <= CLIENT_TOKEN_CHARS_MAX) return clientToken;
    return this.wrong(`Value at 'clientToken' must be a string of at most ${CLIENT_TOKEN_CHARS_MAX} characters`);
  }

  statusDetails(): StatusDetails | undefined {
    const { details, fault } = parseStatusDetails(this.body.statusDetails);
    return fault === undefined ? details : this.wrong(fault);
  }

  boolean(member: string): boolean | undefined {
    const value = this.body[member];
    if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined;
    return this.wrong(`Value at '${member}' must be true or false`);
  }

  positive(member: string): number | undefined {
    const value = this.body[member];
    if (value === undefined || value === null) return undefined;
    if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
    return this.wrong(`Value at '${member}' must be a whole number of at least 1`);
  }

  /** A whole number, or its digits in a string: the guide's own example and AWS's embedded C library send a string. */
  version(): number | undefined {
    const value = this.body.expectedVersion;
    if (value === undefined || value === null) return undefined;
    const number = typeof value === 'string' && /^[0-9]{1,15}$/.test(value) ? Number(value) : value;
    if (Number.isSafeInteger(number) && (number as number) >= 0) return number as number;
    return this.wrong("Value at 'expectedVersion' must be a whole number, or its digits in a string");
  }

  stepTimeout(mayCancel: boolean): number | undefined {
    const value = this.body.stepTimeoutInMinutes;
    if (value === undefined || value === null) return undefined;
    const inRange = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= STEP_TIMEOUT_MINUTES_MAX;
    if (inRange || (mayCancel && value === -1)) return value as number;
    return this.wrong(
      `Value at 'stepTimeoutInMinutes' must be 1 to ${STEP_TIMEOUT_MINUTES_MAX}${mayCancel ? ', or -1' : ''}`,
    );
  }

  settableStatus(): UpdateRequest['status'] {
    const { status } = this.body;
    if (SETTABLE.has(status)) return status as UpdateRequest['status'];
    if (status === undefined || status === null) {
      this.wrong("Value null at 'status' failed to satisfy constraint: Member must not be null");
    } else {
      const known = STATUSES.includes(status as Status);
      this.wrong(
        `Value at 'status' ${known ? `cannot be ${status}: a device sets` : 'must be one of'} IN_PROGRESS, SUCCEEDED, FAILED, REJECTED`,
      );
    }
    return 'IN_PROGRESS';
  }

  private wrong(fault: string): undefined {
    this.fault ??= fault;
    return undefined;
  }
}

const SETTABLE: ReadonlySet<unknown> = new Set(['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED', 'QUEUED']);
