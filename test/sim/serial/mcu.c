/*
 * Microcontrollers of simulated worlds: the library as it is, its commands and its flash. One command a line behind the number of
 * the microcontroller, answers as lines, then a line with a dot; a line `go` lets the answers so far out. Time is the world's,
 * milliseconds.
 *
 *   start NOW WINDOW FRAME BOOT      a reset; flash and what is remembered of the image that is pulled survive it
 *   refuse                           the next start is of what ran before, not of the image in flash
 *   feed NOW HEX                     bytes from the wire, maybe none; after it what runs goes on
 *
 *   ran RUN ID                       the command `work` has begun, its first argument ID
 *   done RUN SUCCEEDED               it has ended: 1 well, 0 not
 *   switch                           the image in flash is to be started: the next `start` does
 *   started HEX                      what it found there
 *   wire HEX                         bytes to the host
 *
 * `work ID MILLIS OUTCOME` lasts MILLIS and has the result ID; OUTCOME 1: it fails. So does `work MILLIS OUTCOME MANNER ID`.
 */
#include "errand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 16384
#define FLASH_BYTES 8192
#define PAGE_BYTES 64
#define BLOCK_BYTES 32
#define MCUS_MAX 64

struct mcu {
    struct errand_link link;
    struct errand_pull pull;
    struct errand_jobs jobs;
    uint8_t *rx; /* allocated to their exact size, so that the sanitizer sees one byte too many */
    uint8_t *tx;
    uint8_t page[PAGE_BYTES];
    uint8_t running_hash[8];
    unsigned long now, ends;
    bool fails, switching;
    /* Survives a reset. */
    uint8_t flash[FLASH_BYTES];
    uint8_t kept_hash[ERRAND_HASH_BYTES];
    uint32_t kept_offset, kept_size;
    uint8_t program_hash[8];
};

static void say(const char *word, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    printf("%s ", word);
    for (size_t i = 0; i < size; i++) {
        putchar(digits[bytes[i] >> 4]);
        putchar(digits[bytes[i] & 15]);
    }
    putchar('\n');
}

static int flash_write(void *context, uint32_t offset, const uint8_t *page, uint16_t size)
{
    struct mcu *mcu = context;
    if (offset + size > FLASH_BYTES)
        return -1;
    memcpy(mcu->flash + offset, page, size);
    return 0;
}

static int flash_read(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    memcpy(bytes, ((struct mcu *)context)->flash + offset, size);
    return 0;
}

static void start(struct mcu *mcu, unsigned window, unsigned frame, unsigned long boot)
{
    free(mcu->rx);
    free(mcu->tx);
    mcu->rx = malloc(frame);
    mcu->tx = malloc((size_t)frame * (window + 1));
    memset(&mcu->link, 0, sizeof mcu->link);
    memset(&mcu->jobs, 0, sizeof mcu->jobs);
    memset(&mcu->pull, 0, sizeof mcu->pull);
    mcu->link.rx = mcu->rx;
    mcu->link.tx = mcu->tx;
    mcu->link.rx_size = (uint16_t)frame;
    mcu->link.tx_size = (uint16_t)frame;
    mcu->link.boot_id = (uint32_t)boot;
    mcu->link.window = (uint8_t)window;
    mcu->link.addr = 0;
    mcu->pull.flash_write = flash_write;
    mcu->pull.flash_read = flash_read;
    mcu->pull.context = mcu;
    mcu->pull.page = mcu->page;
    mcu->pull.page_size = PAGE_BYTES;
    mcu->pull.block_size = BLOCK_BYTES;
    mcu->pull.count = 4;
    mcu->jobs.pull = &mcu->pull;
    if (mcu->switching)
        say("started", mcu->flash, mcu->kept_size);
    if (mcu->switching)
        memcpy(mcu->program_hash, mcu->kept_hash, sizeof mcu->program_hash);
    mcu->switching = false;
    errand_link_init(&mcu->link);
}

static void say_hello(struct mcu *mcu, struct errand_writer *writer)
{
    errand_write_head(writer, ERRAND_MAP, 7);
    errand_write_pair(writer, ERRAND_KEY_VERSION, ERRAND_WIRE_VERSION);
    errand_write_pair(writer, ERRAND_KEY_BOOT_ID, mcu->link.boot_id);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_HARDWARE_ID);
    errand_write_string(writer, ERRAND_TEXT, "sim", 3);
    errand_write_pair(writer, ERRAND_KEY_FRAME_BYTES, mcu->link.rx_size);
    errand_write_pair(writer, ERRAND_KEY_WINDOW, mcu->link.window);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_FIRMWARE_HASH);
    errand_write_string(writer, ERRAND_BYTES, mcu->program_hash, sizeof mcu->program_hash);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_COMMANDS);
    errand_write_head(writer, ERRAND_ARRAY, 1);
    errand_write_string(writer, ERRAND_TEXT, "work", 4);
}

static void begin(struct mcu *mcu)
{
    const uint8_t *at = mcu->jobs.args.bytes;
    uint32_t values[4] = {0};
    bool manner = mcu->jobs.args.value == 4;
    struct errand_item item;
    if (mcu->jobs.command.value != 4 || memcmp(mcu->jobs.command.bytes, "work", 4) != 0 || (mcu->jobs.args.value != 3 && !manner)) {
        mcu->jobs.state = ERRAND_STATE_REFUSED;
        return;
    }
    for (uint32_t i = 0; i < mcu->jobs.args.value; i++) {
        at = errand_item_read(at, mcu->jobs.args_end, &item);
        values[(i + manner) % 4] = item.value;
    }
    if (manner)
        values[0] = item.value;
    printf("ran %lu %lu\n", (unsigned long)mcu->jobs.run, (unsigned long)values[0]);
    mcu->jobs.result = (int32_t)values[0];
    mcu->ends = mcu->now + values[1];
    mcu->fails = values[2] == 1;
}

