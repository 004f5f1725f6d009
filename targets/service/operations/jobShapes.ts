import {
  JOB_DOCUMENT_BYTES_MAX,
  STATUS_DETAILS_KEY_CHARS_MAX,
  STATUS_DETAILS_PAIRS_MAX,
  STATUS_DETAILS_VALUE_CHARS_MAX,
  STEP_TIMEOUT_MINUTES_MAX,
} from '../../../runtime/jobs/limits.ts';
import { FLAG, JOB_ID, LONG, NAMESPACE_ID, TEXT, WHEN } from './names.ts';

/** Shapes of jobs and executions, as deep as the API nests them (spec: control plane §2). */

const COUNT = { type: 'integer' } as const;
const AT_LEAST_ONE = { type: 'integer', min: 1 } as const;
export const TARGET_SELECTION = { type: 'string', oneOf: ['CONTINUOUS', 'SNAPSHOT'] } as const;
export const JOB_STATUS = {
  type: 'string',
  oneOf: ['IN_PROGRESS', 'CANCELED', 'COMPLETED', 'DELETION_IN_PROGRESS', 'SCHEDULED'],
} as const;
export const EXECUTION_STATUS = {
  type: 'string',
  oneOf: ['QUEUED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'REJECTED', 'REMOVED', 'CANCELED'],
} as const;
export const PRINTABLE = '[^\\p{C}]+';
export const DESCRIPTION = { type: 'string', charsMax: 2028, pattern: PRINTABLE } as const;
export const REASON_CODE = { type: 'string', charsMax: 128, pattern: '[\\p{Upper}\\p{Digit}_]+' } as const;
export const DOCUMENT = { type: 'string', charsMax: JOB_DOCUMENT_BYTES_MAX, bytesMax: JOB_DOCUMENT_BYTES_MAX } as const;
export const DOCUMENT_SOURCE = { type: 'string', charsMin: 1, charsMax: 1350 } as const;
export const ARN = { type: 'string', charsMin: 1, charsMax: 1600, pattern: '^arn:[!-~]+$' } as const;
export const TARGETS = { type: 'list', itemsMin: 1, itemsMax: 100, of: { type: 'string', charsMax: 2048 } } as const;
const DATE_TEXT = { type: 'string', charsMin: 1, charsMax: 64 } as const;
export const PACKAGE_VERSIONS = { type: 'list', itemsMax: 25, of: ARN } as const;
export const PARAMETERS = {
  type: 'map',
  key: { type: 'string', charsMin: 1, charsMax: 128, pattern: '[a-zA-Z0-9_-]+' },
  value: { type: 'string', charsMin: 1, charsMax: 30720, pattern: PRINTABLE },
} as const;
export const DETAILS_MAP = {
  type: 'map',
  pairsMax: STATUS_DETAILS_PAIRS_MAX,
  key: { type: 'string', charsMin: 1, charsMax: STATUS_DETAILS_KEY_CHARS_MAX, pattern: '[a-zA-Z0-9:_-]+' },
  value: { type: 'string', charsMin: 1, charsMax: STATUS_DETAILS_VALUE_CHARS_MAX, pattern: PRINTABLE },
} as const;

export const PRESIGNED_URL_CONFIG = {
  type: 'structure',
  members: {
    roleArn: { shape: { type: 'string', charsMin: 20, charsMax: 2048 } },
    expiresInSec: { shape: { type: 'integer', min: 60, max: 3600 } },
  },
} as const;

export const ROLLOUT_CONFIG = {
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

export const ABORT_CONFIG = {
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

export const TIMEOUT_CONFIG = {
  type: 'structure',
  members: { inProgressTimeoutInMinutes: { shape: { type: 'integer', min: 1, max: STEP_TIMEOUT_MINUTES_MAX } } },
} as const;

export const RETRY_CONFIG = {
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

export const MAINTENANCE_WINDOWS = {
  type: 'list',
  of: {
    type: 'structure',
    members: {
      startTime: { shape: { type: 'string', charsMin: 1, charsMax: 256 }, required: true },
      durationInMinutes: { shape: { type: 'integer', min: 1, max: 1430 }, required: true },
    },
  },
} as const;

export const SCHEDULING_CONFIG = {
  type: 'structure',
  members: {
    startTime: { shape: DATE_TEXT },
    endTime: { shape: DATE_TEXT },
    endBehavior: { shape: { type: 'string', oneOf: ['STOP_ROLLOUT', 'CANCEL', 'FORCE_CANCEL'] } },
    maintenanceWindows: { shape: MAINTENANCE_WINDOWS },
  },
} as const;

export const JOB = {
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

export const JOB_EXECUTION_SUMMARY = {
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

export const JOB_IDENTITY = {
  type: 'structure',
  members: { jobArn: { shape: TEXT }, jobId: { shape: JOB_ID }, description: { shape: DESCRIPTION } },
} as const;

export const JOB_ID_LABEL = { shape: JOB_ID, in: 'path', required: true, about: 'Identifier of the job.' } as const;
export const NAMESPACE_FILTER = { shape: NAMESPACE_ID, in: 'query', about: 'Only jobs of this namespace.' } as const;
