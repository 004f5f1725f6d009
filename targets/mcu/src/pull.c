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
    errand_write_pair(writer, ERRAND_KEY_OFFSET, pull->offset);
    errand_write_pair(writer, ERRAND_KEY_LENGTH, pull->block_size);
    errand_write_pair(writer, ERRAND_KEY_COUNT, pull->offset < pull->size ? pull->count : 0);
}

int errand_pull_block(struct errand_pull *pull, const uint8_t *body, size_t size)
{
    struct errand_item offset;
    struct errand_item bytes;
    const uint8_t *end = body + size;
    if (!errand_map_find(body, end, ERRAND_KEY_OFFSET, &offset) || offset.major != ERRAND_UINT ||
        !errand_map_find(body, end, ERRAND_KEY_BYTES, &bytes) || bytes.major != ERRAND_BYTES)
        return ERRAND_ERR_BODY;

    uint32_t due = pull->size - pull->offset;
    bool last = due <= pull->block_size;
    if (!last)
        due = pull->block_size;
    if (offset.value != pull->offset || bytes.value != due || due == 0)
        return 0;
    pull->offset += due;
    uint16_t used = pull->page_used;
    for (uint16_t left = (uint16_t)due; left > 0; left--)
        pull->page[used++] = *bytes.bytes++;
    pull->page_used = used;
    if (used < pull->page_size && !last)
        return 0;

    pull->page_used = 0;
    pull->hashed = 0;
    if (pull->flash_write(pull->context, pull->offset - used, pull->page, used) >= 0)
        return 1;
    pull->offset -= used;
    return ERRAND_ERR_FLASH;
}
