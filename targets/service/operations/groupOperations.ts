import {
  ATTRIBUTE_PAYLOAD,
  EXPECTED_VERSION,
  FLAG,
  GROUP_ERRORS,
  GROUP_ID,
  LONG,
  MAX_RESULTS,
  NAME,
  NEXT_TOKEN,
  TAGS,
  TEXT,
  WHEN,
} from './names.ts';
import type { Operation } from './operation.ts';

/** Groups of things, and the tree that they make (spec: control plane §3). */

const THING_GROUP_NAME = { shape: NAME, in: 'path', required: true, about: 'Name of the group.' } as const;

const THING_GROUP_PROPERTIES = {
  type: 'structure',
  members: {
    thingGroupDescription: { shape: { type: 'string', charsMax: 2028, pattern: '[\\p{Graph}\\x20]*' } },
    attributePayload: { shape: ATTRIBUTE_PAYLOAD },
  },
} as const;

/** ThingGroupNameAndArnList */
export const GROUPS = {
  type: 'list',
  of: { type: 'structure', members: { groupName: { shape: NAME }, groupArn: { shape: TEXT } } },
} as const;

export const CREATE_THING_GROUP = {
  name: 'CreateThingGroup',
  method: 'POST',
  path: '/thing-groups/{thingGroupName}',
  about: 'Makes a group of things; the same request again succeeds.',
  input: {
    thingGroupName: THING_GROUP_NAME,
    parentGroupName: { shape: NAME, in: 'body', about: 'Group that this one is part of.' },
    thingGroupProperties: {
      shape: THING_GROUP_PROPERTIES,
      in: 'body',
      about: 'Description and attributes of the group.',
    },
    tags: { shape: TAGS, in: 'body', about: 'Tags of the group.' },
  },
  output: {
    type: 'structure',
    members: { thingGroupName: { shape: NAME }, thingGroupArn: { shape: TEXT }, thingGroupId: { shape: GROUP_ID } },
  },
  errors: [...GROUP_ERRORS, 'ResourceAlreadyExistsException'],
} as const satisfies Operation;

export const DESCRIBE_THING_GROUP = {
  name: 'DescribeThingGroup',
  method: 'GET',
  path: '/thing-groups/{thingGroupName}',
  about: 'Shows one group and the groups above it.',
  input: { thingGroupName: THING_GROUP_NAME },
  output: {
    type: 'structure',
    members: {
      thingGroupName: { shape: NAME },
      thingGroupId: { shape: GROUP_ID },
      thingGroupArn: { shape: TEXT },
      version: { shape: LONG },
      thingGroupProperties: { shape: THING_GROUP_PROPERTIES },
      thingGroupMetadata: {
        shape: {
          type: 'structure',
          members: {
            parentGroupName: { shape: NAME },
            rootToParentThingGroups: { shape: GROUPS },
            creationDate: { shape: WHEN },
          },
        },
      },
      indexName: { shape: TEXT },
      queryString: { shape: TEXT },
      queryVersion: { shape: TEXT },
      status: { shape: { type: 'string', oneOf: ['ACTIVE', 'BUILDING', 'REBUILDING'] } },
    },
  },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const UPDATE_THING_GROUP = {
  name: 'UpdateThingGroup',
  method: 'PATCH',
  path: '/thing-groups/{thingGroupName}',
  about: 'Changes the description and the attributes of a group.',
  input: {
    thingGroupName: THING_GROUP_NAME,
    thingGroupProperties: {
      shape: THING_GROUP_PROPERTIES,
      in: 'body',
      required: true,
      about: 'Description and attributes that replace those before.',
    },
    expectedVersion: { ...EXPECTED_VERSION, in: 'body' },
  },
  output: { type: 'structure', members: { version: { shape: LONG } } },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException', 'VersionConflictException'],
} as const satisfies Operation;

export const LIST_THING_GROUPS = {
  name: 'ListThingGroups',
  method: 'GET',
  path: '/thing-groups',
  about: 'Lists groups by name.',
  input: {
    nextToken: NEXT_TOKEN,
    maxResults: MAX_RESULTS,
    parentGroup: { shape: NAME, in: 'query', about: 'Only groups right below this one.' },
    namePrefixFilter: { shape: NAME, in: 'query', about: 'Only groups whose name begins like this.' },
    recursive: {
      shape: FLAG,
      in: 'query',
      about: 'With parentGroup: groups further below, too. Without: false for those without a parent only.',
    },
  },
  output: { type: 'structure', members: { thingGroups: { shape: GROUPS }, nextToken: { shape: TEXT } } },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const DELETE_THING_GROUP = {
  name: 'DeleteThingGroup',
  method: 'DELETE',
  path: '/thing-groups/{thingGroupName}',
  about: 'Removes a group that has no groups below it; its things stay. One that does not exist is no fault.',
  input: { thingGroupName: THING_GROUP_NAME, expectedVersion: { ...EXPECTED_VERSION, in: 'query' } },
  output: { type: 'structure', members: {} },
  errors: [...GROUP_ERRORS, 'VersionConflictException'],
} as const satisfies Operation;
