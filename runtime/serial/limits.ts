/** Every bound of the serial link, with its unit. README.md says what follows from the ones on the wire. */

/** The version of the wire format that this link speaks (README.md). */
export const WIRE_VERSION = 1;

/** Bytes of a frame before stuffing that every device takes: what is sent before HELLO told more. */
export const FRAME_BYTES_DEFAULT = 64;
/** The largest frame before stuffing, both ways. */
export const FRAME_BYTES_MAX = 1_024;
/** addr, control and boot before the body, and the checksum behind it. */
export const FRAME_BYTES_AROUND_BODY = 3 + 4;
/** The largest frame once stuffed: one byte more for every 254 begun. */
export const STUFFED_BYTES_MAX = FRAME_BYTES_MAX + Math.ceil(FRAME_BYTES_MAX / 254);
/** Text between frames is cut into lines no longer than this. */
export const LINE_BYTES_MAX = 512;

/** Sequence numbers are 4 bits: a window of 8 needs 16 of them to tell a repeat from the next round. */
export const SEQUENCE_NUMBERS = 16;
/** The most requests in flight to one device. */
export const WINDOW_MAX = 8;
/** Requests that wait for a place in the window, or for a link. */
export const WAITING_REQUESTS_MAX = 32;

/** Containers within one another in a body; the outermost map is the first. */
export const CBOR_DEPTH_MAX = 3;

// How long is waited (milliseconds).

/** The resend timer before anything was measured: one latency timer of a USB adapter each way, and a slow reply. */
export const RESEND_MILLIS_INITIAL = 200;
/** The shortest resend timer: a USB adapter holds bytes back for 16 ms. */
export const RESEND_MILLIS_MIN = 20;
/** The longest resend timer. */
export const RESEND_MILLIS_MAX = 2_000;
/** The longest pause between two HELLOs: how late a device is found that was plugged in and does not announce itself. */
export const HELLO_MILLIS_MAX = 1_000;
/** Resends without an answer before the link asks with HELLO whether the device is still the same. */
export const RESENDS_BEFORE_HELLO = 3;
/** HELLOs without an answer before the link is said to be down. */
export const HELLOS_BEFORE_DOWN = 3;
