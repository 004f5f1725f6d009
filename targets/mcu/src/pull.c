/* Firmware, asked for in blocks (errand.h, runtime/serial/README.md). */
#include "errand.h"

void errand_pull_init(struct errand_pull *pull)
{
    pull->page_used = 0;
    pull->hashed = 0;
}

void errand_pull_write(const struct errand_pull *pull, struct errand_writer *writer)
{
    errand_write_head(writer, ERRAND_MAP, 3);
    errand_write_pair(writer, ERRAND_KEY_OFFSET, pull->offset + pull->page_used);
    errand_write_pair(writer, ERRAND_KEY_LENGTH, pull->block_size);
    errand_write_pair(writer, ERRAND_KEY_COUNT, pull->offset < pull->size ? pull->count : 0);
}

int errand_pull_block(struct errand_pull *pull, const uint8_t *body, size_t size)
{
    struct errand_item items[ERRAND_ITEMS];
    if (!errand_body_read(body, body + size, items) || items[ERRAND_KEY_OFFSET].major != ERRAND_UINT ||
        items[ERRAND_KEY_BYTES].major != ERRAND_BYTES)
        return ERRAND_ERR_BODY;

    uint32_t at = pull->offset + pull->page_used;
    uint32_t due = pull->size - at;
    bool last = due <= pull->block_size;
    if (!last)
        due = pull->block_size;
    if (items[ERRAND_KEY_OFFSET].value != at || items[ERRAND_KEY_BYTES].value != due || due == 0)
        return 0;
    const uint8_t *from = items[ERRAND_KEY_BYTES].bytes;
    uint16_t used = pull->page_used;
    for (uint16_t left = (uint16_t)due; left > 0; left--)
        pull->page[used++] = *from++;
    pull->page_used = used;
    if (used < pull->page_size && !last)
        return 0;

    errand_pull_init(pull);
    if (pull->flash_write(pull->context, pull->offset, pull->page, used) < 0)
        return ERRAND_ERR_FLASH;
    pull->offset += used;
    return 1;
}
