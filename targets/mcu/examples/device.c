/* A device on a serial line: commands.c has what it can do, board.h what it stands on. New firmware is pulled and started. */
#include "board.h"
#include "commands.h"
#include "board_limits.h"

enum { PROGRAM = 0, DATA = 1 };
#define HASH_SHOWN 8
#define SEND_MAX 32

_Static_assert(BLOCK_BYTES + ERRAND_AROUND_BLOCK + ERRAND_AROUND_BODY <= FRAME_BYTES, "a BLOCK fits into a frame");
_Static_assert(PAGE_BYTES % BLOCK_BYTES == 0, "blocks fill a page");

static uint8_t received[FRAME_BYTES];
static uint8_t replies[(WINDOW + 1) * FRAME_BYTES];
static uint8_t page[PAGE_BYTES];
static uint8_t running_hash[HASH_SHOWN];
static struct errand_link link;
static struct errand_pull pull;
static struct errand_jobs jobs;
static bool switching;

static int write_page(void *context, uint32_t offset, const uint8_t *bytes, uint16_t size)
{
    (void)context;
    return board_write_slot(offset, bytes, size);
}

static int read_slot(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    (void)context;
    board_read_slot(offset, bytes, size);
    return 0;
}

static int read_program(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    (void)context;
    board_read_program(offset, bytes, size);
    return 0;
}

/* The hash of what runs, as HELLO shows it: the way an image is verified, over the program. */
static void hash_program(void)
{
    pull.size = board_program_bytes();
    pull.offset = pull.size;
    pull.flash_read = read_program;
    errand_pull_init(&pull);
    while (errand_pull_verify(&pull) == 1)
        continue;
    for (uint8_t i = 0; i < HASH_SHOWN; i++)
        running_hash[i] = (uint8_t)(pull.state[7 - i / 4] >> (24 - 8 * (i % 4)));
    pull.size = 0;
    pull.flash_read = read_slot;
}

static void init(void)
{
    link.window = WINDOW;
    link.rx = received;
    link.rx_size = sizeof received;
    link.tx = replies;
    link.tx_size = FRAME_BYTES;
    link.boot_id = board_boot_id();
    pull.count = BLOCKS;
    pull.page = page;
    pull.page_size = sizeof page;
    pull.block_size = BLOCK_BYTES;
    pull.flash_write = write_page;
    hash_program();
    jobs.pull = &pull;
    errand_link_init(&link);
}

static void say_hello(struct errand_writer *writer)
{
    errand_write_head(writer, ERRAND_MAP, 8);
    errand_write_pair(writer, ERRAND_KEY_VERSION, ERRAND_WIRE_VERSION);
    errand_write_pair(writer, ERRAND_KEY_BOOT_ID, link.boot_id);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_HARDWARE_ID);
    errand_write_string(writer, ERRAND_TEXT, HARDWARE_ID, sizeof HARDWARE_ID - 1);
    errand_write_pair(writer, ERRAND_KEY_FRAME_BYTES, FRAME_BYTES);
    errand_write_pair(writer, ERRAND_KEY_WINDOW, WINDOW);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_FIRMWARE_VERSION);
    errand_write_string(writer, ERRAND_TEXT, FIRMWARE, sizeof FIRMWARE - 1);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_FIRMWARE_HASH);
    errand_write_string(writer, ERRAND_BYTES, running_hash, HASH_SHOWN);
    commands_write(writer);
}

static void begin_image(struct errand_writer *writer)
{
    if (jobs.image > DATA || pull.size > (jobs.image == PROGRAM ? IMAGE_MAX : DATA_MAX)) {
        pull.size = 0;
        jobs.words = jobs.image > DATA ? "there is no such image" : "there is no room for it";
        errand_jobs_refuse(&jobs, writer);
        return;
    }
    pull.offset = board_resume(&pull);
    errand_pull_init(&pull);
    errand_pull_write(&pull, writer);
}

static void take_request(const uint8_t *body, size_t size, struct errand_writer *writer)
{
    switch (errand_jobs_take(&jobs, body, size, writer)) {
    case ERRAND_JOBS_RUN:
        commands_begin(&jobs);
        errand_jobs_write(&jobs, writer);
        break;
    case ERRAND_JOBS_STOP:
        commands_stop(&jobs);
        errand_jobs_write(&jobs, writer);
        break;
    case ERRAND_JOBS_FLASH:
        begin_image(writer);
        break;
    case ERRAND_JOBS_SWITCH:
        switching = jobs.image == PROGRAM;
        break;
    case ERRAND_JOBS_DONE:
        break;
    }
}

/* Handles the frame that waits; false when none does. */
static bool handle(void)
{
    const uint8_t *body;
    size_t size;
    struct errand_writer writer;
    enum errand_type type = errand_link_frame(&link, &body, &size);
    errand_write_init(&writer, errand_link_room(&link), FRAME_BYTES - ERRAND_AROUND_BODY);
    switch (type) {
    case ERRAND_NOTHING:
        return false;
    case ERRAND_HELLO:
        say_hello(&writer);
        break;
    case ERRAND_REQUEST:
        take_request(body, size, &writer);
        break;
    case ERRAND_DATA:
        if (errand_pull_block(&pull, body, size) == 1)
            board_remember(pull.offset);
        break;
    }
    errand_link_answer(&link, type == ERRAND_DATA ? 0 : writer.used);
    return true;
}

static void move_bytes(void)
{
    uint8_t out[SEND_MAX];
    uint8_t size;
    uint8_t used = 0;
    int byte;
    const uint8_t *arrived = board_received(&size);
    /* Not when switching: another FLASH would take the place of the image that was verified. */
    while (!switching && used < size && errand_link_take(&link, arrived[used]))
        used++;
    board_took(used);
    size = board_room();
    for (used = 0; used < size && used < SEND_MAX && (byte = errand_link_give(&link)) >= 0; used++)
        out[used] = (uint8_t)byte;
    board_send(out, used);
}

int main(void)
{
    board_init();
    init();
    for (;;) {
        move_bytes();
        if (handle())
            continue;
        bool verifying = errand_jobs_work(&jobs);
        commands_work(&jobs);
        if (switching && board_sent())
            board_switch(pull.size);
        if (!verifying)
            board_rest();
    }
}
