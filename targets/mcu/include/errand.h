/*
 * Errand for microcontrollers: jobs over a serial line, C99.
 *
 * The caller owns all memory and the pace. Nothing here allocates, blocks, recurses, calls back (but for the two flash
 * functions) or keeps anything outside the structures it is given. Sizes are results; errors are negative and named.
 * Call everything from one context, the main loop: a UART interrupt only moves bytes between the hardware and two
 * rings of the caller.
 *
 *     for (;;) {
 *         at += errand_link_feed(&link, ring + at, arrived - at);    what the interrupt collected
 *         type = errand_link_frame(&link, &body, &size);
 *         if (type == ERRAND_HELLO || type == ERRAND_REQUEST) {
 *             errand_write_init(&writer, errand_link_room(&link), link.tx_size - ERRAND_AROUND_BODY);
 *             ... read the body, act, write the answer ...
 *             errand_link_answer(&link, writer.used);
 *         } else if (type == ERRAND_DATA) {
 *             ... errand_pull_block(&pull, body, size) ...
 *             errand_link_answer(&link, 0);
 *         }
 *         sent = errand_link_output(&link, out, room);               to the interrupt that sends
 *     }
 *
 * runtime/serial/README.md is the reference of the wire; both sides are tested with test/vectors/serial.json.
 */
#ifndef ERRAND_H
#define ERRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the wire format: key 0 of HELLO. */
#define ERRAND_WIRE_VERSION 1

/* Results below zero. */
enum {
    ERRAND_ERR_ROOM = -1,  /* more bytes than the buffer holds */
    ERRAND_ERR_BODY = -2,  /* not the CBOR that was expected */
    ERRAND_ERR_FLASH = -3, /* the caller's flash function failed */
    ERRAND_ERR_HASH = -4   /* the image is another one than was announced */
};

/* ---- link.c: frames ------------------------------------------------------------------------------------------ */

/*
 * A frame, between two 0x00 bytes and byte-stuffed (COBS):
 *
 *     0      1                    2      3      n-4     n
 *     +------+--------------------+------+------+-------+
 *     | addr | dir:1 type:3 seq:4 | boot | body | crc32 |    crc32: little-endian, of all before it
 *     +------+--------------------+------+------+-------+
 *
 * dir is 1 in frames of a device. boot: what the device chose; it takes no REQUEST or DATA with another one.
 */
#define ERRAND_AROUND_BODY 7
#define ERRAND_FRAME_MIN 64   /* the least rx_size: what a host may send before it knows more */
#define ERRAND_FRAME_MAX 1024
#define ERRAND_WINDOW_MAX 8
#define ERRAND_ADDR_SINGLE 0  /* the only device on its line */
#define ERRAND_ADDR_ALL 255   /* DATA for all of a bus */

/* What waits in the link. */
enum errand_type {
    ERRAND_HELLO = 0,   /* say who you are: answer with a body of the keys below */
    ERRAND_REQUEST = 1, /* seen for the first time; answer it now, work that takes longer is asked about again */
    ERRAND_DATA = 2,    /* may be doubled; errand_link_answer(link, 0) lets it go, nothing is sent */
    ERRAND_NOTHING = 255
};

/* Keys of a device's HELLO; others are free from 32 on. */
enum {
    ERRAND_KEY_VERSION = 0,
    ERRAND_KEY_HOST = 1, /* of the host's HELLO */
    ERRAND_KEY_BOOT_ID = 2,
    ERRAND_KEY_HARDWARE_ID = 3,
    ERRAND_KEY_FRAME_BYTES = 4, /* rx_size */
    ERRAND_KEY_WINDOW = 5,
    ERRAND_KEY_FIRMWARE_VERSION = 6,
    ERRAND_KEY_FIRMWARE_HASH = 7,
    ERRAND_KEY_COMMANDS = 16 /* array of texts: what RUN may name */
};

/*
 * 0 from end to end, as static memory is; set what is to be set, then errand_link_init. Bytes come first: a Cortex-M0
 * reaches them with one short instruction there only.
 */
struct errand_link {
    /* Set these and the ones below. */
    uint8_t window; /* 1, 2, 4 or 8 requests in flight; each costs one kept reply */
    uint8_t addr;   /* 0, or 1..246 on a bus */

    /* The link's own. */
    uint8_t waiting;
    uint8_t expected; /* of its last four bits */
    uint8_t rx_run;
    bool rx_full;
    uint8_t sending;
    uint8_t tx_run;
    bool tx_full;
    uint16_t boot;
    uint16_t rx_used;
    uint16_t tx_at;
    uint16_t tx_end;

