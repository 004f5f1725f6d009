import type { JobsService } from './jobs/service.ts';
import type { Log } from './log.ts';

/** Before a tick that failed is tried again, milliseconds. */
const TICK_RETRY_MILLIS = 1_000;
/** The longest that one of Node's timers waits, milliseconds. */
const TIMER_MILLIS_MAX = 2_147_483_647;

export interface Ticking {
  /** Why the last tick failed; undefined: it did not. */
  failure(): string | undefined;
  end(): void;
}

/**
 * Calls `tick` when it is due, and again a little later when it failed.
 *
 * @param nowMillis  the store's clock, which its ticks go by
 * @param ticked  is told of each: by how much it was late and how long it took, milliseconds
 */
export function keepTicking(
  jobs: Pick<JobsService, 'tick' | 'onDue'>,
  nowMillis: () => number,
  log: Log,
  ticked: (lagMillis: number, tookMillis: number, failed: boolean) => void,
): Ticking {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  let failure: string | undefined;
  const plan = (atMillis: number) => {
    clearTimeout(timer);
    const inMillis = Math.min(Math.max(atMillis - nowMillis(), 0), TIMER_MILLIS_MAX);
    timer = ended ? undefined : setTimeout(() => void tick(atMillis), inMillis);
  };
  const tick = async (dueMillis: number) => {
    const began = nowMillis();
    try {
      await jobs.tick();
      failure = undefined;
    } catch (error) {
      failure = String(error);
      log('error', `a tick failed and is tried again: ${failure}`);
      plan(nowMillis() + TICK_RETRY_MILLIS);
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
