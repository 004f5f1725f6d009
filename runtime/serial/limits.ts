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
/** Times that a device answers HELLO at once and no request, one after another, before the host counts anew. */
export const DEAF_ROUNDS_MAX = 3;
/** HELLOs without an answer before the link is said to be down. */
export const HELLOS_BEFORE_DOWN = 3;

// Jobs over the link.

/** The first pause before a command that runs is asked about again; doubled each time. */
export const POLL_MILLIS_MIN = 20;
export const POLL_MILLIS_MAX = 500;
/** How long a command that runs waits for a device that does not answer, before it is given up. */
export const MISSING_MILLIS_MAX = 60_000;
/** How long a device may be busy with another run (a cancelled one that ends slowly) before the next is given up. */
export const BUSY_MILLIS_MAX = 10_000;
/** How long an image may make no progress: a reset that takes a while, a cable that is out. */
export const STALL_MILLIS_MAX = 300_000;
/** From "the image is whole" to HELLO with its hash. */
export const SWITCH_MILLIS_MAX = 60_000;
/** How often a device that is to restart is asked whether it has. */
export const SWITCH_POLL_MILLIS = 500;
/** The largest image: what the device's library counts (errand.h). */
export const IMAGE_BYTES_MAX = 2 ** 29 - 1;
/** Bytes of an image on their way to a device, however many it asks for: 1.4 s at 115,200 baud. */
export const PULL_BYTES_MAX = 16_384;
/** The fewest bytes of a firmware hash in HELLO that tell one image from another. */
export const FIRMWARE_HASH_BYTES_MIN = 4;

// A line that several devices share.

/** The last address of a device; 255 is all of them. */
export const BUS_ADDRESS_MAX = 246;
/** How long a device may take to begin its answer: its own work, and a USB adapter that holds bytes back for 16 ms. */
export const BUS_ANSWER_MILLIS = 60;
/** How long an answer that has begun may pause. */
export const BUS_SILENCE_MILLIS = 30;
/** Frames that wait for their turn, of all devices together. */
export const BUS_QUEUE_MAX = 1_024;
/** For how long a device that took blocks of an image counts as one that still does: then they go to all at once. */
export const PULLING_MILLIS = 2_000;