    /* Read this: frames lost to length or checksum since errand_link_init; begins again after 65535. */
    uint16_t rx_dropped;

    /* Set these too. */
    uint16_t rx_size; /* ERRAND_FRAME_MIN..ERRAND_FRAME_MAX */
    uint16_t tx_size; /* the largest frame sent, ERRAND_AROUND_BODY bytes around the body included */
    uint8_t *rx;      /* rx_size bytes: the frame that arrives */
    uint8_t *tx;      /* tx_size * (window + 1) bytes: the last replies, kept, and one HELLO */
    uint32_t boot_id; /* another one after each reset: best a counter that survives it */

    /* The link's own. */
    uint32_t host;
    int16_t kept[ERRAND_WINDOW_MAX + 1]; /* sizes; below 0: to be sent */
};

/* Starts a link. On a line of its own a HELLO waits at once: answering it announces the reset to the host. */
void errand_link_init(struct errand_link *link);

/* Takes the bytes as they come. False: a frame waits and the byte was not taken; handle the frame, then offer it again. */
bool errand_link_take(struct errand_link *link, uint8_t byte);

/* The same for a portion: returns how many it used. Fewer than size means that a frame waits. */
static inline size_t errand_link_feed(struct errand_link *link, const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size && errand_link_take(link, bytes[used]))
        used++;
    return used;
}

/* Which frame waits, and if one does, its body, which stays where it is until errand_link_answer. */
enum errand_type errand_link_frame(const struct errand_link *link, const uint8_t **body, size_t *size);

/* Where to write the answer's body: tx_size - ERRAND_AROUND_BODY bytes. */
uint8_t *errand_link_room(const struct errand_link *link);

/* Answers the frame that waits with `size` bytes of that room and lets it go. 0, or ERRAND_ERR_ROOM and it still waits. */
int errand_link_answer(struct errand_link *link, size_t size);

/*
 * The next byte for the wire; -1 when there is nothing to send. Print text of your own only after it has returned -1 and
 * what it gave before is sent.
 */
int errand_link_give(struct errand_link *link);

/* The same for up to `size` bytes: returns how many there were. */
static inline size_t errand_link_output(struct errand_link *link, uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        int byte = errand_link_give(link);
        if (byte < 0)
            break;
        bytes[used++] = (uint8_t)byte;
    }
    return used;
}

/* ---- cbor.c: bodies ------------------------------------------------------------------------------------------ */

/*
 * A body is one map, of 32767 bytes at most: integer keys; integers -2^31..2^32-1, byte strings, text, booleans, arrays, maps; definite
 * lengths; at most ERRAND_DEPTH_MAX containers within one another. The device keeps to that when it writes. When it reads it sees to
 * the structure, so that nothing is read outside of a body; what else a host must not send (deeper nesting, null, floats of up to 4
 * bytes, integers below -2^31) it passes over, or hands on as ERRAND_BOOL or a number.
 */
#define ERRAND_DEPTH_MAX 3

enum errand_major {
    ERRAND_UINT = 0, /* value */
    ERRAND_NINT = 1, /* -1 - value; errand_item_int gives both */
    ERRAND_BYTES = 2,
    ERRAND_TEXT = 3, /* value bytes at `bytes`, no 0 behind them */
    ERRAND_ARRAY = 4,
    ERRAND_MAP = 5, /* value items (pairs of a map) from `bytes` on */
    ERRAND_BOOL = 7 /* ERRAND_FALSE or ERRAND_TRUE */
};

enum { ERRAND_FALSE = 20, ERRAND_TRUE = 21 };

struct errand_item {
    const uint8_t *bytes;
    uint32_t value;
    uint_fast8_t major;
};

/*
 * Reads the item that begins at `at`. Returns where the next one begins, which for an array or map is the first in it;
 * NULL when the item is cut off by `end` or outside the subset. NULL in is NULL out.
 */
const uint8_t *errand_item_read(const uint8_t *at, const uint8_t *end, struct errand_item *item);

/* The begin of the item behind the one at `at` and all that is in it; NULL as above. */
const uint8_t *errand_item_skip(const uint8_t *at, const uint8_t *end);

/* The keys that the library's own bodies have: 0..3. */
#define ERRAND_ITEMS 4

/*
 * Reads the values of the keys 0..3 of a body; one that is missing is ERRAND_UINT of value 0, of equal keys the last counts. False when
 * the body is not whole, to its last byte: to be asked before anything is done.
 */
