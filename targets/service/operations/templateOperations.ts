import type { ErrorType } from './errorTypes.ts';
import {
  ABORT_CONFIG,
  ARN,
  DESCRIPTION,
  DOCUMENT,
  DOCUMENT_SOURCE,
  MAINTENANCE_WINDOWS,
  PACKAGE_VERSIONS,
  PRESIGNED_URL_CONFIG,
  PRINTABLE,
  RETRY_CONFIG,
  ROLLOUT_CONFIG,
  TIMEOUT_CONFIG,
} from './jobShapes.ts';
import { FLAG, JOB_ID, MAX_RESULTS, NEXT_TOKEN, TAGS, TEXT, WHEN } from './names.ts';
import type { Operation } from './operation.ts';

/** Templates that jobs are made from: the account's own, and those of AWS (spec: control plane §2.13, §2.14). */

const JOB_TEMPLATE_ID = {
  shape: JOB_ID,
  in: 'path',
  required: true,
  about: 'Identifier of the job template.',
} as const;
const TEMPLATE_NAME = { type: 'string', charsMin: 1, charsMax: 64 } as const;
const TEMPLATE_VERSION = { type: 'string', pattern: '^[1-9]+.[0-9]+' } as const;
const ENVIRONMENTS = { type: 'list', of: { type: 'string', pattern: PRINTABLE } } as const;

const OWN_ERRORS = [
  'InvalidRequestException',
  'ThrottlingException',
  'InternalFailureException',
] as const satisfies readonly ErrorType[];
const MANAGED_ERRORS = [
  'InvalidRequestException',
  'ThrottlingException',
  'InternalServerException',
  'ResourceNotFoundException',
] as const satisfies readonly ErrorType[];

export const CREATE_JOB_TEMPLATE = {
  name: 'CreateJobTemplate',
  method: 'PUT',
  path: '/job-templates/{jobTemplateId}',
  about: 'Makes a job template from a document or from a job.',
  input: {
    jobTemplateId: JOB_TEMPLATE_ID,
    jobArn: { shape: TEXT, in: 'body', about: 'Job whose document and configuration are copied.' },
    documentSource: { shape: DOCUMENT_SOURCE, in: 'body', about: 'URL of the document, read once.' },
    document: {
      shape: DOCUMENT,
      in: 'body',
      about: 'What the devices shall do: JSON text (file://job.json reads a file).',
    },
    description: { shape: DESCRIPTION, in: 'body', required: true, about: 'What its jobs are for.' },
    presignedUrlConfig: { shape: PRESIGNED_URL_CONFIG, in: 'body', about: 'How URLs in the document are signed.' },
    jobExecutionsRolloutConfig: { shape: ROLLOUT_CONFIG, in: 'body', about: 'How fast things are told.' },
    abortConfig: { shape: ABORT_CONFIG, in: 'body', about: 'When failures cancel a job.' },
    timeoutConfig: { shape: TIMEOUT_CONFIG, in: 'body', about: 'How long an execution may be IN_PROGRESS.' },
    tags: { shape: TAGS, in: 'body', about: 'Tags of the template.' },
    jobExecutionsRetryConfig: { shape: RETRY_CONFIG, in: 'body', about: 'Which failures are tried again, how often.' },
    maintenanceWindows: { shape: MAINTENANCE_WINDOWS, in: 'body', about: 'When jobs may go on.' },
    destinationPackageVersions: {
      shape: PACKAGE_VERSIONS,
      in: 'body',
      about: 'Package versions that its jobs install.',
    },
  },
  output: { type: 'structure', members: { jobTemplateArn: { shape: ARN }, jobTemplateId: { shape: JOB_ID } } },
  errors: [...OWN_ERRORS, 'ResourceNotFoundException', 'ConflictException', 'LimitExceededException'],
} as const satisfies Operation;

