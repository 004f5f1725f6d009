/*
 * A board whose commands and firmware come as jobs over its UART. serial.c has the line, firmware.c MCUboot's slots, and
 * ../../examples/commands.c what the board can do; this is the loop between them and the library.
 */
#include "board.h"
#include "commands.h"
#include "firmware.h"
#include "serial.h"

#include <string.h>

#include <zephyr/drivers/gpio.h>
#include <zephyr/drivers/hwinfo.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/reboot.h>
#include <zephyr/sys/util.h>

#define FRAME_BYTES 544
#define WINDOW 4
#define BLOCK_BYTES 512
#define PAGE_BYTES CONFIG_ERRAND_SAMPLE_PAGE_BYTES
#define AT_ONCE 64
#define HASH_SHOWN 8
#define HARDWARE_ID_BYTES 16
#define VERSION_TEXT 32
/* How often a command that goes on is looked after. */
#define REST_MILLISECONDS 10
/* For what the UART itself still holds when it has taken the last byte. */
#define LAST_BYTES_MILLISECONDS 50

BUILD_ASSERT(BLOCK_BYTES + ERRAND_AROUND_BLOCK + ERRAND_AROUND_BODY <= FRAME_BYTES, "a BLOCK fits into a frame");
BUILD_ASSERT(PAGE_BYTES % BLOCK_BYTES == 0, "blocks fill a page");

static uint8_t received[FRAME_BYTES];
static uint8_t replies[(WINDOW + 1) * FRAME_BYTES];
static uint8_t page[PAGE_BYTES];
static uint8_t running_hash[HASH_SHOWN];
static char hardware_id[2 * HARDWARE_ID_BYTES + 1];
static char version[VERSION_TEXT];
static struct errand_link line;
static struct errand_pull pull;
static struct errand_jobs jobs;
static bool switching;

static const struct gpio_dt_spec lamp = GPIO_DT_SPEC_GET_OR(DT_ALIAS(led0), gpios, {0});

uint32_t board_millis(void)
{
    return k_uptime_get_32();
}

bool board_set_pin(int32_t pin, bool high)
{
    return pin == 0 && lamp.port != NULL &&
           gpio_pin_configure_dt(&lamp, high ? GPIO_OUTPUT_ACTIVE : GPIO_OUTPUT_INACTIVE) == 0;
}

/* The hash of what runs, as HELLO shows it: the way an image is verified, over the slot that was booted. */
static void hash_running(void)
{
    pull.size = firmware_bytes();
    pull.offset = pull.size;
    pull.flash_read = firmware_read_running;
    errand_pull_init(&pull);
    while (errand_pull_verify(&pull) == 1)
        continue;
    for (size_t i = 0; i < HASH_SHOWN; i++)
        running_hash[i] = (uint8_t)(pull.state[7 - i / 4] >> (24 - 8 * (i % 4)));
    pull.size = 0;
    pull.flash_read = firmware_read;
}

static void read_hardware_id(void)
{
    uint8_t id[HARDWARE_ID_BYTES];
    ssize_t size = hwinfo_get_device_id(id, sizeof id);
    if (size <= 0 || bin2hex(id, (size_t)size, hardware_id, sizeof hardware_id) == 0)
        strncpy(hardware_id, CONFIG_BOARD, sizeof hardware_id - 1); /* boards of this kind are not told apart */
}

static void init(void)
{
    line.window = WINDOW;
    line.rx = received;
    line.rx_size = sizeof received;
    line.tx = replies;
    line.tx_size = FRAME_BYTES;
    line.boot_id = firmware_boot_id();
    pull.count = PAGE_BYTES / BLOCK_BYTES;
    pull.page = page;
    pull.page_size = sizeof page;
    pull.block_size = BLOCK_BYTES;
    pull.flash_write = firmware_write;
    jobs.pull = &pull;
    hash_running();
    read_hardware_id();
    firmware_version(version, sizeof version);
    errand_link_init(&line);
}

