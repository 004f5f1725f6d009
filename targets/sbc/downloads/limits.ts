/** How long a server may say nothing in the middle of a download. */
export const SILENCE_MILLIS_MAX = 60_000;
/** Pauses between two tries of which neither brought a byte, and how many there are. */
export const PAUSE_MILLIS_MIN = 1_000;
export const PAUSE_MILLIS_MAX = 60_000;
export const TRIES_MAX = 10;
export const REDIRECTS_MAX = 5;
/** Between two reports of progress. */
export const PROGRESS_MILLIS = 5_000;
/** What is read at once of a file that is checked. */
export const READ_BYTES = 65_536;
