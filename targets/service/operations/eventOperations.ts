import { FLAG, GROUP_ERRORS, WHEN } from './names.ts';
import type { Operation } from './operation.ts';

/** Which events the service publishes on `$aws/events/...` (spec: control plane §3, events §1). */

/** By kind of event; capital letters as on the wire. */
const EVENT_CONFIGURATIONS = {
  type: 'map',
  key: {
    type: 'string',
    oneOf: [
      'THING',
      'THING_GROUP',
      'THING_TYPE',
      'THING_GROUP_MEMBERSHIP',
      'THING_GROUP_HIERARCHY',
      'THING_TYPE_ASSOCIATION',
      'JOB',
      'JOB_EXECUTION',
      'POLICY',
      'CERTIFICATE',
      'CA_CERTIFICATE',
    ],
  },
  value: { type: 'structure', members: { Enabled: { shape: FLAG } } },
} as const;

/** Every kind of event that the API knows. */
export const EVENT_TYPES = EVENT_CONFIGURATIONS.key.oneOf;

export const UPDATE_EVENT_CONFIGURATIONS = {
  name: 'UpdateEventConfigurations',
  method: 'PATCH',
  path: '/event-configurations',
  about: 'Turns kinds of events on and off; those not named stay as they are.',
  input: {
    eventConfigurations: {
      shape: EVENT_CONFIGURATIONS,
      in: 'body',
      about: 'By kind, JOB and JOB_EXECUTION: {"JOB":{"Enabled":true}}.',
    },
  },
  output: { type: 'structure', members: {} },
  errors: GROUP_ERRORS,
} as const satisfies Operation;

export const DESCRIBE_EVENT_CONFIGURATIONS = {
  name: 'DescribeEventConfigurations',
  method: 'GET',
  path: '/event-configurations',
  about: 'Shows which kinds of events are on.',
  input: {},
  output: {
    type: 'structure',
    members: {
      eventConfigurations: { shape: EVENT_CONFIGURATIONS },
      creationDate: { shape: WHEN },
      lastModifiedDate: { shape: WHEN },
    },
  },
  errors: GROUP_ERRORS.filter((type) => type !== 'InvalidRequestException'),
} as const satisfies Operation;
