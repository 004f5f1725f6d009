import type { SET_FAULTS } from '../operations/faultOperations.ts';
import type { InputOf } from '../operations/operation.ts';
import { invalidRequest } from '../operations/refusals.ts';
import type { FaultSwitch } from './plan.ts';
import { PlanFault, readPlan } from './readPlan.ts';

/** The operations by which the faults of a running service are changed. */
export function faultHandlers(faults: FaultSwitch) {
  return {
    SetFaults: async ({ faults: text }: InputOf<typeof SET_FAULTS>) => {
      try {
        faults.plan = readPlan(text);
      } catch (error) {
        if (error instanceof PlanFault) throw invalidRequest(error.message);
        throw error;
      }
      return undefined;
    },
    GetFaults: async () => ({
      ...(faults.plan && { faults: faults.plan.text }),
      counts: (faults.plan?.rules ?? []).map(({ rule: { name }, seen, fired }) => ({ name, seen, fired })),
    }),
    ClearFaults: async () => {
      faults.plan = undefined;
      return undefined;
    },
  };
}
