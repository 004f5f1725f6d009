import { JOB_DOCUMENT_BYTES_MAX, STEP_TIMEOUT_MINUTES_MAX } from '../../../runtime/jobs/limits.ts';
import type { Operation as OperationName } from '../../../runtime/jobs/topics.ts';
import { DETAILS_MAP, EXECUTION_STATUS } from '../operations/jobShapes.ts';
import { FLAG, JOB_ID, LONG, NAME } from '../operations/names.ts';
import type { Operation } from '../operations/operation.ts';

/** The errors of the data plane and their status (API model `iot-jobs-data` 2017-09-29; the control plane throttles with 400). */
export const DATA_ERROR_TYPES = {
  InvalidRequestException: 400,
  CertificateValidationException: 400,
  ResourceNotFoundException: 404,
  InvalidStateTransitionException: 409,
  TerminalStateException: 410,
  ThrottlingException: 429,
  ServiceUnavailableException: 503,
} as const;

export type DataErrorType = keyof typeof DATA_ERROR_TYPES;

/** One row of the table below, which differs from the control plane's in its errors. */
export interface DataOperation extends Omit<Operation, 'name' | 'errors'> {
  readonly name: OperationName;
  readonly errors: readonly DataErrorType[];
  /** The request can be held open until there is something to say (`Prefer: wait=N`): always, or only where jobId is `$next`. */
  readonly waits?: 'always' | 'for $next';
}

const ALL_HAVE = [
  'InvalidRequestException',
  'CertificateValidationException',
  'ResourceNotFoundException',
  'ThrottlingException',
  'ServiceUnavailableException',
] as const;

/** Whole seconds since the Unix epoch. */
const SECONDS = LONG;
const DOCUMENT_TEXT = { type: 'string', charsMax: JOB_DOCUMENT_BYTES_MAX } as const;
const STEP_TIMEOUT = { type: 'integer', max: STEP_TIMEOUT_MINUTES_MAX } as const;

const THING_NAME = { shape: NAME, in: 'path', required: true, about: 'Name of the thing.' } as const;
const EXECUTION_NUMBER = { shape: LONG, about: 'Which execution; the last one if not given.' } as const;
const STATUS_DETAILS = {
  shape: DETAILS_MAP,
  in: 'body',
  about: 'Details of the status, replacing those before.',
} as const;

const SUMMARIES = {
  type: 'list',
  of: {
    type: 'structure',
    members: {
      jobId: { shape: JOB_ID },
      queuedAt: { shape: SECONDS },
      startedAt: { shape: SECONDS },
      lastUpdatedAt: { shape: SECONDS },
      versionNumber: { shape: LONG },
      executionNumber: { shape: LONG },
    },
  },
} as const;

/** Absent where `$next` finds nothing. */
const EXECUTION_OUTPUT = {
  type: 'structure',
  members: {
    execution: {
      shape: {
        type: 'structure',
        members: {
          jobId: { shape: JOB_ID },
          thingName: { shape: NAME },
          status: { shape: EXECUTION_STATUS },
          statusDetails: { shape: DETAILS_MAP },
          queuedAt: { shape: SECONDS },
          startedAt: { shape: SECONDS },
          lastUpdatedAt: { shape: SECONDS },
          approximateSecondsBeforeTimedOut: { shape: LONG },
          versionNumber: { shape: LONG },
          executionNumber: { shape: LONG },
          jobDocument: { shape: DOCUMENT_TEXT },
        },
      },
    },
  },
} as const;

/**
 * The data plane over HTTPS (spec: data plane §8.2): the table that routing, reading and the reference are read from. What a
 * member of a body may be is decided by `readRequest`, which reads the same requests from MQTT: it takes a little more than
 * the shapes here say (digits as expectedVersion, numbers and line feeds in statusDetails), never less.
 */
export const DATA_OPERATIONS = [
  {
    name: 'GetPendingJobExecutions',
    method: 'GET',
    path: '/things/{thingName}/jobs',
    about: 'Lists the executions of a thing that are not finished.',
    input: { thingName: THING_NAME },
    output: { type: 'structure', members: { inProgressJobs: { shape: SUMMARIES }, queuedJobs: { shape: SUMMARIES } } },
    errors: ALL_HAVE,
    waits: 'always',
  },
  {
    name: 'StartNextPendingJobExecution',
    method: 'PUT',
    path: '/things/{thingName}/jobs/$next',
    about: 'Starts the next execution of a thing and shows it; one that is in progress is shown as it is.',
    input: {
      thingName: THING_NAME,
      statusDetails: STATUS_DETAILS,
      stepTimeoutInMinutes: { shape: STEP_TIMEOUT, in: 'body', about: 'When the step times out, minutes from now.' },
    },
    output: EXECUTION_OUTPUT,
    errors: ALL_HAVE,
    waits: 'always',
  },
  {
    name: 'DescribeJobExecution',
    method: 'GET',
    path: '/things/{thingName}/jobs/{jobId}',
    about: 'Shows an execution that is not finished, with its document.',
    input: {
      jobId: {
        shape: { type: 'string', pattern: '[a-zA-Z0-9_-]+|^\\$next' },
        in: 'path',
        required: true,
        about: 'Identifier of the job, or $next for the next execution.',
      },
      thingName: THING_NAME,
      includeJobDocument: { shape: FLAG, in: 'query', about: 'Show the document too; true if not given.' },
      executionNumber: { ...EXECUTION_NUMBER, in: 'query' },
    },
    output: EXECUTION_OUTPUT,
    errors: [...ALL_HAVE, 'TerminalStateException'],
    waits: 'for $next',
  },
  {
    name: 'UpdateJobExecution',
    method: 'POST',
    path: '/things/{thingName}/jobs/{jobId}',
    about: 'Reports the status of an execution.',
    input: {
      jobId: { shape: JOB_ID, in: 'path', required: true, about: 'Identifier of the job.' },
      thingName: THING_NAME,
      status: { shape: EXECUTION_STATUS, in: 'body', required: true, about: 'The status that it has now.' },
      statusDetails: STATUS_DETAILS,
      stepTimeoutInMinutes: {
        shape: STEP_TIMEOUT,
        in: 'body',
        about: 'When the step times out, minutes from now; -1: it has no timer any more.',
      },
      expectedVersion: { shape: LONG, in: 'body', about: 'Only when the execution has this versionNumber.' },
      includeJobExecutionState: { shape: FLAG, in: 'body', about: 'Show the state after the update.' },
      includeJobDocument: { shape: FLAG, in: 'body', about: 'Show the document.' },
      executionNumber: { ...EXECUTION_NUMBER, in: 'body' },
    },
    output: {
      type: 'structure',
      members: {
        executionState: {
          shape: {
            type: 'structure',
            members: {
              status: { shape: EXECUTION_STATUS },
              statusDetails: { shape: DETAILS_MAP },
              versionNumber: { shape: LONG },
            },
          },
        },
        jobDocument: { shape: DOCUMENT_TEXT },
      },
    },
    errors: [...ALL_HAVE, 'InvalidStateTransitionException'],
  },
] as const satisfies readonly DataOperation[];
