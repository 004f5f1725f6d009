import {
  JOB_DOCUMENT_BYTES_MAX,
  STATUS_DETAILS_KEY_CHARS_MAX,
  STATUS_DETAILS_PAIRS_MAX,
  STATUS_DETAILS_VALUE_CHARS_MAX,
  STEP_TIMEOUT_MINUTES_MAX,
} from '../../../runtime/jobs/limits.ts';
import {
  FLAG,
  GROUP_ID,
  JOB_ERRORS,
  JOB_ID,
  LONG,
  MAX_RESULTS,
  NAME,
  NAMESPACE_ID,
  NEXT_TOKEN,
  TAGS,
  TEXT,
  WHEN,
} from './names.ts';
import type { Operation } from './operation.ts';

/** Jobs and their executions as an operator sees them (spec: control plane §2). */

const COUNT = { type: 'integer' } as const;
const AT_LEAST_ONE = { type: 'integer', min: 1 } as const;
const TARGET_SELECTION = { type: 'string', oneOf: ['CONTINUOUS', 'SNAPSHOT'] } as const;
const JOB_STATUS = {
  type: 'string',
  oneOf: ['IN_PROGRESS', 'CANCELED', 'COMPLETED', 'DELETION_IN_PROGRESS', 'SCHEDULED'],
} as const;
const EXECUTION_STATUS = {
  type: 'string',
  oneOf: ['QUEUED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'REJECTED', 'REMOVED', 'CANCELED'],
} as const;
const PRINTABLE = '[^\\p{C}]+';
const DESCRIPTION = { type: 'string', charsMax: 2028, pattern: PRINTABLE } as const;
const REASON_CODE = { type: 'string', charsMax: 128, pattern: '[\\p{Upper}\\p{Digit}_]+' } as const;
const DOCUMENT = { type: 'string', charsMax: JOB_DOCUMENT_BYTES_MAX, bytesMax: JOB_DOCUMENT_BYTES_MAX } as const;
const DOCUMENT_SOURCE = { type: 'string', charsMin: 1, charsMax: 1350 } as const;
const ARN = { type: 'string', charsMin: 1, charsMax: 1600, pattern: '^arn:[!-~]+$' } as const;
const TARGETS = { type: 'list', itemsMin: 1, itemsMax: 100, of: { type: 'string', charsMax: 2048 } } as const;
const DATE_TEXT = { type: 'string', charsMin: 1, charsMax: 64 } as const;
const PACKAGE_VERSIONS = { type: 'list', itemsMax: 25, of: ARN } as const;
const PARAMETERS = {
  type: 'map',
  key: { type: 'string', charsMin: 1, charsMax: 128, pattern: '[a-zA-Z0-9_-]+' },
  value: { type: 'string', charsMin: 1, charsMax: 30720, pattern: PRINTABLE },
} as const;
const DETAILS_MAP = {
  type: 'map',
  pairsMax: STATUS_DETAILS_PAIRS_MAX,
  key: { type: 'string', charsMin: 1, charsMax: STATUS_DETAILS_KEY_CHARS_MAX, pattern: '[a-zA-Z0-9:_-]+' },
  value: { type: 'string', charsMin: 1, charsMax: STATUS_DETAILS_VALUE_CHARS_MAX, pattern: PRINTABLE },
} as const;

const PRESIGNED_URL_CONFIG = {
  type: 'structure',
  members: {
    roleArn: { shape: { type: 'string', charsMin: 20, charsMax: 2048 } },
    expiresInSec: { shape: { type: 'integer', min: 60, max: 3600 } },
  },
} as const;

const ROLLOUT_CONFIG = {
  type: 'structure',
  members: {
    maximumPerMinute: { shape: { type: 'integer', min: 1, max: 1000 } },
    exponentialRate: {
      shape: {
        type: 'structure',
        members: {
          baseRatePerMinute: { shape: { type: 'integer', min: 1, max: 1000 }, required: true },
          incrementFactor: { shape: { type: 'number', min: 1.1, max: 5, decimalsMax: 1 }, required: true },
          rateIncreaseCriteria: {
            shape: {
              type: 'structure',
              members: {
                numberOfNotifiedThings: { shape: AT_LEAST_ONE },
                numberOfSucceededThings: { shape: AT_LEAST_ONE },
              },
            },
            required: true,
          },
        },
      },
    },
  },
} as const;

const ABORT_CONFIG = {
  type: 'structure',
  members: {
    criteriaList: {
      required: true,
      shape: {
        type: 'list',
        itemsMin: 1,
        of: {
          type: 'structure',
          members: {
            failureType: {
              shape: { type: 'string', oneOf: ['FAILED', 'REJECTED', 'TIMED_OUT', 'ALL'] },
              required: true,
            },
            action: { shape: { type: 'string', oneOf: ['CANCEL'] }, required: true },
            thresholdPercentage: { shape: { type: 'number', max: 100, decimalsMax: 2 }, required: true },
            minNumberOfExecutedThings: { shape: AT_LEAST_ONE, required: true },
          },
        },
      },
    },
  },
} as const;

const TIMEOUT_CONFIG = {
  type: 'structure',
  members: { inProgressTimeoutInMinutes: { shape: { type: 'integer', min: 1, max: STEP_TIMEOUT_MINUTES_MAX } } },
} as const;

const RETRY_CONFIG = {
  type: 'structure',
  members: {
    criteriaList: {
      required: true,
      shape: {
        type: 'list',
        itemsMin: 1,
        itemsMax: 2,
        of: {
          type: 'structure',
          members: {
            failureType: { shape: { type: 'string', oneOf: ['FAILED', 'TIMED_OUT', 'ALL'] }, required: true },
            numberOfRetries: { shape: { type: 'integer', min: 0, max: 10 }, required: true },
          },
        },
      },
    },
  },
} as const;

const SCHEDULING_CONFIG = {
  type: 'structure',
  members: {
    startTime: { shape: DATE_TEXT },
    endTime: { shape: DATE_TEXT },
    endBehavior: { shape: { type: 'string', oneOf: ['STOP_ROLLOUT', 'CANCEL', 'FORCE_CANCEL'] } },
    maintenanceWindows: {
      shape: {
        type: 'list',
        of: {
          type: 'structure',
          members: {
            startTime: { shape: { type: 'string', charsMin: 1, charsMax: 256 }, required: true },
            durationInMinutes: { shape: { type: 'integer', min: 1, max: 1430 }, required: true },
          },
        },
      },
    },
  },
} as const;

const JOB = {
  type: 'structure',
  members: {
    jobArn: { shape: TEXT },
    jobId: { shape: JOB_ID },
    targetSelection: { shape: TARGET_SELECTION },
    status: { shape: JOB_STATUS },
    forceCanceled: { shape: FLAG },
    reasonCode: { shape: REASON_CODE },
    comment: { shape: DESCRIPTION },
    targets: { shape: TARGETS },
    description: { shape: DESCRIPTION },
    presignedUrlConfig: { shape: PRESIGNED_URL_CONFIG },
    jobExecutionsRolloutConfig: { shape: ROLLOUT_CONFIG },
    abortConfig: { shape: ABORT_CONFIG },
    createdAt: { shape: WHEN },
    lastUpdatedAt: { shape: WHEN },
    completedAt: { shape: WHEN },
    jobProcessDetails: {
      shape: {
        type: 'structure',
        members: {
          processingTargets: { shape: { type: 'list', of: TEXT } },
          numberOfCanceledThings: { shape: COUNT },
          numberOfSucceededThings: { shape: COUNT },
          numberOfFailedThings: { shape: COUNT },
          numberOfRejectedThings: { shape: COUNT },
          numberOfQueuedThings: { shape: COUNT },
          numberOfInProgressThings: { shape: COUNT },
          numberOfRemovedThings: { shape: COUNT },
          numberOfTimedOutThings: { shape: COUNT },
        },
      },
    },
    timeoutConfig: { shape: TIMEOUT_CONFIG },
    namespaceId: { shape: NAMESPACE_ID },
    jobTemplateArn: { shape: ARN },
    jobExecutionsRetryConfig: { shape: RETRY_CONFIG },
    documentParameters: { shape: PARAMETERS },
    isConcurrent: { shape: FLAG },
    schedulingConfig: { shape: SCHEDULING_CONFIG },
    scheduledJobRollouts: {
      shape: { type: 'list', of: { type: 'structure', members: { startTime: { shape: DATE_TEXT } } } },
    },
    destinationPackageVersions: { shape: PACKAGE_VERSIONS },
  },
} as const;

const JOB_EXECUTION_SUMMARY = {
  type: 'structure',
  members: {
    status: { shape: EXECUTION_STATUS },
    queuedAt: { shape: WHEN },
    startedAt: { shape: WHEN },
    lastUpdatedAt: { shape: WHEN },
    executionNumber: { shape: LONG },
    retryAttempt: { shape: COUNT },
  },
} as const;

const JOB_ID_LABEL = { shape: JOB_ID, in: 'path', required: true, about: 'Identifier of the job.' } as const;
const THING_NAME_LABEL = { shape: NAME, in: 'path', required: true, about: 'Name of the thing.' } as const;
const EXECUTION_STATUS_FILTER = {
  shape: EXECUTION_STATUS,
  in: 'query',
  about: 'Only executions in this status.',
} as const;
const NAMESPACE_FILTER = { shape: NAMESPACE_ID, in: 'query', about: 'Only jobs of this namespace.' } as const;
const BEFORE_SUBSTITUTION = {
  shape: FLAG,
  in: 'query',
  about: 'Show the document as it was before parameters were put in.',
} as const;

const JOB_IDENTITY = {
  type: 'structure',
  members: { jobArn: { shape: TEXT }, jobId: { shape: JOB_ID }, description: { shape: DESCRIPTION } },
} as const;

export const CREATE_JOB = {
  name: 'CreateJob',
  method: 'PUT',
  path: '/jobs/{jobId}',
  about: 'Creates a job for things and groups of things.',
  input: {
    jobId: JOB_ID_LABEL,
    targets: { shape: TARGETS, in: 'body', required: true, about: 'ARNs of things and groups of things.' },
    documentSource: { shape: DOCUMENT_SOURCE, in: 'body', about: 'URL of the document, read once.' },
    document: {
      shape: DOCUMENT,
      in: 'body',
      about: 'What the devices shall do: JSON text (file://job.json reads a file).',
    },
    description: { shape: DESCRIPTION, in: 'body', about: 'What the job is for.' },
    presignedUrlConfig: { shape: PRESIGNED_URL_CONFIG, in: 'body', about: 'How URLs in the document are signed.' },
    targetSelection: {
      shape: TARGET_SELECTION,
      in: 'body',
      about: 'SNAPSHOT: members of the groups now (default); CONTINUOUS: later members too.',
    },
    jobExecutionsRolloutConfig: { shape: ROLLOUT_CONFIG, in: 'body', about: 'How fast things are told.' },
    abortConfig: { shape: ABORT_CONFIG, in: 'body', about: 'When failures cancel the job.' },
    timeoutConfig: { shape: TIMEOUT_CONFIG, in: 'body', about: 'How long an execution may be IN_PROGRESS.' },
    tags: { shape: TAGS, in: 'body', about: 'Tags of the job.' },
    namespaceId: { shape: NAMESPACE_ID, in: 'body', about: 'Namespace of the job.' },
    jobTemplateArn: { shape: ARN, in: 'body', about: 'Template that the job is made from.' },
    jobExecutionsRetryConfig: { shape: RETRY_CONFIG, in: 'body', about: 'Which failures are tried again, how often.' },
    documentParameters: { shape: PARAMETERS, in: 'body', about: 'Values for the parameters of a managed template.' },
    schedulingConfig: { shape: SCHEDULING_CONFIG, in: 'body', about: 'When the job starts and ends.' },
    destinationPackageVersions: {
      shape: PACKAGE_VERSIONS,
      in: 'body',
      about: 'Package versions that the job installs.',
    },
  },
  output: JOB_IDENTITY,
  errors: [...JOB_ERRORS, 'ResourceNotFoundException', 'ResourceAlreadyExistsException', 'LimitExceededException'],
} as const satisfies Operation;

export const DESCRIBE_JOB = {
  name: 'DescribeJob',
  method: 'GET',
  path: '/jobs/{jobId}',
  about: 'Shows one job and how many executions are in which status.',
  input: { jobId: JOB_ID_LABEL, beforeSubstitution: BEFORE_SUBSTITUTION },
  output: { type: 'structure', members: { documentSource: { shape: DOCUMENT_SOURCE }, job: { shape: JOB } } },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_JOBS = {
  name: 'ListJobs',
  method: 'GET',
  path: '/jobs',
  about: 'Lists jobs.',
  input: {
    status: { shape: JOB_STATUS, in: 'query', about: 'Only jobs in this status.' },
    targetSelection: { shape: TARGET_SELECTION, in: 'query', about: 'Only jobs of this kind.' },
    maxResults: MAX_RESULTS,
    nextToken: NEXT_TOKEN,
    thingGroupName: { shape: NAME, in: 'query', about: 'Only jobs for this group.' },
    thingGroupId: { shape: GROUP_ID, in: 'query', about: 'Only jobs for the group with this id.' },
    namespaceId: NAMESPACE_FILTER,
  },
  output: {
    type: 'structure',
    members: {
      jobs: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              jobArn: { shape: TEXT },
              jobId: { shape: JOB_ID },
              thingGroupId: { shape: GROUP_ID },
              targetSelection: { shape: TARGET_SELECTION },
              status: { shape: JOB_STATUS },
              createdAt: { shape: WHEN },
              lastUpdatedAt: { shape: WHEN },
              completedAt: { shape: WHEN },
              isConcurrent: { shape: FLAG },
            },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const GET_JOB_DOCUMENT = {
  name: 'GetJobDocument',
  method: 'GET',
  path: '/jobs/{jobId}/job-document',
  about: 'Shows the document of a job.',
  input: { jobId: JOB_ID_LABEL, beforeSubstitution: BEFORE_SUBSTITUTION },
  output: { type: 'structure', members: { document: { shape: DOCUMENT } } },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const CANCEL_JOB = {
  name: 'CancelJob',
  method: 'PUT',
  path: '/jobs/{jobId}/cancel',
  about: 'Cancels a job: queued executions, and with force those in progress too.',
  input: {
    jobId: JOB_ID_LABEL,
    reasonCode: { shape: REASON_CODE, in: 'body', about: 'Why, in one word of upper-case letters.' },
    comment: { shape: DESCRIPTION, in: 'body', about: 'Why, in words.' },
    force: { shape: FLAG, in: 'query', about: 'Cancel executions that are in progress too.' },
  },
  output: JOB_IDENTITY,
  errors: [...JOB_ERRORS, 'ResourceNotFoundException', 'LimitExceededException'],
} as const satisfies Operation;

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
