/*
 * The device's library as a process: one command a line, answers as lines, then a line with a dot.
 *
 *   start WINDOW RX TX BOOT ADDR     a device that has just been reset; its flash is kept
 *   feed HEX                         bytes from the wire: `hello`, `request HEX`, `data HEX` as they are seen, `wire HEX`
 *   check HEX                        a body: `no`, or `ok HEX` written again by the writer
 *   pull SIZE PAGE BLOCK COUNT OFFSET HASH
 *   ask | block HEX | verify | flash the next PULL; a BLOCK; until it is not 1; the image in flash
 *   flip OFFSET                      a bit in flash goes bad
 *   fail N                           the next N writes to flash fail
 *   hold N                           after a feed take N bytes of what is to be sent, no more; 0: all
 *   dropped | random SEED COUNT      rx_dropped; random bytes through link and cbor: `frames N`
 *
 * It answers a REQUEST with its own body; a body that has `2` at key 0 with PULL. A DATA goes to pull.
 */
#include "body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLASH_BYTES (1 << 20)
#define LINE_BYTES 8192

struct device {
    struct errand_link link;
    struct errand_pull pull;
    uint8_t *rx; /* allocated to their exact size, so that the sanitizer sees one byte too many */
    uint8_t *tx;
    uint8_t *page;
    uint8_t *flash;
    long failing;
    size_t hold;
};

static size_t bytes_of(const char *hex, uint8_t *bytes)
{
    size_t size = strspn(hex, "0123456789abcdef") / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (uint8_t)byte;
    }
    return size;
}

static void say(const char *word, const uint8_t *bytes, size_t size)
{
    printf("%s ", word);
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    printf("\n");
}

static void start(struct device *device, unsigned window, unsigned rx, unsigned tx, unsigned long boot, unsigned addr)
{
    free(device->rx);
    free(device->tx);
    device->rx = malloc(rx);
    device->tx = malloc((size_t)tx * (window + 1));
    memset(&device->link, 0, sizeof device->link);
    device->link.rx = device->rx;
    device->link.tx = device->tx;
    device->link.rx_size = (uint16_t)rx;
    device->link.tx_size = (uint16_t)tx;
    device->link.boot_id = (uint32_t)boot;
    device->link.window = (uint8_t)window;
    device->link.addr = (uint8_t)addr;
    errand_link_init(&device->link);
}

static void say_hello(struct device *device, struct errand_writer *writer)
{
    static const char id[] = "test-device";
    errand_write_head(writer, ERRAND_MAP, 5);
    errand_write_pair(writer, ERRAND_KEY_VERSION, ERRAND_WIRE_VERSION);
    errand_write_pair(writer, ERRAND_KEY_BOOT_ID, device->link.boot_id);
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_HARDWARE_ID);
    errand_write_string(writer, ERRAND_TEXT, id, sizeof id - 1);
    errand_write_pair(writer, ERRAND_KEY_FRAME_BYTES, device->link.rx_size);
    errand_write_pair(writer, ERRAND_KEY_WINDOW, device->link.window);
}

/* Handles what waits. False when nothing does. */
static bool handle(struct device *device, bool quiet)
{
    const uint8_t *body;
    size_t size;
    struct errand_writer writer;
    struct errand_item items[ERRAND_ITEMS];
    enum errand_type type = errand_link_frame(&device->link, &body, &size);
    if (type == ERRAND_NOTHING)
        return false;
    errand_write_init(&writer, errand_link_room(&device->link), (size_t)(device->link.tx_size - ERRAND_AROUND_BODY));
    if (type == ERRAND_HELLO) {
        say_hello(device, &writer);
        if (!quiet)
            printf("hello\n");
    } else if (type == ERRAND_REQUEST) {
        if (!quiet)
            say("request", body, size);
        bool whole = errand_body_read(body, body + size, items);
        if (whole && items[ERRAND_KEY_OPERATION].major == ERRAND_UINT && items[ERRAND_KEY_OPERATION].value == ERRAND_PULL) {
            errand_pull_write(&device->pull, &writer);
        } else {
            writer.used = size;
            if (size <= writer.size)
                memcpy(writer.bytes, body, size);
        }
    } else {
        int taken = errand_pull_block(&device->pull, body, size);
        if (!quiet) {
            say("data", body, size);
            if (taken < 0)
                printf("error %d\n", taken);
        }
        writer.used = 0;
    }
    if (errand_link_answer(&device->link, writer.used) != 0) {
        printf("no room for %zu\n", writer.used);
        errand_link_answer(&device->link, 0);
    }
    return true;
}

static void say_wire(struct device *device)
{
    uint8_t out[7]; /* in small portions, as an interrupt takes them */
    size_t left = device->hold > 0 ? device->hold : SIZE_MAX;
    size_t used = errand_link_output(&device->link, out, left < sizeof out ? left : sizeof out);
    if (used == 0)
        return;
    printf("wire ");
    while (used > 0) {
        for (size_t i = 0; i < used; i++)
            printf("%02x", out[i]);
        left -= used;
        used = errand_link_output(&device->link, out, left < sizeof out ? left : sizeof out);
    }
    printf("\n");
}

static void feed(struct device *device, const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (handle(device, false))
        continue;
    while (at < size) {
        at += errand_link_feed(&device->link, bytes + at, size - at);
        handle(device, false);
    }
    say_wire(device);
}

