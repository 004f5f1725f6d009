/** Questions of which the quickest counts: the first of them opens a connection, and others may wait behind something. */
const QUESTIONS = 5;

/**
 * How far another clock is ahead of ours, in milliseconds: wrong by half of the quickest answer's time at most.
 *
 * @param ask  resolves to what the other clock shows, in milliseconds
 * @param now  our own clock
 */
export async function clockAhead(ask: () => Promise<number>, now: () => number = Date.now): Promise<number> {
  let quickest = { tookMillis: Number.POSITIVE_INFINITY, aheadMillis: 0 };
  for (let i = 0; i < QUESTIONS; i++) {
    const before = now();
    const theirs = await ask();
    const after = now();
    if (after - before < quickest.tookMillis)
      quickest = { tookMillis: after - before, aheadMillis: theirs - (before + after) / 2 };
  }
  return quickest.aheadMillis;
}
