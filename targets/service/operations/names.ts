import { JOB_ID_CHARS_MAX, THING_NAME_CHARS_MAX } from '../../../runtime/jobs/limits.ts';
import type { ErrorType } from './errorTypes.ts';

/** Shapes that many operations share, named as in the API model. */

export const TEXT = { type: 'string' } as const;
export const FLAG = { type: 'boolean' } as const;
export const LONG = { type: 'integer' } as const;
export const WHEN = { type: 'timestamp' } as const;

/** ThingName, ThingGroupName, ThingTypeName and BillingGroupName alike. */
export const NAME = {
  type: 'string',
  charsMin: 1,
  charsMax: THING_NAME_CHARS_MAX,
  pattern: '[a-zA-Z0-9:_-]+',
} as const;
export const GROUP_ID = { type: 'string', charsMin: 1, charsMax: 128, pattern: '[a-zA-Z0-9\\-]+' } as const;
export const JOB_ID = { type: 'string', charsMin: 1, charsMax: JOB_ID_CHARS_MAX, pattern: '[a-zA-Z0-9_-]+' } as const;
export const NAMESPACE_ID = { type: 'string', pattern: '[a-zA-Z0-9_-]+' } as const;
/** LaserMaxResults and RegistryMaxResults. */
export const PAGE_SIZE = { type: 'integer', min: 1, max: 250 } as const;

export const ATTRIBUTE_NAME = { type: 'string', charsMax: 128, pattern: '[a-zA-Z0-9_.,@/:#-]+' } as const;
export const ATTRIBUTE_VALUE = { type: 'string', charsMax: 800, pattern: '[a-zA-Z0-9_.,@/:#=\\[\\]-]*' } as const;
export const ATTRIBUTES = { type: 'map', pairsMax: 50, key: ATTRIBUTE_NAME, value: ATTRIBUTE_VALUE } as const;
export const ATTRIBUTE_PAYLOAD = {
  type: 'structure',
  members: { attributes: { shape: ATTRIBUTES }, merge: { shape: FLAG } },
} as const;

export const TAG_KEY = {
  type: 'string',
  charsMin: 1,
  charsMax: 128,
  pattern: '^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$',
} as const;
/** Tags of one resource (AWS General Reference, "Tagging": 50). */
export const TAGS_MAX = 50;
/** TagList; capital letters as on the wire. */
export const TAGS = {
  type: 'list',
  itemsMax: TAGS_MAX,
  of: {
    type: 'structure',
    members: {
      Key: { shape: TAG_KEY, required: true },
      Value: { shape: { type: 'string', charsMin: 0, charsMax: 256 } },
    },
  },
} as const;

/** Errors of every operation on things; those on groups and on jobs have fewer (API model). */
export const THING_ERRORS = [
  'InvalidRequestException',
  'ThrottlingException',
  'UnauthorizedException',
  'InternalFailureException',
  'ServiceUnavailableException',
] as const satisfies readonly ErrorType[];
export const GROUP_ERRORS = [
  'InvalidRequestException',
  'ThrottlingException',
  'InternalFailureException',
] as const satisfies readonly ErrorType[];
export const JOB_ERRORS = [
  'InvalidRequestException',
  'ThrottlingException',
  'ServiceUnavailableException',
] as const satisfies readonly ErrorType[];

export const EXPECTED_VERSION = {
  shape: LONG,
  about: 'Only when it has this version.',
} as const;
export const NEXT_TOKEN = {
  shape: TEXT,
  in: 'query',
  about: 'Where to go on: nextToken of the page before.',
} as const;
export const MAX_RESULTS = {
  shape: PAGE_SIZE,
  in: 'query',
  about: 'Most entries on one page; 250 if not given.',
} as const;
