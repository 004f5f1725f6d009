import { HELD_FOR_DEVICES_MAX, HELD_FOR_OPERATORS_MAX } from './dataPlane/limits.ts';
import { createDataPlane, type DataPlane } from './dataPlane/plane.ts';
import { createFaultyPlane } from './faults/faultyPlane.ts';
import { rejectOnDemand } from './faults/rejection.ts';
import type { Inside } from './inside.ts';
import { failureLog } from './log.ts';

/** The data plane over HTTPS, once for each door: requests that are held open at one take no room from the other. */
export interface Planes {
  /** Without their faults: what is to be told of notifications. */
  all: readonly DataPlane[];
  forDevices: Pick<DataPlane, 'answer'>;
  forOperators: Pick<DataPlane, 'answer'>;
  /** Ends every wait, and holds nothing from now on. */
  end(): void;
}

export function openPlanes({ jobs, faults, log }: Pick<Inside, 'jobs' | 'faults' | 'log'>): Planes {
  const plane = (heldMax: number) => createDataPlane({ ask: jobs.ask, heldMax, onFailure: failureLog(log) });
  const all = [plane(HELD_FOR_DEVICES_MAX), plane(HELD_FOR_OPERATORS_MAX)] as const;
  const reject = rejectOnDemand(jobs.ask);
  const faulty = ({ answer }: DataPlane) => createFaultyPlane({ answer, faults, reject, log });
  const [forDevices, forOperators] = [faulty(all[0]), faulty(all[1])];
  const end = () => {
    for (const one of [...all, forDevices, forOperators]) one.end();
  };
  return { all, forDevices, forOperators, end };
}
