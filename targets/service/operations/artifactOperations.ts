import { LONG, PAGE_SIZE, TEXT, WHEN } from './names.ts';
import type { Operation } from './operation.ts';

/** Files that jobs are given. AWS has them in S3, which this service speaks at a port of its own; lists and removal are here. */

const BUCKET = { type: 'string', charsMin: 3, charsMax: 63 } as const;
const KEY = { type: 'string', charsMin: 1, charsMax: 1024 } as const;
const ERRORS = ['InvalidRequestException', 'InternalFailureException'] as const;

export const LIST_ARTIFACTS = {
  name: 'ListArtifacts',
  method: 'GET',
  path: '/errand/artifacts',
  about: 'Lists the artifacts of this service, by bucket and key.',
  input: {
    bucket: { shape: BUCKET, in: 'query', about: 'Only those in this bucket.' },
    prefix: { shape: KEY, in: 'query', about: 'Only those whose key begins like this.' },
    maxResults: { shape: PAGE_SIZE, in: 'query', about: 'Most artifacts of one page.' },
    nextToken: { shape: TEXT, in: 'query', about: 'The page that an answer before named.' },
  },
  output: {
    type: 'structure',
    members: {
      artifacts: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              bucket: { shape: BUCKET },
              key: { shape: KEY },
              sha256: { shape: TEXT },
              bytes: { shape: LONG },
              lastModifiedAt: { shape: WHEN },
            },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: ERRORS,
} as const satisfies Operation;

export const DELETE_ARTIFACT = {
  name: 'DeleteArtifact',
  method: 'DELETE',
  path: '/errand/artifacts/{bucket}/{key}',
  about: 'Deletes an artifact; its bytes go when no other name has the same.',
  input: {
    bucket: { shape: BUCKET, in: 'path', required: true, about: 'Its bucket.' },
    key: { shape: KEY, in: 'path', required: true, about: 'Its key.' },
  },
  errors: [...ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;
