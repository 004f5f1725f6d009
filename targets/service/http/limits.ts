/** Every bound of the HTTPS side, with its unit. */

/**
 * Largest request body, bytes. A CreateJob with the longest document, every character of it escaped (6 bytes each), 100 of
 * the longest targets and its configuration stays below half of it.
 */
export const BODY_BYTES_MAX = 1_048_576;
/** How far the time of a signature may be from ours, in either direction, milliseconds. */
export const CLOCK_SKEW_MILLIS_MAX = 5 * 60_000;
/** How long a whole request may take to arrive, milliseconds. */
export const REQUEST_ARRIVAL_MILLIS_MAX = 30_000;
/** How long a TLS handshake may take, milliseconds. */
export const HANDSHAKE_MILLIS_MAX = 10_000;
/** Most connections at the same time; further ones are closed at once. */
export const CONNECTIONS_MAX = 4_096;
/** How long an idle connection is kept, milliseconds. */
export const KEEP_ALIVE_MILLIS = 72_000;
/** Most headers that a signature may name. */
export const SIGNED_HEADERS_MAX = 64;
