/*
 * libFuzzer over everything that takes bytes from outside. The first byte of an input chooses what the rest is: bytes for
 * the link, where 0xdf is a HELLO and a value above it begins a whole frame with a right checksum, so that what lies behind
 * it is reached too; a body; or blocks of firmware, right ones and others.
 */
#include "body.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES 64

static uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static int no_write(void *context, uint32_t offset, const uint8_t *page, uint16_t size)
{
    (void)context;
    return page[size - 1] == 0x42 && offset % 64 == 0 ? -1 : 0;
}

static int no_read(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    (void)context;
    memset(bytes, (int)(offset & 0xff), size);
    return 0;
}

static void act(struct errand_link *link, struct errand_pull *pull)
{
    const uint8_t *body;
    size_t size;
    struct errand_writer writer;
    enum errand_type type = errand_link_frame(link, &body, &size);
    if (type == ERRAND_NOTHING)
        return;
    errand_write_init(&writer, errand_link_room(link), (size_t)(link->tx_size - ERRAND_AROUND_BODY));
    if (type == ERRAND_DATA)
        errand_pull_block(pull, body, size);
    else
        errand_pull_write(pull, &writer);
    if (is_body(body, size) && errand_item_skip(body, body + size) != body + size)
        abort();
    if (errand_link_answer(link, type == ERRAND_DATA ? 0 : writer.used) != 0)
        errand_link_answer(link, 0);
    errand_pull_verify(pull);
}

static void offer(struct errand_link *link, struct errand_pull *pull, const uint8_t *bytes, size_t size)
{
    uint8_t out[5];
    for (size_t at = 0; at < size;) {
        at += errand_link_feed(link, bytes + at, size - at);
        act(link, pull);
        if (at % 3 == 0)
            errand_link_output(link, out, at % sizeof out);
    }
}

/* Stuffs and closes a frame of `size` bytes as a host would. */
static void offer_frame(struct errand_link *link, struct errand_pull *pull, const uint8_t *bytes, size_t size)
{
    uint8_t frame[FRAME_BYTES], wire[FRAME_BYTES + 3] = {0};
    size_t used = 2, code = 1;
    memcpy(frame, bytes, size);
    frame[2] = (frame[2] & 1) != 0 ? (uint8_t)link->boot : frame[2];
    uint32_t crc = crc32_of(frame, size);
    for (int i = 0; i < 4; i++)
        frame[size + (size_t)i] = (uint8_t)(crc >> 8 * i);
    for (size_t i = 0; i < size + 4; i++) {
        if (frame[i] == 0) {
            wire[code] = (uint8_t)(used - code);
            code = used++;
        } else {
            wire[used++] = frame[i];
        }
    }
    wire[code] = (uint8_t)(used - code);
    wire[used++] = 0;
    offer(link, pull, wire, used);
}

/* Writes again what was read: all writers, and room that is too small. */
static void rewrite(const uint8_t *body, size_t size)
{
    uint8_t again[24];
    struct errand_writer writer;
    struct errand_item item;
    errand_write_init(&writer, again, sizeof again);
    for (const uint8_t *at = body; at != NULL && at != body + size;) {
        at = errand_item_read(at, body + size, &item);
        if (at == NULL)
            break;
        if (item.major == ERRAND_BYTES || item.major == ERRAND_TEXT)
            errand_write_string(&writer, (uint8_t)item.major, item.bytes, item.value);
        else if (item.major == ERRAND_NINT || (item.major == ERRAND_UINT && item.value <= INT32_MAX))
            errand_write_int(&writer, errand_item_int(&item));
        else
            errand_write_head(&writer, (uint8_t)item.major, item.value);
    }
}

static void body(const uint8_t *bytes, size_t size)
{
    errand_item_skip(bytes, bytes + size);
    is_body(bytes, size);
    rewrite(bytes, size);
}

static void blocks(struct errand_pull *pull, const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        uint8_t made[64];
        struct errand_writer writer;
        uint32_t due = pull->size - pull->offset;
        if (due > pull->block_size)
            due = pull->block_size;
        errand_write_init(&writer, made, sizeof made);
        errand_write_head(&writer, ERRAND_MAP, 2);
        errand_write_pair(&writer, ERRAND_KEY_OFFSET, pull->offset + (bytes[at] == 1));
        errand_write_head(&writer, ERRAND_UINT, ERRAND_KEY_BYTES);
        errand_write_string(&writer, ERRAND_BYTES, bytes + at, due < size - at ? due : size - at);
        if (errand_pull_block(pull, made, bytes[at] == 2 ? writer.used - 1 : writer.used) > 0 && bytes[at] == 3)
            errand_pull_init(pull);
        if (bytes[at] > 4)
            errand_pull_verify(pull);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if ((data[0] & 3) == 1) {
        body(data + 1, size - 1);
        return 0;
    }
    uint8_t *rx = malloc(FRAME_BYTES), *tx = malloc(40 * 9), *page = malloc(32);
    struct errand_link link = {.rx = rx, .tx = tx, .rx_size = FRAME_BYTES, .tx_size = 40};
    struct errand_pull pull = {.flash_write = no_write, .flash_read = no_read, .page = page};
    pull.page_size = 32;
    pull.block_size = 8;
    pull.size = data[0] >> 1;
    pull.count = 3;
    link.window = (uint8_t)(1u << (data[0] >> 1 & 3));
    link.addr = data[0] >> 3 & 1;
    errand_link_init(&link);
    errand_pull_init(&pull);
    act(&link, &pull);
    if ((data[0] & 3) == 3)
        blocks(&pull, data + 1, size - 1);
    for (size_t at = 1; at < size && (data[0] & 1) == 0;) {
        size_t frame = data[at] > 0xdf ? (size_t)(data[at] - 0xe0) + 3 : 0;
        if (data[at] == 0xdf) {
            const uint8_t hello[] = {link.addr, 0x01, 0, 0xa1, ERRAND_KEY_HOST, (uint8_t)(at % 3)};
            offer_frame(&link, &pull, hello, sizeof hello);
            at++;
        } else if (frame > 0 && at + 1 + frame <= size) {
            offer_frame(&link, &pull, data + at + 1, frame);
            at += 1 + frame;
        } else {
            offer(&link, &pull, data + at, 1);
            at++;
        }
    }
    free(rx);
    free(tx);
    free(page);
    return 0;
}
