import { DETAILS_MAP, EXECUTION_STATUS, JOB_EXECUTION_SUMMARY, JOB_ID_LABEL, NAMESPACE_FILTER } from './jobShapes.ts';
import { FLAG, JOB_ERRORS, JOB_ID, LONG, MAX_RESULTS, NAME, NAMESPACE_ID, NEXT_TOKEN, TEXT, WHEN } from './names.ts';
import type { Operation } from './operation.ts';

/** Executions of jobs as an operator sees them (spec: control plane §2.9 to §2.12). */

const THING_NAME_LABEL = { shape: NAME, in: 'path', required: true, about: 'Name of the thing.' } as const;
const EXECUTION_STATUS_FILTER = {
  shape: EXECUTION_STATUS,
  in: 'query',
  about: 'Only executions in this status.',
} as const;

export const CANCEL_JOB_EXECUTION = {
  name: 'CancelJobExecution',
  method: 'PUT',
  path: '/things/{thingName}/jobs/{jobId}/cancel',
  about: 'Cancels the execution of a job on one thing.',
  input: {
    jobId: JOB_ID_LABEL,
    thingName: THING_NAME_LABEL,
    force: { shape: FLAG, in: 'query', about: 'Cancel it even when it is in progress.' },
    expectedVersion: { shape: LONG, in: 'body', about: 'Only when the execution has this versionNumber.' },
    statusDetails: { shape: DETAILS_MAP, in: 'body', about: 'Details of the status, replacing those before.' },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException', 'InvalidStateTransitionException', 'VersionConflictException'],
} as const satisfies Operation;

export const DELETE_JOB_EXECUTION = {
  name: 'DeleteJobExecution',
  method: 'DELETE',
  path: '/things/{thingName}/jobs/{jobId}/executionNumber/{executionNumber}',
  about: 'Deletes one execution of a job; its device then hears ResourceNotFound.',
  input: {
    jobId: JOB_ID_LABEL,
    thingName: THING_NAME_LABEL,
    executionNumber: { shape: LONG, in: 'path', required: true, about: 'Which execution.' },
    force: { shape: FLAG, in: 'query', about: 'Delete it even when it is in progress.' },
    namespaceId: { shape: NAMESPACE_ID, in: 'query', about: 'Namespace of the job.' },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException', 'InvalidStateTransitionException'],
} as const satisfies Operation;

export const DESCRIBE_JOB_EXECUTION = {
  name: 'DescribeJobExecution',
  method: 'GET',
  path: '/things/{thingName}/jobs/{jobId}',
  about: 'Shows the execution of a job on one thing.',
  input: {
    jobId: JOB_ID_LABEL,
    thingName: THING_NAME_LABEL,
    executionNumber: { shape: LONG, in: 'query', about: 'Which execution; the last one if not given.' },
  },
  output: {
    type: 'structure',
    members: {
      execution: {
        shape: {
          type: 'structure',
          members: {
            jobId: { shape: JOB_ID },
            status: { shape: EXECUTION_STATUS },
            forceCanceled: { shape: FLAG },
            statusDetails: { shape: { type: 'structure', members: { detailsMap: { shape: DETAILS_MAP } } } },
            thingArn: { shape: TEXT },
            queuedAt: { shape: WHEN },
            startedAt: { shape: WHEN },
            lastUpdatedAt: { shape: WHEN },
            executionNumber: { shape: LONG },
            versionNumber: { shape: LONG },
            approximateSecondsBeforeTimedOut: { shape: LONG },
          },
        },
      },
    },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_JOB_EXECUTIONS_FOR_JOB = {
  name: 'ListJobExecutionsForJob',
  method: 'GET',
  path: '/jobs/{jobId}/things',
  about: 'Lists the executions of a job.',
  input: {
    jobId: JOB_ID_LABEL,
    status: EXECUTION_STATUS_FILTER,
    maxResults: MAX_RESULTS,
    nextToken: NEXT_TOKEN,
  },
  output: {
    type: 'structure',
    members: {
      executionSummaries: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: { thingArn: { shape: TEXT }, jobExecutionSummary: { shape: JOB_EXECUTION_SUMMARY } },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_JOB_EXECUTIONS_FOR_THING = {
  name: 'ListJobExecutionsForThing',
  method: 'GET',
  path: '/things/{thingName}/jobs',
  about: 'Lists the executions of jobs on one thing.',
  input: {
    thingName: THING_NAME_LABEL,
    status: EXECUTION_STATUS_FILTER,
    namespaceId: NAMESPACE_FILTER,
    maxResults: MAX_RESULTS,
    nextToken: NEXT_TOKEN,
    jobId: { shape: JOB_ID, in: 'query', about: 'Only executions of this job.' },
  },
  output: {
    type: 'structure',
    members: {
      executionSummaries: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: { jobId: { shape: JOB_ID }, jobExecutionSummary: { shape: JOB_EXECUTION_SUMMARY } },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;
