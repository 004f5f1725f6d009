/*
 * Runs test/vectors/serial.json on the library: frames of a host are taken byte by byte, frames of a device are made,
 * bodies are read and written again. Prints what differs; `N vectors` at the end. Reads just the JSON of that file:
 * lists of flat objects with plain strings and numbers.
 */
#include "body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES 2600

struct row {
    char name[200], from[10], type[10], body[VALUE_BYTES], wire[VALUE_BYTES], hex[VALUE_BYTES];
    long addr, seq, boot;
};

static unsigned failures;

static size_t bytes_of(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (uint8_t)byte;
    }
    return size;
}

static void expect(bool right, const struct row *row, const char *what)
{
    if (right)
        return;
    failures++;
    printf("%s: %s\n", row->name, what);
}

static void link_for(struct errand_link *link, const struct row *row, uint8_t *rx, uint8_t *tx)
{
    *link = (struct errand_link){.rx = rx, .tx = tx, .rx_size = ERRAND_FRAME_MAX, .tx_size = ERRAND_FRAME_MAX};
    link->window = 1;
    link->addr = (uint8_t)(row->addr == ERRAND_ADDR_ALL ? 1 : row->addr);
    errand_link_init(link);
    link->waiting = ERRAND_NOTHING;
    link->host = 1; /* as if that host had said HELLO before */
    link->boot = (uint8_t)row->boot;
    link->expected = (uint8_t)row->seq;
}

static int type_of(const struct row *row)
{
    return strcmp(row->type, "HELLO") == 0 ? ERRAND_HELLO : strcmp(row->type, "REQUEST") == 0 ? ERRAND_REQUEST : ERRAND_DATA;
}

static void run_frame(const struct row *row)
{
    static uint8_t rx[ERRAND_FRAME_MAX], tx[2 * ERRAND_FRAME_MAX], wire[VALUE_BYTES], body[VALUE_BYTES], made[VALUE_BYTES];
    struct errand_link link;
    const uint8_t *got;
    size_t size, used, wire_size = bytes_of(row->wire, wire), body_size = bytes_of(row->body, body);
    link_for(&link, row, rx, tx);
    if (strcmp(row->from, "host") == 0) {
        for (used = 0; used < wire_size; used++)
            errand_link_feed(&link, wire + used, 1);
        expect((int)errand_link_frame(&link, &got, &size) == type_of(row), row, "is not seen as its type");
        expect(size == body_size && memcmp(got, body, size) == 0, row, "has another body");
        return;
    }
    link.waiting = (uint8_t)type_of(row);
    rx[1] = (uint8_t)(type_of(row) << 4 | row->seq);
    memcpy(errand_link_room(&link), body, body_size);
    expect(errand_link_answer(&link, body_size) == 0, row, "finds no room");
    for (used = 0; errand_link_output(&link, made + used, 1) == 1; used++)
        continue;
    expect(used == wire_size && memcmp(made, wire, used) == 0, row, "is written with other bytes");
    errand_link_feed(&link, wire, wire_size);
    expect(errand_link_frame(&link, &got, &size) == ERRAND_NOTHING, row, "is taken, though it comes from a device");
}

static void run_refused(const struct row *row)
{
    static uint8_t rx[ERRAND_FRAME_MAX], tx[2 * ERRAND_FRAME_MAX], wire[VALUE_BYTES];
    struct errand_link link;
    const uint8_t *got;
    size_t size;
    link_for(&link, row, rx, tx);
    errand_link_feed(&link, wire, bytes_of(row->wire, wire));
    expect(errand_link_frame(&link, &got, &size) == ERRAND_NOTHING, row, "is taken");
}

static void run_body(const struct row *row, bool good)
{
    static uint8_t bytes[VALUE_BYTES], again[VALUE_BYTES];
    size_t size = bytes_of(row->hex, bytes);
    struct errand_writer writer;
    expect(is_body(bytes, size) == good, row, good ? "is refused" : "is taken");
    if (!good)
        return;
    errand_write_init(&writer, again, sizeof again);
    for (const uint8_t *at = bytes; at != bytes + size;) {
        struct errand_item item;
        at = errand_item_read(at, bytes + size, &item);
        if (item.major == ERRAND_BYTES || item.major == ERRAND_TEXT)
            errand_write_string(&writer, (uint8_t)item.major, item.bytes, item.value);
        else
            errand_write_head(&writer, (uint8_t)item.major, item.value);
    }
    expect(writer.used == size && memcmp(bytes, again, size) == 0, row, "is written with other bytes");
    for (size_t shorter = 0; shorter < size; shorter++)
        expect(!is_body(bytes, shorter), row, "is taken without its end");
}

/* Outside of the subset, but of a right structure: a device may pass over it. */
static void run_passed(const struct row *row)
{
    static uint8_t bytes[VALUE_BYTES];
    size_t size = bytes_of(row->hex, bytes);
    expect(is_body(bytes, size), row, "is refused, though its parts are whole");
    for (size_t shorter = 0; shorter < size; shorter++)
        expect(!is_body(bytes, shorter), row, "is taken without its end");
}

static void run(const char *section, const struct row *row)
{
    if (strcmp(section, "frames") == 0)
        run_frame(row);
    else if (strcmp(section, "refusedFrames") == 0)
        run_refused(row);
    else if (strcmp(section, "hostRefusedBodies") == 0)
        run_passed(row);
    else
        run_body(row, strcmp(section, "bodies") == 0);
}

static void set(struct row *row, const char *key, const char *value)
{
    char *texts[] = {row->name, row->from, row->type, row->body, row->wire, row->hex};
    size_t sizes[] = {sizeof row->name, sizeof row->from, sizeof row->type, VALUE_BYTES, VALUE_BYTES, VALUE_BYTES};
    const char *keys[] = {"name", "from", "type", "body", "wire", "hex"};
    for (size_t i = 0; i < 6; i++)
        if (strcmp(key, keys[i]) == 0)
            snprintf(texts[i], sizes[i], "%s", value);
    if (strcmp(key, "addr") == 0)
        row->addr = atol(value);
    if (strcmp(key, "seq") == 0)
        row->seq = atol(value);
    if (strcmp(key, "boot") == 0)
        row->boot = atol(value);
}

int main(int argc, char **argv)
{
    static struct row row;
    static char token[VALUE_BYTES], key[40], section[40];
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    unsigned count = 0;
    bool object = false, valued = false;
    int byte;
    if (file == NULL)
        return 2;
    while ((byte = fgetc(file)) != EOF) {
        if (byte == '"' || (byte >= '0' && byte <= '9')) {
            bool text = byte == '"';
            size_t used = 0;
            if (!text)
                token[used++] = (char)byte;
            while ((byte = fgetc(file)) != EOF && (text ? byte != '"' : byte >= '0' && byte <= '9'))
                if (used < sizeof token - 1)
                    token[used++] = (char)byte;
            token[used] = 0;
            if (!text)
                ungetc(byte, file);
            if (valued && object)
                set(&row, key, token);
            else
                snprintf(key, sizeof key, "%.39s", token);
            valued = false;
        } else if (byte == ':') {
            valued = true;
        } else if (byte == '[') {
            snprintf(section, sizeof section, "%s", key);
            valued = false;
        } else if (byte == '{' && section[0] != 0) {
            memset(&row, 0, sizeof row);
            object = true;
        } else if (byte == '}' && object) {
            run(section, &row);
            count++;
            object = false;
        }
    }
    fclose(file);
    printf("%u vectors\n", count);
    return failures == 0 ? 0 : 1;
}
