/** Between two reports of progress. */
export const PROGRESS_MILLIS = 5_000;
/** Longest line between the agent and a handler's process, characters: a document is the longest. */
export const LINE_CHARS_MAX = 262_144;
/** Longest reason of a failure, characters. */
export const REASON_CHARS_MAX = 1_000;
/** Of a failure's trace, which is printed on stderr: what lies above the handler is of no use to its author. */
export const STACK_LINES_MAX = 5;
/** How long a handler's process lives on without its agent: as long as after SIGTERM. */
export const ORPHAN_MILLIS_MAX = 700;
