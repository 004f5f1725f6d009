/* Jobs on an Arduino Uno: commands.c has what it can do, and new firmware is pulled into the upper half of its flash. */
#include "commands.h"
#include "flash.h"
#include "keep.h"
#include "uart.h"

#include <avr/interrupt.h>
#include <avr/pgmspace.h>
#include <avr/wdt.h>
#include <string.h>

#ifndef HARDWARE_ID
#define HARDWARE_ID "uno-1"
#endif
#ifndef FIRMWARE
#define FIRMWARE "1"
#endif

#define FRAME_BYTES 96
#define BLOCK_BYTES 64
#define BLOCKS 4
#define HASH_SHOWN 8

_Static_assert(BLOCK_BYTES + ERRAND_AROUND_BLOCK + ERRAND_AROUND_BODY <= FRAME_BYTES, "a BLOCK fits into a frame");
_Static_assert(PAGE_BYTES % BLOCK_BYTES == 0, "blocks fill a page");

extern const uint8_t __data_load_end[]; /* the linker's: the first byte behind the program */

static uint8_t received[FRAME_BYTES];
static uint8_t replies[2 * FRAME_BYTES];
static uint8_t page[PAGE_BYTES];
static uint8_t running_hash[HASH_SHOWN];
static struct errand_link link;
static struct errand_pull pull;
static struct errand_jobs jobs;
static bool switching;

static int write_page(void *context, uint32_t offset, const uint8_t *bytes, uint16_t size)
{
    (void)context;
    if (offset + size > PROGRAM_BYTES)
        return -1;
    flash_write_page((uint16_t)(SLOT + offset), bytes, size);
    return 0;
}

/* `context` is where the image begins: NULL for the program that runs. */
static int read_flash(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    memcpy_P(bytes, (const uint8_t *)context + offset, size);
    return 0;
}

/* The hash of what runs, as HELLO shows it. */
static void hash_program(void)
{
    pull.size = keep_program_bytes((uint16_t)(uintptr_t)__data_load_end);
    pull.offset = pull.size;
    pull.context = NULL;
    errand_pull_init(&pull);
    while (errand_pull_verify(&pull) == 1)
        continue;
    for (uint8_t i = 0; i < HASH_SHOWN; i++)
        running_hash[i] = (uint8_t)(pull.sha.state[i / 4] >> (24 - 8 * (i % 4)));
    pull.size = 0;
}

static void init(void)
{
    link.window = 1;
    link.rx = received;
    link.rx_size = sizeof received;
    link.tx = replies;
    link.tx_size = FRAME_BYTES;
    link.boot_id = keep_count_boot();
    pull.count = BLOCKS;
    pull.page = page;
    pull.page_size = sizeof page;
    pull.block_size = BLOCK_BYTES;
    pull.flash_write = write_page;
    pull.flash_read = read_flash;
    hash_program();
    jobs.pull = &pull;
    errand_link_init(&link);
}

static void say_hello(struct errand_writer *writer)
{
    errand_write_head(writer, ERRAND_MAP, 7);
    errand_write_pair(writer, ERRAND_KEY_VERSION, ERRAND_WIRE_VERSION);
    errand_write_pair(writer, ERRAND_KEY_BOOT_ID, link.boot_id);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_HARDWARE_ID);
    errand_write_string(writer, ERRAND_TEXT, HARDWARE_ID, sizeof HARDWARE_ID - 1);
    errand_write_pair(writer, ERRAND_KEY_FRAME_BYTES, FRAME_BYTES);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_FIRMWARE_VERSION);
    errand_write_string(writer, ERRAND_TEXT, FIRMWARE, sizeof FIRMWARE - 1);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_FIRMWARE_HASH);
    errand_write_string(writer, ERRAND_BYTES, running_hash, HASH_SHOWN);
    commands_write(writer);
}

static void begin_image(struct errand_writer *writer)
{
    if (pull.size > PROGRAM_BYTES || jobs.image != 0) {
        pull.size = 0;
        jobs.words = "an Uno takes one image, of 15360 bytes at most";
        errand_jobs_refuse(&jobs, writer);
        return;
    }
    pull.context = (void *)SLOT;
    pull.offset = keep_image(&pull);
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
        switching = true;
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
            keep_pages((uint8_t)((pull.offset + PAGE_BYTES - 1) / PAGE_BYTES));
        break;
    }
    errand_link_answer(&link, type == ERRAND_DATA ? 0 : writer.used);
    return true;
}

static void move_bytes(void)
{
    uint8_t out[SEND_RING];
    uint8_t size;
    const uint8_t *arrived = uart_peek(&size);
    uart_took((uint8_t)errand_link_feed(&link, arrived, size));
    uart_send(out, (uint8_t)errand_link_output(&link, out, uart_room()));
}

int main(void)
{
    commands_init();
    init();
    uart_init();
    sei();
    for (;;) {
        move_bytes();
        if (handle())
            continue;
        errand_jobs_work(&jobs);
        commands_work(&jobs);
        if (switching && uart_idle() && uart_room() == SEND_RING)
            flash_switch((uint16_t)pull.size);
    }
}
