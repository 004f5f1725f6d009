import { DATA_OPERATIONS, type DataOperation } from '../dataPlane/operations.ts';
import type { Caller, DataPlane } from '../dataPlane/plane.ts';
import { refusalOf } from '../dataPlane/refusals.ts';
import type { Arrived, HttpAnswer } from '../http/listener.ts';
import { routerOf } from '../http/route.ts';
import type { Log } from '../log.ts';
import { silenceMillisMax } from './limits.ts';
import { choose, type FaultSwitch } from './plan.ts';
import type { RejectedOnDemand } from './rejection.ts';
import { firedLine, type Rule } from './rule.ts';

export interface FaultyPlaneOptions {
  answer: DataPlane['answer'];
  faults: FaultSwitch;
  reject: RejectedOnDemand;
  log: Log;
}

export interface FaultyPlane {
  answer: DataPlane['answer'];
  /** Ends every wait and every silence. */
  end(): void;
}

/** The data plane over HTTPS with the faults that were asked for; while there are none a request goes straight to it. */
export function createFaultyPlane({ answer, faults, reject, log }: FaultyPlaneOptions): FaultyPlane {
  const route = routerOf<DataOperation>(DATA_OPERATIONS);
  const waits = new Set<() => void>();

  /** Resolves after `millis`, at the end of the service, and when the client is gone. */
  function pause(millis: number, { onGone }: Arrived): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        waits.delete(over);
        resolve();
      };
      const timer = setTimeout(over, millis);
      waits.add(over);
      onGone(over);
    });
  }

  /** Says nothing, for so long that any client has given up. */
  function beSilent(arrived: Arrived): undefined {
    void pause(silenceMillisMax, arrived).then(arrived.cut);
    return undefined;
  }

  async function disturbed(
    arrived: Arrived,
    caller: Caller,
    { action }: Rule,
    { operation, thingName, jobId }: { operation: DataOperation['name']; thingName: string; jobId: string | undefined },
  ): Promise<HttpAnswer | undefined> {
    switch (action.do) {
      case 'drop':
        if (action.what === 'answer') await answer(arrived, caller).catch(() => {}); // a refusal is an answer too
        return beSilent(arrived);
      case 'duplicate': {
        const first = await answer(arrived, caller);
        await answer(arrived, caller).catch(() => {}); // the client hears of one
        return first;
      }
      case 'delay':
        await pause(action.millis, arrived);
        return answer(arrived, caller);
      case 'reject': {
        await caller.authorise(thingName, operation);
        throw refusalOf(await reject(thingName, operation, jobId, action.code));
      }
      case 'cut':
        if (action.at === 'before') {
          await answer(arrived, caller).catch(() => {});
          arrived.cut();
          return undefined;
        }
        return cutAfter(action.at === 'after' ? Number.POSITIVE_INFINITY : action.at, await answer(arrived, caller));
      default:
        return answer(arrived, caller);
    }
  }

  return {
    async answer(arrived, caller) {
      const { plan } = faults;
      const found = plan && route(arrived.method, arrived.target.segments);
      if (plan === undefined || found === undefined) return answer(arrived, caller);
      const { name: operation } = found.operation;
      const { thingName = '', jobId } = found.labels;
      const occasion = { plane: 'https', operation, things: [thingName] } as const;
      const rule = choose(plan, occasion);
      if (rule === undefined) return answer(arrived, caller);
      const { message, fields } = firedLine(rule, occasion);
      log('warn', message, fields);
      return disturbed(arrived, caller, rule, { operation, thingName, jobId });
    },
    end() {
      for (const over of waits) over();
    },
  };
}

function cutAfter(cutAfterBytes: number, given: HttpAnswer | undefined): HttpAnswer | undefined {
  return given && { ...given, cutAfterBytes };
}
