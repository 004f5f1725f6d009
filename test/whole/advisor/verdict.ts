/**
 * How the pauses between two connects are judged: exponential and with jitter passes, exponential alone or nearly so passes with
 * warnings, linear and constant fail. By which arithmetic Device Advisor tells these apart is not published: the bounds are ours.
 */
export type Verdict = 'PASS' | 'PASS_WITH_WARNINGS' | 'FAIL';

/** From the third one on they are on average so many times as long as the first two, or they do not grow. */
const GROWTH_MIN = 1.5;
/** Pauses that lie as close to a straight line, as a part of their mean, are linear. */
const LINE_MAX = 0.1;
/** Pauses that lie within such a factor of a curve that doubles, triples and so on are exponential without much jitter. */
const CURVE_MAX = 1.25;

/** @param pauses  of one run, in their order, at least five, of any unit */
export function verdictOf(pauses: readonly number[]): Verdict {
  if (pauses.length < 5) throw new RangeError(`${pauses.length} pauses: expected at least 5`);
  if (mean(pauses.slice(2)) < GROWTH_MIN * mean(pauses.slice(0, 2))) return 'FAIL';
  if (distanceFromLine(pauses) < LINE_MAX * mean(pauses)) return 'FAIL';
  return distanceFromLine(pauses.map(Math.log)) < Math.log(CURVE_MAX) ? 'PASS_WITH_WARNINGS' : 'PASS';
}

/** How far the value farthest from it lies from the straight line that fits all best. */
function distanceFromLine(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const centre = mean(values);
  const slope =
    values.reduce((sum, value, at) => sum + (at - middle) * (value - centre), 0) /
    values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return Math.max(...values.map((value, at) => Math.abs(value - centre - slope * (at - middle))));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
