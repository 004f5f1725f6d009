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
    if (item->major == ERRAND_BOOL) {
        value = info - 20u; /* 0xf4 false, 0xf5 true */
        if (value > 1)
            return NULL;
    } else if (item->major > ERRAND_MAP || info > 26) {
        return NULL;
    } else if (info >= 24) {
        uint8_t size = (uint8_t)(1u << (info - 24u));
        value = 0;
        while (size-- > 0) {
            if (at == end)
                return NULL;
            value = value << 8 | *at++;
        }
    }
    item->value = value;
    item->bytes = at;
    if (item->major == ERRAND_NINT)
        return value > 0x7ffffffful ? NULL : at;
    if (item->major == ERRAND_UINT || item->major == ERRAND_BOOL)
        return at;
    if (value > (size_t)(end - at))
        return NULL; /* more bytes, or items, than there are bytes */
    return item->major <= ERRAND_TEXT ? at + value : at;
}

const uint8_t *errand_item_skip(const uint8_t *at, const uint8_t *end)
{
    uint16_t left[ERRAND_DEPTH_MAX + 1]; /* items still to come, of the container at each depth */
    bool map[ERRAND_DEPTH_MAX + 1];
    uint8_t depth = 0;
    left[0] = 1;
    map[0] = false;
    for (;;) {
        struct errand_item item;
        while (left[depth] == 0) {
            if (depth == 0)
                return at;
            depth--;
        }
        bool key = map[depth] && (left[depth] & 1u) == 0;
        left[depth]--;
        at = errand_item_read(at, end, &item);
        if (at == NULL || (key && item.major > ERRAND_NINT))
            return NULL;
        if (item.major == ERRAND_ARRAY || item.major == ERRAND_MAP) {
            if (depth == ERRAND_DEPTH_MAX)
                return NULL;
            depth++;
            map[depth] = item.major == ERRAND_MAP;
            left[depth] = (uint16_t)(item.value << map[depth]);
        }
    }
}

bool errand_body_check(const uint8_t *body, size_t size)
{
    return size > 0 && body[0] >> 5 == ERRAND_MAP && errand_item_skip(body, body + size) == body + size;
}

bool errand_map_find(const uint8_t *at, const uint8_t *end, uint32_t key, struct errand_item *item)
{
    struct errand_item found;
    at = errand_item_read(at, end, &found);
    if (at == NULL || found.major != ERRAND_MAP)
        return false;
    for (uint32_t pairs = found.value; pairs > 0; pairs--) {
        at = errand_item_read(at, end, &found);
        if (at == NULL)
            return false;
        if (found.major == ERRAND_UINT && found.value == key)
            return errand_item_read(at, end, item) != NULL;
        at = errand_item_skip(at, end);
    }
    return false;
}

int32_t errand_item_int(const struct errand_item *item)
{
    return item->major == ERRAND_NINT ? -1 - (int32_t)item->value : (int32_t)item->value;
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

void errand_write_head(struct errand_writer *writer, enum errand_major major, uint32_t value)
{
    uint8_t first = (uint8_t)(major << 5);
    uint8_t size = value < 24 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
    put(writer, (uint8_t)(first | (size == 0 ? value : 24u + (size >> 1))));
    while (size-- > 0)
        put(writer, (uint8_t)(value >> (8u * size)));
}

void errand_write_int(struct errand_writer *writer, int32_t value)
{
    if (value < 0)
        errand_write_head(writer, ERRAND_NINT, (uint32_t)(-1 - value));
    else
        errand_write_head(writer, ERRAND_UINT, (uint32_t)value);
}

void errand_write_bool(struct errand_writer *writer, bool value)
{
    put(writer, value ? 0xf5 : 0xf4);
}

void errand_write_string(struct errand_writer *writer, enum errand_major major, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    errand_write_head(writer, major, (uint32_t)size);
    while (size-- > 0)
        put(writer, *from++);
}

void errand_write_pair(struct errand_writer *writer, uint32_t key, uint32_t value)
{
    errand_write_head(writer, ERRAND_UINT, key);
    errand_write_head(writer, ERRAND_UINT, value);
}
