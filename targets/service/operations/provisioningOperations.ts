import type { ErrorType } from './errorTypes.ts';
import { ARN } from './jobShapes.ts';
import { FLAG, LONG, MAX_RESULTS, NEXT_TOKEN, TAGS, TEXT, WHEN } from './names.ts';
import type { Operation } from './operation.ts';

/** Templates by which boards get an identity of their own from a claim certificate, and those certificates. */

export const PROVISIONING_TEMPLATE_NAME = {
  type: 'string',
  charsMin: 1,
  charsMax: 36,
  pattern: '^[0-9A-Za-z_-]+$',
} as const;
const DESCRIPTION = { type: 'string', charsMin: 0, charsMax: 500, pattern: '[^\\p{C}]*' } as const;
const BODY = { type: 'string', charsMin: 0, charsMax: 10240, pattern: '[\\s\\S]*' } as const;
const ROLE_ARN = { type: 'string', charsMin: 20, charsMax: 2048 } as const;
const TYPE = { type: 'string', oneOf: ['FLEET_PROVISIONING', 'JITP'] } as const;
const CERTIFICATE_ID = { type: 'string', charsMin: 64, charsMax: 64, pattern: '(0x)?[a-fA-F0-9]+' } as const;
const HOOK = {
  type: 'structure',
  members: {
    payloadVersion: { shape: { type: 'string', charsMin: 10, charsMax: 32, pattern: '^[0-9-]+$' } },
    targetArn: { shape: { type: 'string', charsMax: 2048 }, required: true },
  },
} as const;

const TEMPLATE_LABEL = {
  shape: PROVISIONING_TEMPLATE_NAME,
  in: 'path',
  required: true,
  about: 'Name of the provisioning template.',
} as const;
const VERSION_LABEL = { shape: LONG, in: 'path', required: true, about: 'Number of the version.' } as const;
const BODY_MEMBER = {
  shape: BODY,
  in: 'body',
  required: true,
  about: 'What a board gets: JSON text (file://fleet.json reads a file) with Parameters and Resources.',
} as const;
const HOOK_MEMBER = { shape: HOOK, in: 'body', about: 'Not served here: there are no Lambda functions.' } as const;

const BASE_ERRORS = [
  'InvalidRequestException',
  'InternalFailureException',
  'UnauthorizedException',
] as const satisfies readonly ErrorType[];
const ERRORS = [...BASE_ERRORS, 'ThrottlingException'] as const satisfies readonly ErrorType[];

export const CREATE_PROVISIONING_TEMPLATE = {
  name: 'CreateProvisioningTemplate',
  method: 'POST',
  path: '/provisioning-templates',
  about: 'Makes a template by which boards get a thing and a certificate of their own.',
  input: {
    templateName: { ...TEMPLATE_LABEL, in: 'body' },
    description: { shape: DESCRIPTION, in: 'body', about: 'What it is for.' },
    templateBody: BODY_MEMBER,
    enabled: { shape: FLAG, in: 'body', about: 'Whether boards may use it; they may not if not given.' },
    provisioningRoleArn: {
      shape: ROLE_ARN,
      in: 'body',
      required: true,
      about: 'Role that AWS would act as; kept and shown, nobody checks it here.',
    },
    preProvisioningHook: HOOK_MEMBER,
    tags: { shape: TAGS, in: 'body', about: 'Tags of the template.' },
    type: { shape: TYPE, in: 'body', about: 'FLEET_PROVISIONING, the only one that is served here.' },
  },
  output: {
    type: 'structure',
    members: {
      templateArn: { shape: ARN },
      templateName: { shape: PROVISIONING_TEMPLATE_NAME },
      defaultVersionId: { shape: LONG },
    },
  },
  errors: [...ERRORS, 'LimitExceededException', 'ResourceAlreadyExistsException'],
} as const satisfies Operation;