bool errand_body_read(const uint8_t *at, const uint8_t *end, struct errand_item items[ERRAND_ITEMS]);

/* The value of an integer up to 2^31-1. */
int32_t errand_item_int(const struct errand_item *item);

/* A writer out of room keeps counting instead of writing: `used > size` at the end tells, and how much was missing. */
struct errand_writer {
    uint8_t *bytes;
    size_t size;
    size_t used;
};

void errand_write_init(struct errand_writer *writer, uint8_t *bytes, size_t size);
/* Integers from 0 on, booleans, and the heads of arrays and maps: their items follow. `major`: enum errand_major. */
void errand_write_head(struct errand_writer *writer, uint8_t major, uint32_t value);
void errand_write_int(struct errand_writer *writer, int32_t value);
/* ERRAND_BYTES or ERRAND_TEXT. */
void errand_write_string(struct errand_writer *writer, uint8_t major, const void *bytes, size_t size);
/* A key and an integer from 0 on. */
void errand_write_pair(struct errand_writer *writer, uint8_t key, uint32_t value);

/* ---- pull.c, verify.c: firmware ---------------------------------------------------------------------------------------- */

/*
 * An image arrives in blocks that the device asks for. Answer each question of the host with the body that
 * errand_pull_write makes, and hand each BLOCK to errand_pull_block: nothing else is needed, what is lost is asked for
 * again. Offsets count from the begin of the image.
 *
 * To go on after a reset, keep hash and `offset` where they survive whenever a page was written (the result 1), and
 * set `offset` to that before errand_pull_init; 0 for another image.
 */
#define ERRAND_HASH_BYTES 32
#define ERRAND_HASH_BLOCK 64

struct errand_pull {
    /* Set these, then errand_pull_init. */
    uint8_t count;       /* blocks sent before the host asks again */
    uint16_t page_size;  /* of flash */
    uint16_t block_size; /* divides page_size; fits rx_size - ERRAND_AROUND_BODY - ERRAND_AROUND_BLOCK */
    uint32_t size;       /* of the image, below 2^29 bytes */
    uint32_t offset;     /* everything before it is in flash: what to go on with */
    uint8_t *page;       /* page_size bytes */
    /* Erases and writes one page; the last one of an image may be shorter. May be called again for the same offset. */
    int (*flash_write)(void *context, uint32_t offset, const uint8_t *page, uint16_t size);
    /* Reads up to 64 bytes, or none at all. Of both, a result below 0 is a failure. */
    int (*flash_read)(void *context, uint32_t offset, uint8_t *bytes, uint16_t size);
    void *context;
    uint8_t hash[ERRAND_HASH_BYTES]; /* SHA-256 of the image */

    /* The rest is its own. */
    uint16_t page_used;
    uint32_t hashed;
    uint32_t state[ERRAND_HASH_BYTES / 4]; /* of the hash, its words from last to first */
};

/* The most that a BLOCK has around its bytes: map, two keys, offset and length. */
#define ERRAND_AROUND_BLOCK 11

enum {
    ERRAND_KEY_OFFSET = 1,
    ERRAND_KEY_LENGTH = 2, /* of PULL */
    ERRAND_KEY_COUNT = 3,
    ERRAND_KEY_BYTES = 2 /* of BLOCK */
};

/* Begins, or goes on at `offset`. */
void errand_pull_init(struct errand_pull *pull);

/* Writes what to ask for now, as a PULL map of three pairs; its count is 0 when all is here. */
void errand_pull_write(const struct errand_pull *pull, struct errand_writer *writer);

/*
 * Takes the body of a BLOCK. 0: taken, or not the one that is due and passed over; 1: a page was written, all before
 * `offset` is in flash; ERRAND_ERR_BODY; ERRAND_ERR_FLASH: the page was not written and its blocks will be asked for again.
 */
int errand_pull_block(struct errand_pull *pull, const uint8_t *body, size_t size);

/*
 * Reads 64 bytes back from flash and hashes them, so that the loop stays short. 1: call again; 0: the whole image is
 * in flash and is the announced one; ERRAND_ERR_HASH: it is not, `offset` is 0 again; ERRAND_ERR_FLASH; 1 too while
 * blocks are missing.
 */
int errand_pull_verify(struct errand_pull *pull);

/* ---- jobs.c: commands and firmware, as the host asks for them -------------------------------------------------- */

