import type { JobsService } from './jobs/service.ts';
import type { Log } from './log.ts';

/** Before a tick that failed is tried again, milliseconds: twice as long each time, up to the second. */
const TICK_RETRY_MILLIS = 1_000;
const TICK_RETRY_MILLIS_MAX = 10_000;
/** The longest that one of Node's timers waits, milliseconds. */
const TIMER_MILLIS_MAX = 2_147_483_647;

export interface Ticking {
  /** Why the last tick failed; undefined: it did not. */
  failure(): string | undefined;
  end(): void;
}

/** The part of the global object that runs timers. */
type Timers = Pick<typeof globalThis, 'setTimeout' | 'clearTimeout'>;

/**
 * Calls `tick` when it is due, and again later when it failed: sooner only where the service says so. Of a row of failures the
 * first is logged, and their end.
 *
 * @param nowMillis  the store's clock, which its ticks go by
 * @param ticked  is told of each: by how much it was late and how long it took, milliseconds
 */
export function keepTicking(
  jobs: Pick<JobsService, 'tick' | 'onDue'>,
  nowMillis: () => number,
  log: Log,
  ticked: (lagMillis: number, tookMillis: number, failed: boolean) => void,
  { setTimeout, clearTimeout }: Timers = globalThis,
): Ticking {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  let failure: string | undefined;
  let failures = 0;
  /** When a tick that failed is tried again; a service that has failed does not know of it. */
  let retryAt = Number.POSITIVE_INFINITY;
  const plan = (atMillis: number) => {
    clearTimeout(timer);
    const at = Math.min(atMillis, retryAt);
    const inMillis = Math.min(Math.max(at - nowMillis(), 0), TIMER_MILLIS_MAX);
    timer = ended ? undefined : setTimeout(() => void tick(at), inMillis);
  };
  const tick = async (dueMillis: number) => {
    const began = nowMillis();
    retryAt = Number.POSITIVE_INFINITY;
    try {
      await jobs.tick();
      if (failures > 0) log('info', `ticks succeed again after ${failures} that failed`);
      failures = 0;
      failure = undefined;
    } catch (error) {
      failure = String(error);
      if (failures === 0) log('error', `a tick failed and is tried again: ${failure}`);
      retryAt = nowMillis() + Math.min(TICK_RETRY_MILLIS * 2 ** failures, TICK_RETRY_MILLIS_MAX);
      failures++;
      plan(retryAt);
    }
    ticked(Math.max(0, began - dueMillis), nowMillis() - began, failure !== undefined);
  };
  jobs.onDue(plan);
  plan(nowMillis());
  return {
    failure: () => failure,
    end: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}
