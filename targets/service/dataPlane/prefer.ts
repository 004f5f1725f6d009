import { WAIT_SECONDS_MAX } from './limits.ts';

/**
 * Reads how long a client lets a request be held open, from its Prefer header (RFC 7240 §2 and §4.3): the first `wait` counts,
 * more than 60 s is taken as 60. What is not understood is a preference that is not honoured, never an error.
 *
 * @param header  such as `respond-async, wait=30`; several headers arrive joined by a comma
 * @returns       1 to 60 seconds; undefined: to be answered at once
 */
export function waitSecondsOf(header: string | string[] | undefined): number | undefined {
  for (const preference of String(header ?? '').split(',')) {
    const [, name = '', value = ''] = /^\s*([^\s=;]*)\s*(?:=\s*([^;]*?)\s*)?(?:;|$)/.exec(preference) ?? [];
    if (name.toLowerCase() !== 'wait') continue;
    const digits = /^"?(\d{1,9})"?$/.exec(value)?.[1];
    const seconds = Math.min(Number(digits ?? 0), WAIT_SECONDS_MAX);
    return seconds > 0 ? seconds : undefined;
  }
  return undefined;
}