/*
 * Hand each REQUEST to errand_jobs_take. What it can answer alone it has answered; what is the caller's it names:
 *
 *     switch (errand_jobs_take(&jobs, body, size, &writer)) {
 *     case ERRAND_JOBS_RUN:    find jobs.command among your commands and start it with jobs.args, or set
 *                              jobs.state = ERRAND_STATE_REFUSED; then errand_jobs_write(&jobs, &writer);   break;
 *     case ERRAND_JOBS_STOP:   end what runs, set jobs.state; then errand_jobs_write(&jobs, &writer);       break;
 *     case ERRAND_JOBS_FLASH:  jobs.image, pull.size and pull.hash are another image's: look whether a reset cut it
 *                              off (then set pull.offset), errand_pull_init, errand_pull_write(&pull, &writer);
 *                              or jobs.words = "why not", errand_jobs_refuse(&jobs, &writer);               break;
 *     case ERRAND_JOBS_SWITCH: the image is whole: feed the link nothing more, and start the image once the answer
 *                              has left; another FLASH in between would take its place;                     break;
 *     case ERRAND_JOBS_DONE:   nothing;                                                                     break;
 *     }
 *     errand_link_answer(&link, writer.used);
 *
 * A command that takes longer leaves jobs.state at ERRAND_STATE_RUNNING and sets it to another one when it ends. Call
 * errand_jobs_work in each round of the loop: it verifies an image that is here, 64 bytes a call.
 */
enum errand_operation {
    ERRAND_PING = 0,
    ERRAND_RUN = 1,
    ERRAND_PULL = 2,
    ERRAND_STATUS = 3,
    ERRAND_STOP = 4,
    ERRAND_FLASH = 5,
    ERRAND_SWITCH = 6
};

enum errand_state {
    ERRAND_STATE_RUNNING = 0,
    ERRAND_STATE_SUCCEEDED = 1,
    ERRAND_STATE_FAILED = 2,
    ERRAND_STATE_UNKNOWN = 3,
    ERRAND_STATE_BUSY = 4,
    ERRAND_STATE_REFUSED = 5
};

/* Keys of a request and of its answer, STATE. */
enum {
    ERRAND_KEY_OPERATION = 0,
    ERRAND_KEY_RUN = 1,
    ERRAND_KEY_COMMAND = 2,
    ERRAND_KEY_ARGUMENTS = 3,
    ERRAND_KEY_SIZE = 1,
    ERRAND_KEY_HASH = 2,
    ERRAND_KEY_IMAGE = 3,
    ERRAND_KEY_STATE = 0,
    ERRAND_KEY_PROGRESS = 1,
    ERRAND_KEY_WORDS = 2,
    ERRAND_KEY_RESULT = 3
};

enum errand_jobs_wish {
    ERRAND_JOBS_DONE,
    ERRAND_JOBS_RUN,
    ERRAND_JOBS_STOP,
    ERRAND_JOBS_FLASH,
    ERRAND_JOBS_SWITCH
};

/* 0 from end to end, as static memory is; then set `pull`. */
struct errand_jobs {
    uint8_t image;    /* of the last FLASH */
    uint8_t verified; /* its own: what SWITCH is answered with */

    /* Of the last run; set by the caller, told by errand_jobs_write. */
    uint8_t state;     /* enum errand_state */
    uint8_t progress;  /* percent, told while it runs */
    bool has_result;

    struct errand_pull *pull; /* NULL when there is no firmware to pull */
    int32_t result;           /* told when it has ended, if has_result */
    const char *words;        /* told with it; NULL: none */

    /* Of the request that waits, until it is answered. */
    struct errand_item command; /* ERRAND_TEXT */
    struct errand_item args;    /* ERRAND_ARRAY; of value 0 when there are none */
    const uint8_t *args_end;    /* the end of the body: for errand_item_read from args.bytes on */

    uint32_t run; /* its own: the number of the last run */
};

/* Takes the body of a REQUEST; the writer is at the begin of the answer. Bodies that are broken are refused. */
enum errand_jobs_wish errand_jobs_take(struct errand_jobs *jobs, const uint8_t *body, size_t size,
                                       struct errand_writer *writer);
/* The state of the last run as an answer. */
void errand_jobs_write(const struct errand_jobs *jobs, struct errand_writer *writer);
/* "No" to FLASH, with jobs->words; the last run keeps its state. */
void errand_jobs_refuse(const struct errand_jobs *jobs, struct errand_writer *writer);
/* True while there is more to verify. */
bool errand_jobs_work(struct errand_jobs *jobs);

#ifdef __cplusplus
}
#endif

#endif
