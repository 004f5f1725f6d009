import { rulesCharsMax } from '../faults/limits.ts';
import { LONG, TEXT } from './names.ts';
import type { Operation } from './operation.ts';

/**
 * Faults on demand, which AWS does not have: rules by which answers, notifications and connections of devices are disturbed, so
 * that those who build a device can test it. What a rule may say is in the README; `readPlan` checks it.
 */

const ERRORS = ['InvalidRequestException', 'InternalFailureException'] as const;

export const SET_FAULTS = {
  name: 'SetFaults',
  method: 'PUT',
  path: '/errand/faults',
  about: 'Disturbs devices by rules, instead of those before: lost, late, doubled and refused answers.',
  file: 'faults',
  input: {
    faults: {
      shape: { type: 'string', charsMin: 2, charsMax: rulesCharsMax },
      in: 'body',
      required: true,
      about: 'The rules, as the text of a JSON object.',
    },
  },
  errors: ERRORS,
} as const satisfies Operation;

export const GET_FAULTS = {
  name: 'GetFaults',
  method: 'GET',
  path: '/errand/faults',
  about: 'Shows the rules in force, and how often each fitted (seen) and fired.',
  input: {},
  output: {
    type: 'structure',
    members: {
      faults: { shape: TEXT },
      counts: {
        shape: {
          type: 'list',
          of: {
            type: 'structure',
            members: { name: { shape: TEXT }, seen: { shape: LONG }, fired: { shape: LONG } },
          },
        },
      },
    },
  },
  errors: ERRORS,
} as const satisfies Operation;

export const CLEAR_FAULTS = {
  name: 'ClearFaults',
  method: 'DELETE',
  path: '/errand/faults',
  about: 'Ends all faults; what is delayed still comes.',
  input: {},
  errors: ERRORS,
} as const satisfies Operation;