export const DESCRIBE_JOB_TEMPLATE = {
  name: 'DescribeJobTemplate',
  method: 'GET',
  path: '/job-templates/{jobTemplateId}',
  about: 'Shows one job template with its document.',
  input: { jobTemplateId: JOB_TEMPLATE_ID },
  output: {
    type: 'structure',
    members: {
      jobTemplateArn: { shape: ARN },
      jobTemplateId: { shape: JOB_ID },
      description: { shape: DESCRIPTION },
      documentSource: { shape: DOCUMENT_SOURCE },
      document: { shape: DOCUMENT },
      createdAt: { shape: WHEN },
      presignedUrlConfig: { shape: PRESIGNED_URL_CONFIG },
      jobExecutionsRolloutConfig: { shape: ROLLOUT_CONFIG },
      abortConfig: { shape: ABORT_CONFIG },
      timeoutConfig: { shape: TIMEOUT_CONFIG },
      jobExecutionsRetryConfig: { shape: RETRY_CONFIG },
      maintenanceWindows: { shape: MAINTENANCE_WINDOWS },
      destinationPackageVersions: { shape: PACKAGE_VERSIONS },
    },
  },
  errors: [...OWN_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_JOB_TEMPLATES = {
  name: 'ListJobTemplates',
  method: 'GET',
  path: '/job-templates',
  about: 'Lists job templates.',
  input: { maxResults: MAX_RESULTS, nextToken: NEXT_TOKEN },
  output: {
    type: 'structure',
    members: {
      jobTemplates: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              jobTemplateArn: { shape: ARN },
              jobTemplateId: { shape: JOB_ID },
              description: { shape: DESCRIPTION },
              createdAt: { shape: WHEN },
            },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: OWN_ERRORS,
} as const satisfies Operation;

export const DELETE_JOB_TEMPLATE = {
  name: 'DeleteJobTemplate',
  method: 'DELETE',
  path: '/job-templates/{jobTemplateId}',
  about: 'Deletes a job template; jobs made from it stay.',
  input: { jobTemplateId: JOB_TEMPLATE_ID },
  errors: [...OWN_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const DESCRIBE_MANAGED_JOB_TEMPLATE = {
  name: 'DescribeManagedJobTemplate',
  method: 'GET',
  path: '/managed-job-templates/{templateName}',
  about: "Shows one of AWS's job templates, its document and its parameters.",
  input: {
    templateName: { shape: TEMPLATE_NAME, in: 'path', required: true, about: 'Name of the template: AWS-Reboot.' },
    templateVersion: { shape: TEMPLATE_VERSION, in: 'query', about: 'Version of the template; 1.0 is the only one.' },
  },
  output: {
    type: 'structure',
    members: {
      templateName: { shape: TEMPLATE_NAME },
      templateArn: { shape: ARN },
      description: { shape: DESCRIPTION },
      templateVersion: { shape: TEMPLATE_VERSION },
      environments: { shape: ENVIRONMENTS },
      documentParameters: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              key: { shape: TEXT },
              description: { shape: DESCRIPTION },
              regex: { shape: TEXT },
              example: { shape: TEXT },
              optional: { shape: FLAG },
            },
          },
        },
      },
      document: { shape: DOCUMENT },
    },
  },
  errors: MANAGED_ERRORS,
} as const satisfies Operation;

export const LIST_MANAGED_JOB_TEMPLATES = {
  name: 'ListManagedJobTemplates',
  method: 'GET',
  path: '/managed-job-templates',
  about: "Lists AWS's job templates.",
  input: {
    templateName: { shape: TEMPLATE_NAME, in: 'query', about: 'Only versions of this template.' },
    maxResults: MAX_RESULTS,
    nextToken: NEXT_TOKEN,
  },
  output: {
    type: 'structure',
    members: {
      managedJobTemplates: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              templateArn: { shape: ARN },
              templateName: { shape: TEMPLATE_NAME },
              description: { shape: DESCRIPTION },
              environments: { shape: ENVIRONMENTS },
              templateVersion: { shape: TEMPLATE_VERSION },
            },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: MANAGED_ERRORS,
} as const satisfies Operation;
