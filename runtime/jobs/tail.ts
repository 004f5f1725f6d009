import { withoutSecrets } from './secrets.ts';
import { reportable, tailOf } from './statusDetails.ts';

/** Characters of a program's output that are kept: enough to take secrets out before the last 1024 are reported. */
export const TAIL_CHARS_MAX = 4096;

/** The end of what a program printed on one stream. */
export interface Tail {
  text: string;
  /** Lines begun by the step that runs now. */
  lines: number;
  /** The last character was not a line feed: what comes next goes on in the same line. */
  open: boolean;
}

export const EMPTY_TAIL: Tail = { text: '', lines: 0, open: false };

/** Adds output; what no longer fits is dropped from the front. */
export function addOutput(tail: Tail, text: string): Tail {
  const open = !text.endsWith('\n');
  const begun = text.split('\n').length - Number(tail.open) - Number(!open);
  return text ? { text: (tail.text + text).slice(-TAIL_CHARS_MAX), lines: tail.lines + begun, open } : tail;
}

/** The same tail for the next step: its text stays, its lines are counted from none. */
export function nextStepTail(tail: Tail): Tail {
  return { ...tail, lines: 0, open: false };
}

/** What may be reported of a tail: secrets out, control characters to spaces, at most 1024 characters from the end. */
export function reportTail(tail: Tail): string {
  return tailOf(reportable(withoutSecrets(tail.text)));
}