static void say_text(struct errand_writer *writer, uint32_t key, const char *text)
{
    errand_write_head(writer, ERRAND_UINT, key);
    errand_write_string(writer, ERRAND_TEXT, text, strlen(text));
}

/*
 * A new image is confirmed when the bridge has found us: the next one can come the same way. The hash is told only of
 * firmware that stays, and a flash job has succeeded when the bridge has heard it.
 */
static void say_hello(struct errand_writer *writer, bool asked)
{
    if (asked && !firmware_stays())
        firmware_confirm();
    bool stays = firmware_stays();
    errand_write_head(writer, ERRAND_MAP, stays ? 8 : 7);
    errand_write_pair(writer, ERRAND_KEY_VERSION, ERRAND_WIRE_VERSION);
    errand_write_pair(writer, ERRAND_KEY_BOOT_ID, line.boot_id);
    say_text(writer, ERRAND_KEY_HARDWARE_ID, hardware_id);
    errand_write_pair(writer, ERRAND_KEY_FRAME_BYTES, FRAME_BYTES);
    errand_write_pair(writer, ERRAND_KEY_WINDOW, WINDOW);
    say_text(writer, ERRAND_KEY_FIRMWARE_VERSION, version);
    if (stays) {
        errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_FIRMWARE_HASH);
        errand_write_string(writer, ERRAND_BYTES, running_hash, HASH_SHOWN);
    }
    commands_write(writer);
}

static void begin_image(struct errand_writer *writer)
{
    if (jobs.image != 0 || !firmware_fits(pull.size)) {
        pull.size = 0;
        jobs.words = jobs.image != 0 ? "there is no such image" : "there is no room for it";
        errand_jobs_refuse(&jobs, writer);
        return;
    }
    pull.offset = firmware_resume(&pull);
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
        firmware_request();
        switching = true;
        break;
    case ERRAND_JOBS_DONE:
        break;
    }
}

static void take_block(const uint8_t *body, size_t size)
{
    int result = errand_pull_block(&pull, body, size);
    if (result == 1) {
        firmware_remember(pull.offset);
    } else if (result == ERRAND_ERR_FLASH) {
        pull.offset = firmware_again(pull.offset);
        errand_pull_init(&pull);
    }
}

/* Handles the frame that waits; false when none does. */
static bool handle(void)
{
    const uint8_t *body;
    size_t size;
    struct errand_writer writer;
    enum errand_type type = errand_link_frame(&line, &body, &size);
    errand_write_init(&writer, errand_link_room(&line), FRAME_BYTES - ERRAND_AROUND_BODY);
    switch (type) {
    case ERRAND_NOTHING:
        return false;
    case ERRAND_HELLO:
        say_hello(&writer, size > 0);
        break;
    case ERRAND_REQUEST:
        take_request(body, size, &writer);
        break;
    case ERRAND_DATA:
        take_block(body, size);
        break;
    }
    errand_link_answer(&line, type == ERRAND_DATA ? 0 : writer.used);
    return true;
}

/* True when there may be more to move at once. */
static bool move_bytes(void)
{
    uint8_t out[AT_ONCE];
    uint8_t *arrived;
    size_t used = 0;
    size_t room = serial_room();
    if (!switching) { /* another FLASH would take the place of the image that was verified */
        size_t size = serial_received(&arrived);
        used = errand_link_feed(&line, arrived, size);
        serial_took(used);
    }
    size_t left = errand_link_output(&line, out, room < AT_ONCE ? room : AT_ONCE);
    serial_send(out, left);
    return used + left > 0;
}

int main(void)
{
    if (!serial_open() || !firmware_open())
        return -1;
    init();
    for (;;) {
        bool moved = move_bytes();
        if (handle() || moved)
            continue;
        bool verifying = errand_jobs_work(&jobs);
        commands_work(&jobs);
        if (switching && serial_sent()) {
            k_msleep(LAST_BYTES_MILLISECONDS);
            sys_reboot(SYS_REBOOT_COLD);
        }
        serial_rest(verifying ? 0 : REST_MILLISECONDS);
    }
}
