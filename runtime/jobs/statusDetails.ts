import { STATUS_DETAILS_KEY_CHARS_MAX, STATUS_DETAILS_PAIRS_MAX, STATUS_DETAILS_VALUE_CHARS_MAX } from './limits.ts';

/** The flat map a device reports with a status: up to 10 pairs, string to string (API model, DetailsMap). */
export type StatusDetails = Readonly<Record<string, string>>;

/**
 * Control characters other than TAB, LF and CR, lone surrogates, and code points that never are characters. AWS's model
 * refuses every control character, yet its own device client stores values that end in a line feed, so those three pass.
 */
const REFUSED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters being refused
  /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]/gu;

/**
 * Checks a `statusDetails` member that came from outside.
 *
 * @returns `details`, numbers and booleans turned to text (an old AWS agent sends `uptime` as a number), undefined for
 *          absent or null; or `fault`, one sentence, when it is anything else
 */
export function parseStatusDetails(value: unknown): { details?: StatusDetails; fault?: string } {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    return { fault: "Value at 'statusDetails' must be a map of strings" };
  const pairs = Object.entries(value);
  if (pairs.length > STATUS_DETAILS_PAIRS_MAX) {
    return {
      fault: `Value at 'statusDetails' has ${pairs.length} pairs: at most ${STATUS_DETAILS_PAIRS_MAX} are allowed`,
    };
  }
  const details: [string, string][] = [];
  for (const [key, given] of pairs) {
    const fault = keyFault(key) ?? valueFault(key, given);
    if (fault !== undefined) return { fault };
    details.push([key, String(given)]);
  }
  return { details: Object.fromEntries(details) };
}

function keyFault(key: string): string | undefined {
  if (key.length >= 1 && key.length <= STATUS_DETAILS_KEY_CHARS_MAX && /^[a-zA-Z0-9:_-]+$/.test(key)) return undefined;
  return `Key '${key.slice(0, 40)}' in 'statusDetails' must be 1 to ${STATUS_DETAILS_KEY_CHARS_MAX} of a-z A-Z 0-9 : _ -`;
}

function valueFault(key: string, value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return undefined;
  if (typeof value !== 'string') return `Value of '${key}' in 'statusDetails' must be a string`;
  if (value.length < 1 || codePoints(value) > STATUS_DETAILS_VALUE_CHARS_MAX) {
    return `Value of '${key}' in 'statusDetails' must have 1 to ${STATUS_DETAILS_VALUE_CHARS_MAX} characters`;
  }
  return value.search(REFUSED) >= 0 ? `Value of '${key}' in 'statusDetails' has a control character` : undefined;
}

function codePoints(text: string): number {
  if (text.length <= STATUS_DETAILS_VALUE_CHARS_MAX) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** `text` with everything that a value may not hold turned into a space: what a program printed, made reportable. */
export function reportable(text: string): string {
  return text.replace(REFUSED, ' ');
}
