import { STATUS_DETAILS_VALUE_CHARS_MAX } from './limits.ts';
import { withoutSecrets } from './secrets.ts';

/** Characters of a program's output that are kept: enough to take secrets out before the last 1024 are reported. */
const TAIL_CHARS_MAX = 4096;

/** The end of what a program printed on one stream, after it has printed more; what no longer fits is dropped from the front. */
export function addOutput(tail: string, text: string): string {
  return (tail + text).slice(-TAIL_CHARS_MAX);
}

/** How many lines `text` begins. @param before  what came before on the same stream: its last line may go on */
export function linesBegun(before: string, text: string): number {
  return `${before.slice(-1) || '\n'}${text}`.split(/\n(?=.)/s).length - 1;
}

/** What may be reported of a tail: secrets out, then at most 1024 characters from the end. */
export function reportTail(tail: string): string {
  return withoutSecrets(tail).slice(-STATUS_DETAILS_VALUE_CHARS_MAX);
}
