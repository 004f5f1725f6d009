import {
  ABORT_CONFIG,
  ARN,
  DESCRIPTION,
  DOCUMENT,
  DOCUMENT_SOURCE,
  JOB,
  JOB_ID_LABEL,
  JOB_IDENTITY,
  JOB_STATUS,
  NAMESPACE_FILTER,
  PACKAGE_VERSIONS,
  PARAMETERS,
  PRESIGNED_URL_CONFIG,
  REASON_CODE,
  RETRY_CONFIG,
  ROLLOUT_CONFIG,
  SCHEDULING_CONFIG,
  TARGET_SELECTION,
  TARGETS,
  TIMEOUT_CONFIG,
} from './jobShapes.ts';
import {
  FLAG,
  GROUP_ID,
  JOB_ERRORS,
  JOB_ID,
  MAX_RESULTS,
  NAME,
  NAMESPACE_ID,
  NEXT_TOKEN,
  TAGS,
  TEXT,
  WHEN,
} from './names.ts';
import type { Operation } from './operation.ts';

/** Jobs as an operator sees them (spec: control plane §2). */

const BEFORE_SUBSTITUTION = {
  shape: FLAG,
  in: 'query',
  about: 'Show the document as it was before parameters were put in.',
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

export const DELETE_JOB = {
  name: 'DeleteJob',
  method: 'DELETE',
  path: '/jobs/{jobId}',
  about: 'Deletes a job that has ended and its executions; with force also one that has not.',
  input: {
    jobId: JOB_ID_LABEL,
    force: { shape: FLAG, in: 'query', about: 'Delete it even when it has not ended.' },
    namespaceId: { shape: NAMESPACE_ID, in: 'query', about: 'Namespace of the job.' },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException', 'InvalidStateTransitionException', 'LimitExceededException'],
} as const satisfies Operation;

export const UPDATE_JOB = {
  name: 'UpdateJob',
  method: 'PATCH',
  path: '/jobs/{jobId}',
  about: 'Changes a job that has not ended.',
  input: {
    jobId: JOB_ID_LABEL,
    description: { shape: DESCRIPTION, in: 'body', about: 'What the job is for.' },
    presignedUrlConfig: { shape: PRESIGNED_URL_CONFIG, in: 'body', about: 'How URLs in the document are signed.' },
    jobExecutionsRolloutConfig: { shape: ROLLOUT_CONFIG, in: 'body', about: 'How fast things are told.' },
    abortConfig: { shape: ABORT_CONFIG, in: 'body', about: 'When failures cancel the job.' },
    timeoutConfig: {
      shape: TIMEOUT_CONFIG,
      in: 'body',
      about: 'How long an execution may be IN_PROGRESS, for those that start later.',
    },
    namespaceId: { shape: NAMESPACE_ID, in: 'query', about: 'Namespace of the job.' },
    jobExecutionsRetryConfig: {
      shape: RETRY_CONFIG,
      in: 'body',
      about: 'Failures that are not tried again any more (0).',
    },
  },
  errors: [...JOB_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const ASSOCIATE_TARGETS_WITH_JOB = {
  name: 'AssociateTargetsWithJob',
  method: 'POST',
  path: '/jobs/{jobId}/targets',
  about: 'Adds groups to the targets of a continuous job.',
  input: {
    targets: { shape: TARGETS, in: 'body', required: true, about: 'ARNs of groups of things.' },
    jobId: JOB_ID_LABEL,
    comment: { shape: DESCRIPTION, in: 'body', about: 'Why, in words.' },
    namespaceId: { shape: NAMESPACE_ID, in: 'query', about: 'Namespace of the job.' },
  },
  output: JOB_IDENTITY,
  errors: [...JOB_ERRORS, 'ResourceNotFoundException', 'LimitExceededException'],
} as const satisfies Operation;
