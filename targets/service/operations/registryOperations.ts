import {
  ATTRIBUTE_NAME,
  ATTRIBUTE_PAYLOAD,
  ATTRIBUTE_VALUE,
  ATTRIBUTES,
  EXPECTED_VERSION,
  FLAG,
  LONG,
  MAX_RESULTS,
  NAME,
  NEXT_TOKEN,
  TEXT,
  THING_ERRORS,
} from './names.ts';
import type { Operation } from './operation.ts';

/** Things and where they connect: what a job needs in order to have targets (spec: control plane §3). */

const THING_NAME = { shape: NAME, in: 'path', required: true, about: 'Name of the thing.' } as const;

export const CREATE_THING = {
  name: 'CreateThing',
  method: 'POST',
  path: '/things/{thingName}',
  about: 'Registers a thing; the same request again succeeds.',
  input: {
    thingName: THING_NAME,
    thingTypeName: { shape: NAME, in: 'body', about: 'Type of the thing.' },
    attributePayload: { shape: ATTRIBUTE_PAYLOAD, in: 'body', about: 'Attributes of the thing, three at most.' },
    billingGroupName: { shape: NAME, in: 'body', about: 'Billing group that the thing is added to.' },
  },
  output: {
    type: 'structure',
    members: { thingName: { shape: NAME }, thingArn: { shape: TEXT }, thingId: { shape: TEXT } },
  },
  errors: [...THING_ERRORS, 'ResourceAlreadyExistsException', 'ResourceNotFoundException'],
} as const satisfies Operation;

export const DESCRIBE_THING = {
  name: 'DescribeThing',
  method: 'GET',
  path: '/things/{thingName}',
  about: 'Shows one thing.',
  input: { thingName: THING_NAME },
  output: {
    type: 'structure',
    members: {
      defaultClientId: { shape: TEXT },
      thingName: { shape: NAME },
      thingId: { shape: TEXT },
      thingArn: { shape: TEXT },
      thingTypeName: { shape: NAME },
      attributes: { shape: ATTRIBUTES },
      version: { shape: LONG },
      billingGroupName: { shape: NAME },
    },
  },
  errors: [...THING_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const UPDATE_THING = {
  name: 'UpdateThing',
  method: 'PATCH',
  path: '/things/{thingName}',
  about: 'Changes the attributes of a thing; one with an empty value goes.',
  input: {
    thingName: THING_NAME,
    thingTypeName: { shape: NAME, in: 'body', about: 'Type that the thing gets.' },
    attributePayload: {
      shape: ATTRIBUTE_PAYLOAD,
      in: 'body',
      about: 'Attributes that replace those before, or with merge are added to them.',
    },
    expectedVersion: { ...EXPECTED_VERSION, in: 'body' },
    removeThingType: { shape: FLAG, in: 'body', about: 'Take the type from the thing.' },
  },
  output: { type: 'structure', members: {} },
  errors: [...THING_ERRORS, 'ResourceNotFoundException', 'VersionConflictException'],
} as const satisfies Operation;

export const LIST_THINGS = {
  name: 'ListThings',
  method: 'GET',
  path: '/things',
  about: 'Lists things, filtered by attribute or type; a page may hold fewer than asked for and still have a next one.',
  input: {
    nextToken: NEXT_TOKEN,
    maxResults: MAX_RESULTS,
    attributeName: { shape: ATTRIBUTE_NAME, in: 'query', about: 'Only things that have this attribute.' },
    attributeValue: { shape: ATTRIBUTE_VALUE, in: 'query', about: 'Only things whose attributeName has this value.' },
    thingTypeName: { shape: NAME, in: 'query', about: 'Only things of this type.' },
    usePrefixAttributeValue: { shape: FLAG, in: 'query', about: 'attributeValue is how the value begins.' },
  },
  output: {
    type: 'structure',
    members: {
      things: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: {
              thingName: { shape: NAME },
              thingTypeName: { shape: NAME },
              thingArn: { shape: TEXT },
              attributes: { shape: ATTRIBUTES },
              version: { shape: LONG },
            },
          },
        },
      },
      nextToken: { shape: TEXT },
    },
  },
  errors: THING_ERRORS,
} as const satisfies Operation;

export const DELETE_THING = {
  name: 'DeleteThing',
  method: 'DELETE',
  path: '/things/{thingName}',
  about: 'Removes a thing that no certificate is attached to; one that does not exist is no fault.',
  input: { thingName: THING_NAME, expectedVersion: { ...EXPECTED_VERSION, in: 'query' } },
  output: { type: 'structure', members: {} },
  errors: [...THING_ERRORS, 'ResourceNotFoundException', 'VersionConflictException'],
} as const satisfies Operation;

export const DESCRIBE_ENDPOINT = {
  name: 'DescribeEndpoint',
  method: 'GET',
  path: '/endpoint',
  about: 'Tells where devices connect, as host or host:port.',
  input: {
    endpointType: {
      shape: { type: 'string', charsMax: 128, pattern: '[\\s\\S]*' },
      in: 'query',
      about: 'iot:Data or iot:Data-ATS (MQTT), iot:Jobs (HTTPS); iot:Data if not given.',
    },
  },
  output: { type: 'structure', members: { endpointAddress: { shape: TEXT } } },
  errors: THING_ERRORS.filter((type) => type !== 'ServiceUnavailableException'),
} as const satisfies Operation;
