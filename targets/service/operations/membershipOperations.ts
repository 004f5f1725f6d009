import { GROUPS } from './groupOperations.ts';
import { FLAG, GROUP_ERRORS, MAX_RESULTS, NAME, NEXT_TOKEN, TEXT } from './names.ts';
import type { Operation } from './operation.ts';

/** Which things are in which groups (spec: control plane §3). */

export const ADD_THING_TO_THING_GROUP = {
  name: 'AddThingToThingGroup',
  method: 'PUT',
  path: '/thing-groups/addThingToThingGroup',
  about: 'Puts a thing into a group; continuous jobs of the group reach it from then on.',
  input: {
    thingGroupName: { shape: NAME, in: 'body', about: 'Name of the group; or give thingGroupArn.' },
    thingGroupArn: { shape: TEXT, in: 'body', about: 'ARN of the group.' },
    thingName: { shape: NAME, in: 'body', about: 'Name of the thing; or give thingArn.' },
    thingArn: { shape: TEXT, in: 'body', about: 'ARN of the thing.' },
    overrideDynamicGroups: { shape: FLAG, in: 'body', about: 'Accepted; this service has no dynamic groups to leave.' },
  },
  output: { type: 'structure', members: {} },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const REMOVE_THING_FROM_THING_GROUP = {
  name: 'RemoveThingFromThingGroup',
  method: 'PUT',
  path: '/thing-groups/removeThingFromThingGroup',
  about: 'Takes a thing out of a group; continuous jobs of the group end on it where they have not begun.',
  input: {
    thingGroupName: { shape: NAME, in: 'body', about: 'Name of the group; or give thingGroupArn.' },
    thingGroupArn: { shape: TEXT, in: 'body', about: 'ARN of the group.' },
    thingName: { shape: NAME, in: 'body', about: 'Name of the thing; or give thingArn.' },
    thingArn: { shape: TEXT, in: 'body', about: 'ARN of the thing.' },
  },
  output: { type: 'structure', members: {} },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const UPDATE_THING_GROUPS_FOR_THING = {
  name: 'UpdateThingGroupsForThing',
  method: 'PUT',
  path: '/thing-groups/updateThingGroupsForThing',
  about: 'Takes a thing out of some groups and puts it into others, all of it or nothing.',
  input: {
    thingName: { shape: NAME, in: 'body', about: 'Name of the thing.' },
    thingGroupsToAdd: { shape: { type: 'list', of: NAME }, in: 'body', about: 'Names of groups to join.' },
    thingGroupsToRemove: { shape: { type: 'list', of: NAME }, in: 'body', about: 'Names of groups to leave.' },
    overrideDynamicGroups: { shape: FLAG, in: 'body', about: 'Accepted; this service has no dynamic groups to leave.' },
  },
  output: { type: 'structure', members: {} },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_THINGS_IN_THING_GROUP = {
  name: 'ListThingsInThingGroup',
  method: 'GET',
  path: '/thing-groups/{thingGroupName}/things',
  about: 'Lists the things in a group.',
  input: {
    thingGroupName: { shape: NAME, in: 'path', required: true, about: 'Name of the group.' },
    recursive: { shape: FLAG, in: 'query', about: 'Things in the groups below it, too.' },
    nextToken: NEXT_TOKEN,
    maxResults: MAX_RESULTS,
  },
  output: {
    type: 'structure',
    members: { things: { shape: { type: 'list', of: NAME } }, nextToken: { shape: TEXT } },
  },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const LIST_THING_GROUPS_FOR_THING = {
  name: 'ListThingGroupsForThing',
  method: 'GET',
  path: '/things/{thingName}/thing-groups',
  about: 'Lists the groups that a thing is in.',
  input: {
    thingName: { shape: NAME, in: 'path', required: true, about: 'Name of the thing.' },
    nextToken: NEXT_TOKEN,
    maxResults: MAX_RESULTS,
  },
  output: { type: 'structure', members: { thingGroups: { shape: GROUPS }, nextToken: { shape: TEXT } } },
  errors: [...GROUP_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;
