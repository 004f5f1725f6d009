import type { Status } from '../../../runtime/jobs/execution.ts';
import type { Counts } from '../store/jobs.ts';
import type { AbortConfig, RolloutConfig } from './jobConfig.ts';
import { ROLLOUT_PER_MINUTE } from './limits.ts';
import { rank } from './storedExecution.ts';

/**
 * Executions a minute that a job may create now (control-plane §6). The exponential form multiplies its base by the factor
 * once for each multiple of a threshold that was passed; with two thresholds the one further on counts.
 */
export function ratePerMinute(config: RolloutConfig | undefined, counts: Counts): number {
  const maximum = config?.maximumPerMinute ?? ROLLOUT_PER_MINUTE;
  const rate = config?.exponentialRate;
  if (rate === undefined) return maximum;
  const { numberOfNotifiedThings, numberOfSucceededThings } = rate.rateIncreaseCriteria;
  const notified = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const passed = (n: number, threshold: number | undefined) =>
    threshold === undefined ? 0 : Math.floor(n / threshold);
  const steps = Math.max(
    passed(notified, numberOfNotifiedThings),
    passed(countOf(counts, 'SUCCEEDED'), numberOfSucceededThings),
  );
  return Math.max(1, Math.min(maximum, Math.floor(rate.baseRatePerMinute * rate.incrementFactor ** steps)));
}

/** Executions that may be created now (with a fraction that is kept for later), and the start of the slot they are for. */
export interface Bucket {
  tokens: number;
  tokensAtMillis: number;
}

/**
 * Fills the bucket. Time goes in slots: of a second, or of as long as one execution takes where the rate is below 60 a
 * minute. Each slot may use its own share and nothing is saved up, so a pause does not turn into a burst, and the first
 * executions of a job come at once. A slot that is used late moves those behind it where the rate is below 60, so that no
 * minute ever sees more; slots of a second stay where they are, so that the rate is reached, and a minute sees at most one
 * share more.
 */
export function refill(bucket: Bucket, perMinute: number, nowMillis: number): Bucket {
  const { slotMillis, share } = slotOf(perMinute);
  const elapsed = Math.floor((nowMillis - bucket.tokensAtMillis) / slotMillis);
  if (elapsed < 1) return bucket;
  if (elapsed === 1 && slotMillis === SLOT_MILLIS_MIN) {
    return { tokens: (bucket.tokens % 1) + share, tokensAtMillis: bucket.tokensAtMillis + slotMillis };
  }
  return { tokens: share, tokensAtMillis: nowMillis };
}

const SLOT_MILLIS_MIN = 1_000;

/** When the next slot begins. */
export function nextSlotMillis(bucket: Bucket, perMinute: number): number {
  return bucket.tokensAtMillis + slotOf(perMinute).slotMillis;
}

function slotOf(perMinute: number): { slotMillis: number; share: number } {
  if (perMinute >= 60) return { slotMillis: SLOT_MILLIS_MIN, share: perMinute / 60 };
  return { slotMillis: Math.ceil(60_000 / perMinute), share: 1 };
}

/**
 * True when a criterion for abort is met (state-machine §8): of the executions that ended by themselves enough have ended,
 * and too large a part of them badly. CANCELED and REMOVED count on neither side.
 */
export function mustAbort(config: AbortConfig | undefined, counts: Counts): boolean {
  const ended = (['SUCCEEDED', 'FAILED', 'REJECTED', 'TIMED_OUT'] as const).map((status) => countOf(counts, status));
  const executed = ended.reduce((sum, n) => sum + n, 0);
  return (config?.criteriaList ?? []).some(({ failureType, thresholdPercentage, minNumberOfExecutedThings }) => {
    const bad = failureType === 'ALL' ? executed - countOf(counts, 'SUCCEEDED') : countOf(counts, failureType);
    return executed >= minNumberOfExecutedThings && 100 * bad >= thresholdPercentage * executed;
  });
}

/** How many executions are in a status. */
export function countOf(counts: Counts, status: Status): number {
  return counts.get(rank(status)) ?? 0;
}