export const DESCRIBE_PROVISIONING_TEMPLATE = {
  name: 'DescribeProvisioningTemplate',
  method: 'GET',
  path: '/provisioning-templates/{templateName}',
  about: 'Shows one provisioning template with the body of its default version.',
  input: { templateName: TEMPLATE_LABEL },
  output: {
    type: 'structure',
    members: {
      templateArn: { shape: ARN },
      templateName: { shape: PROVISIONING_TEMPLATE_NAME },
      description: { shape: DESCRIPTION },
      creationDate: { shape: WHEN },
      lastModifiedDate: { shape: WHEN },
      defaultVersionId: { shape: LONG },
      templateBody: { shape: BODY },
      enabled: { shape: FLAG },
      provisioningRoleArn: { shape: ROLE_ARN },
      preProvisioningHook: { shape: HOOK },
      type: { shape: TYPE },
    },
  },
  errors: [...ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_PROVISIONING_TEMPLATES = {
  name: 'ListProvisioningTemplates',
  method: 'GET',
  path: '/provisioning-templates',
  about: 'Lists provisioning templates.',
  input: { maxResults: MAX_RESULTS, nextToken: NEXT_TOKEN },
  output: {
    type: 'structure',
    members: {
      templates: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              templateArn: { shape: ARN },
              templateName: { shape: PROVISIONING_TEMPLATE_NAME },
              description: { shape: DESCRIPTION },
              creationDate: { shape: WHEN },
              lastModifiedDate: { shape: WHEN },
              enabled: { shape: FLAG },
              type: { shape: TYPE },
            },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: ERRORS,
} as const satisfies Operation;

export const UPDATE_PROVISIONING_TEMPLATE = {
  name: 'UpdateProvisioningTemplate',
  method: 'PATCH',
  path: '/provisioning-templates/{templateName}',
  about: 'Changes a provisioning template, or which of its versions boards get.',
  input: {
    templateName: TEMPLATE_LABEL,
    description: { shape: DESCRIPTION, in: 'body', about: 'What it is for.' },
    enabled: { shape: FLAG, in: 'body', about: 'Whether boards may use it.' },
    defaultVersionId: { shape: LONG, in: 'body', about: 'The version that boards get.' },
    provisioningRoleArn: { shape: ROLE_ARN, in: 'body', about: 'Role that AWS would act as.' },
    preProvisioningHook: HOOK_MEMBER,
    removePreProvisioningHook: { shape: FLAG, in: 'body', about: 'Accepted: there is none here.' },
  },
  output: { type: 'structure', members: {} },
  errors: [...BASE_ERRORS, 'ResourceNotFoundException', 'ConflictingResourceUpdateException'],
} as const satisfies Operation;

export const DELETE_PROVISIONING_TEMPLATE = {
  name: 'DeleteProvisioningTemplate',
  method: 'DELETE',
  path: '/provisioning-templates/{templateName}',
  about: 'Deletes a provisioning template that no certificate is a claim for, with its versions; things stay.',
  input: { templateName: TEMPLATE_LABEL },
  output: { type: 'structure', members: {} },
  errors: [...ERRORS, 'ResourceNotFoundException', 'DeleteConflictException', 'ConflictingResourceUpdateException'],
} as const satisfies Operation;

export const CREATE_PROVISIONING_TEMPLATE_VERSION = {
  name: 'CreateProvisioningTemplateVersion',
  method: 'POST',
  path: '/provisioning-templates/{templateName}/versions',
  about: 'Adds a version to a provisioning template.',
  input: {
    templateName: TEMPLATE_LABEL,
    templateBody: BODY_MEMBER,
    setAsDefault: { shape: FLAG, in: 'query', about: 'Boards get it from now on.' },
  },
  output: {
    type: 'structure',
    members: {
      templateArn: { shape: ARN },
      templateName: { shape: PROVISIONING_TEMPLATE_NAME },
      versionId: { shape: LONG },
      isDefaultVersion: { shape: FLAG },
    },
  },
  errors: [
    ...ERRORS,
    'ResourceNotFoundException',
    'VersionsLimitExceededException',
    'ConflictingResourceUpdateException',
  ],
} as const satisfies Operation;

export const DESCRIBE_PROVISIONING_TEMPLATE_VERSION = {
  name: 'DescribeProvisioningTemplateVersion',
  method: 'GET',
  path: '/provisioning-templates/{templateName}/versions/{versionId}',
  about: 'Shows one version of a provisioning template.',
  input: { templateName: TEMPLATE_LABEL, versionId: VERSION_LABEL },
  output: {
    type: 'structure',
    members: {
      versionId: { shape: LONG },
      creationDate: { shape: WHEN },
      templateBody: { shape: BODY },
      isDefaultVersion: { shape: FLAG },
    },
  },
  errors: [...ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_PROVISIONING_TEMPLATE_VERSIONS = {
  name: 'ListProvisioningTemplateVersions',
  method: 'GET',
  path: '/provisioning-templates/{templateName}/versions',
  about: 'Lists the versions of a provisioning template.',
  input: { templateName: TEMPLATE_LABEL, maxResults: MAX_RESULTS, nextToken: NEXT_TOKEN },
  output: {
    type: 'structure',
    members: {
      versions: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              versionId: { shape: LONG },
              creationDate: { shape: WHEN },
              isDefaultVersion: { shape: FLAG },
            },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: [...ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const DELETE_PROVISIONING_TEMPLATE_VERSION = {
  name: 'DeleteProvisioningTemplateVersion',
  method: 'DELETE',
  path: '/provisioning-templates/{templateName}/versions/{versionId}',
  about: 'Deletes a version of a provisioning template, not the default one.',
  input: { templateName: TEMPLATE_LABEL, versionId: VERSION_LABEL },
  output: { type: 'structure', members: {} },
  errors: [...ERRORS, 'ResourceNotFoundException', 'DeleteConflictException', 'ConflictingResourceUpdateException'],
} as const satisfies Operation;

export const CREATE_PROVISIONING_CLAIM = {
  name: 'CreateProvisioningClaim',
  method: 'POST',
  path: '/provisioning-templates/{templateName}/provisioning-claim',
  about: 'Makes a claim certificate and its key that are good for five minutes, for who sets a board up by hand.',
  input: { templateName: TEMPLATE_LABEL },
  output: {
    type: 'structure',
    members: {
      certificateId: { shape: CERTIFICATE_ID },
      certificatePem: { shape: { type: 'string', charsMin: 1, charsMax: 65536, pattern: '[\\s\\S]*' } },
      keyPair: {
        shape: {
          type: 'structure',
          members: {
            PublicKey: { shape: { type: 'string', charsMin: 1 } },
            PrivateKey: { shape: { type: 'string', charsMin: 1 } },
          },
        },
      },
      expiration: { shape: WHEN },
    },
  },
  errors: [...ERRORS, 'ResourceNotFoundException', 'ServiceUnavailableException'],
} as const satisfies Operation;

const PRINCIPAL = {
  shape: TEXT,
  in: 'header',
  header: 'x-amzn-principal',
  required: true,
  about: 'certificateArn of the certificate.',
} as const;

/** Our own, as the service has no policies: what AttachPolicy does in AWS with the policy of a claim certificate. */
export const ATTACH_PROVISIONING_CLAIM = {
  name: 'AttachProvisioningClaim',
  method: 'PUT',
  path: '/provisioning-templates/{templateName}/claims',
  about: 'Makes a certificate without a thing a claim: boards that hold it get an identity by this template.',
  input: { templateName: TEMPLATE_LABEL, principal: PRINCIPAL },
  errors: [...ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const DETACH_PROVISIONING_CLAIM = {
  name: 'DetachProvisioningClaim',
  method: 'DELETE',
  path: '/provisioning-templates/{templateName}/claims',
  about:
    'Boards that hold the certificate get no identity by this template any more; it is made INACTIVE with its last one.',
  input: { templateName: TEMPLATE_LABEL, principal: PRINCIPAL },
  errors: [...ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;
