import {
  ATTRIBUTE_NAME,
  ATTRIBUTE_PAYLOAD,
  ATTRIBUTE_VALUE,
  ATTRIBUTES,
  FLAG,
  GROUP_ERRORS,
  GROUP_ID,
  LONG,
  MAX_RESULTS,
  NAME,
  NEXT_TOKEN,
  TAGS,
  TEXT,
  THING_ERRORS,
} from './names.ts';
import type { Operation } from './operation.ts';

/** Things, groups, certificates and endpoints: what a job needs in order to have targets (spec: control plane §3). */

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

export const CREATE_KEYS_AND_CERTIFICATE = {
  name: 'CreateKeysAndCertificate',
  method: 'POST',
  path: '/keys-and-certificate',
  about: 'Makes a key pair and a device certificate for it; the private key is shown once and not kept.',
  input: {
    setAsActive: {
      shape: FLAG,
      in: 'query',
      about: 'The certificate may be used at once; if not given it is INACTIVE.',
    },
  },
  output: {
    type: 'structure',
    members: {
      certificateArn: { shape: TEXT },
      certificateId: { shape: { type: 'string', charsMin: 64, charsMax: 64, pattern: '(0x)?[a-fA-F0-9]+' } },
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
    },
  },
  errors: THING_ERRORS,
} as const satisfies Operation;

export const ATTACH_THING_PRINCIPAL = {
  name: 'AttachThingPrincipal',
  method: 'PUT',
  path: '/things/{thingName}/principals',
  about: 'Lets the holder of a certificate speak for a thing.',
  input: {
    thingName: THING_NAME,
    principal: {
      shape: TEXT,
      in: 'header',
      header: 'x-amzn-principal',
      required: true,
      about: 'certificateArn of the certificate.',
    },
    thingPrincipalType: {
      shape: { type: 'string', oneOf: ['EXCLUSIVE_THING', 'NON_EXCLUSIVE_THING'] },
      in: 'query',
      about: 'Only NON_EXCLUSIVE_THING, the default, is served here.',
    },
  },
  output: { type: 'structure', members: {} },
  errors: [...THING_ERRORS, 'ResourceNotFoundException'],
} as const satisfies Operation;

export const CREATE_THING_GROUP = {
  name: 'CreateThingGroup',
  method: 'POST',
  path: '/thing-groups/{thingGroupName}',
  about: 'Makes a group of things; the same request again succeeds.',
  input: {
    thingGroupName: { shape: NAME, in: 'path', required: true, about: 'Name of the group.' },
    parentGroupName: { shape: NAME, in: 'body', about: 'Group that this one is part of.' },
    thingGroupProperties: {
      shape: {
        type: 'structure',
        members: {
          thingGroupDescription: { shape: { type: 'string', charsMax: 2028, pattern: '[\\p{Graph}\\x20]*' } },
          attributePayload: { shape: ATTRIBUTE_PAYLOAD },
        },
      },
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
