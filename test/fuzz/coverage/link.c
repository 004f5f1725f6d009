/*
 * What the library makes of bytes, for targets/link.ts to compare. A record on stdin: its size (2 bytes, little-endian),
 * then what it is, then the bytes; a record without bytes lets the answers out. A line on stdout for each:
 *
 *   'b', a body     "no", or "yes" and what it is when written again: all of it, keys that come twice as well
 *   'w', a wire     by frame, behind the number of the byte that ended it: "9/0:HOST:BOOT" a HELLO, "9/1:SEQ:HEX" a REQUEST,
 *                   "9/2:HEX" DATA, "9/d" one that was dropped
 */
#include "../../targets/mcu/body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES 1024
#define ANSWER_BYTES 64
#define WINDOW 8
#define BOOT_ID 1000

static void say_hex(const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        putchar(digits[bytes[i] >> 4]);
        putchar(digits[bytes[i] & 15]);
    }
}

static void write_again(struct errand_writer *writer, const struct errand_item *item)
{
    switch (item->major) {
    case ERRAND_BYTES:
    case ERRAND_TEXT:
        errand_write_string(writer, (uint8_t)item->major, item->bytes, item->value);
        break;
    case ERRAND_NINT:
        errand_write_int(writer, errand_item_int(item));
        break;
    default:
        errand_write_head(writer, (uint8_t)item->major, item->value);
    }
}

static void body(const uint8_t *bytes, size_t size)
{
    uint8_t *again = malloc(size + 1);
    struct errand_writer writer;
    struct errand_item item;
    if (!is_body(bytes, size)) {
        printf("no\n");
        free(again);
        return;
    }
    errand_write_init(&writer, again, size);
    for (const uint8_t *at = bytes; at != bytes + size;) {
        at = errand_item_read(at, bytes + size, &item);
        write_again(&writer, &item);
    }
    printf("yes ");
    say_hex(again, writer.used);
    putchar('\n');
    free(again);
}

/* Says the frame that waits, if one does, and lets it go. */
static void say_frame(struct errand_link *link, unsigned at)
{
    const uint8_t *body;
    size_t size;
    struct errand_item items[ERRAND_ITEMS];
    switch (errand_link_frame(link, &body, &size)) {
    case ERRAND_NOTHING:
        return;
    case ERRAND_HELLO:
        errand_body_read(body, body + size, items);
        printf(" %u/0:%lu:%u", at, (unsigned long)items[ERRAND_KEY_HOST].value, link->boot);
        break;
    case ERRAND_REQUEST:
        printf(" %u/1:%u:", at, link->rx[1] & 15u);
        say_hex(body, size);
        break;
    case ERRAND_DATA:
        printf(" %u/2:", at);
        say_hex(body, size);
    }
    errand_link_answer(link, 0);
}

static void wire(const uint8_t *bytes, size_t size)
{
    uint8_t *rx = malloc(FRAME_BYTES), *tx = malloc(ANSWER_BYTES * (WINDOW + 1));
    struct errand_link link = {.rx = rx, .tx = tx, .rx_size = FRAME_BYTES, .tx_size = ANSWER_BYTES};
    link.boot_id = BOOT_ID;
    link.window = WINDOW;
    errand_link_init(&link);
    errand_link_answer(&link, 0);
    printf("w");
    for (size_t i = 0; i < size; i++) {
        uint32_t dropped = link.rx_dropped;
        errand_link_feed(&link, bytes + i, 1);
        if (link.rx_dropped != dropped)
            printf(" %u/d", (unsigned)i);
        say_frame(&link, (unsigned)i);
    }
    putchar('\n');
    free(rx);
    free(tx);
}

int main(void)
{
    static char answers[1 << 20];
    uint8_t head[2];
    setvbuf(stdout, answers, _IOFBF, sizeof answers);
    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t size = (size_t)(head[0] | head[1] << 8);
        if (size == 0) {
            fflush(stdout);
            continue;
        }
        int kind = getchar();
        uint8_t *bytes = malloc(size - 1 > 0 ? size - 1 : 1); /* to its size, so that the sanitizer sees one byte too many */
        if (fread(bytes, 1, size - 1, stdin) != size - 1)
            return 2;
        if (kind == 'b')
            body(bytes, size - 1);
        else
            wire(bytes, size - 1);
        free(bytes);
    }
    return 0;
}