/* Writes the item at `at` again; its parts follow in the order they were read. */
static void rewrite(const uint8_t *at, const uint8_t *end, struct errand_writer *writer)
{
    while (at != end) {
        struct errand_item item;
        at = errand_item_read(at, end, &item);
        if (item.major == ERRAND_BYTES || item.major == ERRAND_TEXT)
            errand_write_string(writer, (uint8_t)item.major, item.bytes, item.value);
        else if (item.major == ERRAND_NINT)
            errand_write_int(writer, errand_item_int(&item));
        else
            errand_write_head(writer, (uint8_t)item.major, item.value);
    }
}

static void check(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1); /* one byte too far is seen */
    uint8_t again[LINE_BYTES];
    struct errand_writer writer;
    memcpy(exact, bytes, size);
    if (is_body(exact, size)) {
        errand_write_init(&writer, again, sizeof again);
        rewrite(exact, exact + size, &writer);
        say("ok", again, writer.used);
    } else {
        printf("no\n");
    }
    free(exact);
}

static int flash_write(void *context, uint32_t offset, const uint8_t *page, uint16_t size)
{
    struct device *device = context;
    if (device->failing > 0) {
        device->failing--;
        memset(device->flash + offset, 0xff, size); /* erased, not written */
        return -1;
    }
    memcpy(device->flash + offset, page, size);
    return 0;
}

static int flash_read(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    memcpy(bytes, ((struct device *)context)->flash + offset, size);
    return 0;
}

static void pull(struct device *device, const char *arguments)
{
    unsigned long size, offset;
    unsigned page, block, count;
    char hash[65] = "";
    if (sscanf(arguments, "%lu %u %u %u %lu %64s", &size, &page, &block, &count, &offset, hash) != 6)
        exit(2);
    free(device->page);
    device->page = malloc(page);
    device->pull = (struct errand_pull){.flash_write = flash_write, .flash_read = flash_read, .context = device};
    device->pull.page = device->page;
    device->pull.page_size = (uint16_t)page;
    device->pull.block_size = (uint16_t)block;
    device->pull.count = (uint8_t)count;
    device->pull.size = (uint32_t)size;
    device->pull.offset = (uint32_t)offset;
    bytes_of(hash, device->pull.hash);
    errand_pull_init(&device->pull);
}

static void ask(struct device *device)
{
    uint8_t bytes[32];
    struct errand_writer writer;
    errand_write_init(&writer, bytes, sizeof bytes);
    errand_pull_write(&device->pull, &writer);
    say("pull", bytes, writer.used);
}

static void verify(struct device *device)
{
    int result = 1;
    for (uint32_t i = 0; result == 1 && i <= device->pull.size / ERRAND_HASH_BLOCK + 2; i++)
        result = errand_pull_verify(&device->pull);
    printf("verified %d\n", result);
}

/* Random bytes into feed and check, mostly short groups and delimiters, so that frames end often. */
static void random_bytes(struct device *device, uint32_t seed, unsigned long count)
{
    uint8_t bytes[96];
    unsigned long frames = 0;
    for (unsigned long round = 0; round < count; round++) {
        size_t size = 0;
        while (size < sizeof bytes) {
            seed = seed * 1664525u + 1013904223u;
            uint8_t byte = (uint8_t)(seed >> 24);
            bytes[size++] = (seed >> 16 & 7u) == 0 ? 0 : (seed >> 19 & 1u) ? byte : byte & 7u;
        }
        uint8_t *exact = malloc(size);
        memcpy(exact, bytes, size);
        is_body(exact, seed >> 8 & 63u);
        free(exact);
        for (size_t at = 0; at < size;) {
            at += errand_link_feed(&device->link, bytes + at, size - at);
            frames += handle(device, true);
        }
        while (errand_link_output(&device->link, bytes, sizeof bytes) > 0)
            continue;
    }
    printf("frames %lu\n", frames);
}

int main(void)
{
    static char line[LINE_BYTES * 2];
    static uint8_t bytes[LINE_BYTES];
    struct device device = {0};
    device.flash = calloc(1, FLASH_BYTES);
    start(&device, 1, 64, 64, 1, 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        unsigned window, rx, tx, addr;
        unsigned long boot, number, count;
        if (sscanf(line, "start %u %u %u %lu %u", &window, &rx, &tx, &boot, &addr) == 5)
            start(&device, window, rx, tx, boot, addr);
        else if (strncmp(line, "feed ", 5) == 0)
            feed(&device, bytes, bytes_of(line + 5, bytes));
        else if (strncmp(line, "check ", 6) == 0)
            check(bytes, bytes_of(line + 6, bytes));
        else if (strncmp(line, "pull ", 5) == 0)
            pull(&device, line + 5);
        else if (strncmp(line, "ask", 3) == 0)
            ask(&device);
        else if (strncmp(line, "block ", 6) == 0)
            printf("taken %d\n", errand_pull_block(&device.pull, bytes, bytes_of(line + 6, bytes)));
        else if (strncmp(line, "verify", 6) == 0)
            verify(&device);
        else if (strncmp(line, "flash", 5) == 0)
            say("flash", device.flash, device.pull.size);
        else if (sscanf(line, "flip %lu", &number) == 1)
            device.flash[number] ^= 1;
        else if (sscanf(line, "fail %lu", &number) == 1)
            device.failing = (long)number;
        else if (sscanf(line, "hold %lu", &number) == 1)
            device.hold = number;
        else if (sscanf(line, "random %lu %lu", &number, &count) == 2)
            random_bytes(&device, (uint32_t)number, count);
        else if (strncmp(line, "dropped", 7) == 0)
            printf("dropped %u\n", (unsigned)device.link.rx_dropped);
        else
            return 2;
        printf(".\n");
        fflush(stdout);
    }
    free(device.rx);
    free(device.tx);
    free(device.page);
    free(device.flash);
    return 0;
}
