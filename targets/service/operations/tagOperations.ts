import { GROUP_ERRORS, NEXT_TOKEN, TAG_KEY, TAGS, TEXT } from './names.ts';
import type { Operation } from './operation.ts';

/** Tags of groups, jobs, job templates and provisioning templates (spec: control plane §3). */

const RESOURCE_ARN = {
  shape: TEXT,
  required: true,
  about: 'ARN of a group, a job, a job template or a provisioning template.',
} as const;

export const TAG_RESOURCE = {
  name: 'TagResource',
  method: 'POST',
  path: '/tags',
  about: 'Gives a resource tags; one with a key that it has already is replaced.',
  input: {
    resourceArn: { ...RESOURCE_ARN, in: 'body' },
    tags: { shape: TAGS, in: 'body', required: true, about: 'The tags.' },
  },
  output: { type: 'structure', members: {} },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException', 'LimitExceededException'],
} as const satisfies Operation;

export const UNTAG_RESOURCE = {
  name: 'UntagResource',
  method: 'POST',
  path: '/untag',
  about: 'Takes tags from a resource; a key that it does not have is no fault.',
  input: {
    resourceArn: { ...RESOURCE_ARN, in: 'body' },
    tagKeys: { shape: { type: 'list', of: TAG_KEY }, in: 'body', required: true, about: 'Keys of the tags.' },
  },
  output: { type: 'structure', members: {} },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_TAGS_FOR_RESOURCE = {
  name: 'ListTagsForResource',
  method: 'GET',
  path: '/tags',
  about: 'Lists the tags of a resource, all on one page.',
  input: { resourceArn: { ...RESOURCE_ARN, in: 'query' }, nextToken: NEXT_TOKEN },
  output: { type: 'structure', members: { tags: { shape: TAGS }, nextToken: { shape: TEXT } } },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;
