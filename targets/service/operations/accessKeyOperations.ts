import { TEXT, WHEN } from './names.ts';
import type { Operation } from './operation.ts';

/**
 * The service's own access keys. AWS has them in IAM, another service with another protocol: here they are operations of this
 * one, whose members are those of IAM's AccessKeyMetadata and AccessKey as far as they mean something.
 */

const ACCESS_KEY_ID = { type: 'string', charsMin: 16, charsMax: 128, pattern: '[\\w]+' } as const;
const STATUS = { type: 'string', oneOf: ['Active', 'Inactive'] } as const;
const ACCESS_KEY_LABEL = {
  shape: ACCESS_KEY_ID,
  in: 'path',
  required: true,
  about: 'Identifier of the access key.',
} as const;
const ERRORS = ['InvalidRequestException', 'InternalFailureException'] as const;

export const LIST_ACCESS_KEYS = {
  name: 'ListAccessKeys',
  method: 'GET',
  path: '/errand/access-keys',
  about: 'Lists the access keys of this service, the oldest first, without their secrets.',
  input: {},
  output: {
    type: 'structure',
    members: {
      AccessKeyMetadata: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              AccessKeyId: { shape: ACCESS_KEY_ID },
              Status: { shape: STATUS },
              CreateDate: { shape: WHEN },
            },
          },
        },
      },
    },
  },
  errors: ERRORS,
} as const satisfies Operation;

export const CREATE_ACCESS_KEY = {
  name: 'CreateAccessKey',
  method: 'POST',
  path: '/errand/access-keys',
  about: 'Makes an access key for this service; its secret is shown once.',
  input: {},
  output: {
    type: 'structure',
    members: {
      AccessKey: {
        shape: {
          type: 'structure',
          members: {
            AccessKeyId: { shape: ACCESS_KEY_ID },
            Status: { shape: STATUS },
            SecretAccessKey: { shape: TEXT },
            CreateDate: { shape: WHEN },
          },
        },
      },
    },
  },
  errors: [...ERRORS, 'LimitExceededException'],
} as const satisfies Operation;

export const UPDATE_ACCESS_KEY = {
  name: 'UpdateAccessKey',
  method: 'PUT',
  path: '/errand/access-keys/{AccessKeyId}',
  about: 'Activates or deactivates an access key; the last active one stays.',
  input: {
    AccessKeyId: ACCESS_KEY_LABEL,
    Status: { shape: STATUS, in: 'body', required: true, about: 'Active or Inactive.' },
  },
  errors: [...ERRORS, 'ResourceNotFoundException', 'ConflictException'],
} as const satisfies Operation;

export const DELETE_ACCESS_KEY = {
  name: 'DeleteAccessKey',
  method: 'DELETE',
  path: '/errand/access-keys/{AccessKeyId}',
  about: 'Deletes an access key; the last active one stays.',
  input: { AccessKeyId: ACCESS_KEY_LABEL },
  errors: [...ERRORS, 'ResourceNotFoundException', 'ConflictException'],
} as const satisfies Operation;