static void end(struct mcu *mcu, bool succeeded)
{
    mcu->jobs.state = succeeded ? ERRAND_STATE_SUCCEEDED : ERRAND_STATE_FAILED;
    mcu->jobs.has_result = true;
    printf("done %lu %d\n", (unsigned long)mcu->jobs.run, succeeded);
}

static void take(struct mcu *mcu, const uint8_t *body, size_t size, struct errand_writer *writer)
{
    switch (errand_jobs_take(&mcu->jobs, body, size, writer)) {
    case ERRAND_JOBS_RUN:
        begin(mcu);
        errand_jobs_write(&mcu->jobs, writer);
        break;
    case ERRAND_JOBS_STOP:
        end(mcu, false);
        errand_jobs_write(&mcu->jobs, writer);
        break;
    case ERRAND_JOBS_FLASH: {
        bool same = mcu->kept_size == mcu->pull.size && memcmp(mcu->kept_hash, mcu->pull.hash, ERRAND_HASH_BYTES) == 0;
        mcu->pull.offset = same ? mcu->kept_offset : 0;
        memcpy(mcu->kept_hash, mcu->pull.hash, ERRAND_HASH_BYTES);
        mcu->kept_size = mcu->pull.size;
        mcu->kept_offset = mcu->pull.offset;
        errand_pull_init(&mcu->pull);
        errand_pull_write(&mcu->pull, writer);
        break;
    }
    case ERRAND_JOBS_SWITCH:
        mcu->switching = true;
        printf("switch\n");
        break;
    case ERRAND_JOBS_DONE:
        break;
    }
}

static bool handle(struct mcu *mcu)
{
    const uint8_t *body;
    size_t size;
    struct errand_writer writer;
    enum errand_type type = errand_link_frame(&mcu->link, &body, &size);
    if (type == ERRAND_NOTHING)
        return false;
    errand_write_init(&writer, errand_link_room(&mcu->link), (size_t)(mcu->link.tx_size - ERRAND_AROUND_BODY));
    if (type == ERRAND_HELLO)
        say_hello(mcu, &writer);
    else if (type == ERRAND_REQUEST)
        take(mcu, body, size, &writer);
    else if (errand_pull_block(&mcu->pull, body, size) == 1)
        mcu->kept_offset = mcu->pull.offset;
    errand_link_answer(&mcu->link, type == ERRAND_DATA ? 0 : writer.used);
    return true;
}

static void work(struct mcu *mcu)
{
    while (errand_jobs_work(&mcu->jobs))
        continue;
    if (mcu->jobs.run != 0 && mcu->jobs.state == ERRAND_STATE_RUNNING && mcu->now >= mcu->ends)
        end(mcu, !mcu->fails);
}

static uint8_t nibble(char digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void feed(struct mcu *mcu, const char *hex)
{
    uint8_t out[LINE_BYTES];
    size_t used;
    work(mcu);
    for (; hex[0] > ' ' && hex[1] > ' ' && !mcu->switching; hex += 2) {
        uint8_t byte = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
        while (errand_link_feed(&mcu->link, &byte, 1) == 0)
            handle(mcu);
        while (handle(mcu))
            continue;
        work(mcu);
    }
    while (handle(mcu))
        continue;
    used = errand_link_output(&mcu->link, out, sizeof out);
    if (used > 0)
        say("wire", out, used);
}

static void wipe(struct mcu *mcu)
{
    memset(mcu->flash, 0, sizeof mcu->flash);
    memset(mcu->kept_hash, 0, sizeof mcu->kept_hash);
    memset(mcu->program_hash, 0, sizeof mcu->program_hash);
    mcu->kept_offset = mcu->kept_size = 0;
    mcu->switching = false;
}

static bool obey(struct mcu *mcu, const char *command)
{
    unsigned window, frame;
    unsigned long boot;
    int at = 0;
    if (sscanf(command, "start %lu %u %u %lu", &mcu->now, &window, &frame, &boot) == 4)
        start(mcu, window, frame, boot);
    else if (strcmp(command, "wipe\n") == 0)
        wipe(mcu);
    else if (strcmp(command, "refuse\n") == 0)
        mcu->switching = false;
    else if (sscanf(command, "feed %lu %n", &mcu->now, &at) == 1)
        feed(mcu, command + at);
    else
        return false;
    printf(".\n");
    return true;
}

int main(void)
{
    static char line[LINE_BYTES];
    static struct mcu mcus[MCUS_MAX];
    static char answers[1 << 20];
    setvbuf(stdout, answers, _IOFBF, sizeof answers);
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned index;
        int at = 0;
        if (strcmp(line, "go\n") == 0)
            fflush(stdout);
        else if (sscanf(line, "%u %n", &index, &at) != 1 || index >= MCUS_MAX || !obey(&mcus[index], line + at))
            return 2;
    }
    for (unsigned i = 0; i < MCUS_MAX; i++) {
        free(mcus[i].rx);
        free(mcus[i].tx);
    }
    return 0;
}
