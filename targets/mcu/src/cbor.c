/* The subset of CBOR in bodies (errand.h; RFC 8949 §3). */
#include "errand.h"

const uint8_t *errand_item_read(const uint8_t *at, const uint8_t *end, struct errand_item *item)
{
    if (at == NULL || at == end)
        return NULL;
    uint8_t first = *at++;
    uint8_t info = first & 31u;
    uint32_t value = info;
    item->major = first >> 5;
    if (info >= 24) {
        uint8_t size = (uint8_t)(1u << (info - 24u)); /* 1, 2 or 4 are taken */
        if (size > 4)
            return NULL;
        value = 0;
        while (size-- > 0) {
            if (at == end)
                return NULL;
            value = value << 8 | *at++;
        }
    }
    item->value = value;
    item->bytes = at;
    if (item->major >= ERRAND_BYTES && item->major <= ERRAND_MAP) {
        if (value > (size_t)(end - at))
            return NULL; /* more bytes, or items, than there are bytes */
        if (item->major <= ERRAND_TEXT)
            at += value;
    }
    return at;
}

const uint8_t *errand_item_skip(const uint8_t *at, const uint8_t *end)
{
    uint32_t left = 1; /* items still to come, whatever they are in */
    do {
        struct errand_item item;
        at = errand_item_read(at, end, &item);
        if (at == NULL)
            break;
        left--;
        if (item.major == ERRAND_ARRAY || item.major == ERRAND_MAP)
            left += item.value;
        if (item.major == ERRAND_MAP)
            left += item.value;
    } while (left > 0);
    return at;
}

bool errand_body_read(const uint8_t *at, const uint8_t *end, struct errand_item items[ERRAND_ITEMS])
{
    struct errand_item item;
    for (uint_fast8_t i = 0; i < ERRAND_ITEMS; i++) {
        items[i].major = ERRAND_UINT;
        items[i].value = 0;
    }
    at = errand_item_read(at, end, &item);
    if (at == NULL || item.major != ERRAND_MAP)
        return false;
    for (uint16_t pairs = (uint16_t)item.value; pairs > 0; pairs--) {
        at = errand_item_read(at, end, &item);
        if (at == NULL || item.major > ERRAND_NINT)
            return false;
        if (item.value < ERRAND_ITEMS && item.major == ERRAND_UINT)
            errand_item_read(at, end, &items[item.value]);
        at = errand_item_skip(at, end);
    }
    return at == end;
}

int32_t errand_item_int(const struct errand_item *item)
{
    return (int32_t)(item->major == ERRAND_NINT ? ~item->value : item->value); /* ~value is -1 - value */
}

void errand_write_init(struct errand_writer *writer, uint8_t *bytes, size_t size)
{
    writer->bytes = bytes;
    writer->size = size;
    writer->used = 0;
}

static void put(struct errand_writer *writer, uint8_t byte)
{
    if (writer->used < writer->size)
        writer->bytes[writer->used] = byte;
    writer->used++;
}

void errand_write_head(struct errand_writer *writer, uint8_t major, uint32_t value)
{
    uint8_t size = value < 24 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
    put(writer, (uint8_t)((unsigned)major << 5 | (size == 0 ? value : 24u + (size >> 1))));
    while (size-- > 0)
        put(writer, (uint8_t)(value >> (8u * size)));
}

void errand_write_int(struct errand_writer *writer, int32_t value)
{
    if (value < 0)
        errand_write_head(writer, ERRAND_NINT, ~(uint32_t)value);
    else
        errand_write_head(writer, ERRAND_UINT, (uint32_t)value);
}

void errand_write_string(struct errand_writer *writer, uint8_t major, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    errand_write_head(writer, major, (uint32_t)size);
    while (size-- > 0)
        put(writer, *from++);
}

void errand_write_pair(struct errand_writer *writer, uint8_t key, uint32_t value)
{
    errand_write_head(writer, ERRAND_UINT, key);
    errand_write_head(writer, ERRAND_UINT, value);
}
