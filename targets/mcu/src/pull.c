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

int errand_pull_verify(struct errand_pull *pull)
{
    union {
        uint32_t words[ERRAND_HASH_BLOCK / 4];
        uint8_t bytes[ERRAND_HASH_BLOCK];
    } block;
    int32_t left = (int32_t)(pull->size - pull->hashed); /* below 0 in a block that has only the length */
    uint8_t used = 0;
    if (pull->offset < pull->size)
        return 1;
    if (pull->hashed == 0)
        errand_sha256_init(&pull->sha);
    if (left > 0) {
        used = left < ERRAND_HASH_BLOCK ? (uint8_t)left : ERRAND_HASH_BLOCK;
        if (pull->flash_read(pull->context, pull->hashed, block.bytes, used) < 0)
            return ERRAND_ERR_FLASH;
    }
    pull->hashed += ERRAND_HASH_BLOCK;

    /* Behind the last byte 0x80, zeros, and the length in bits: in this block, or in one more. */
    bool last = used < ERRAND_HASH_BLOCK - 8;
    uint8_t byte = left < 0 ? 0 : 0x80;
    for (uint8_t i = used; i < ERRAND_HASH_BLOCK; i++) {
        block.bytes[i] = byte;
        byte = 0;
    }
    if (last) {
        uint32_t bits = pull->size << 3;
        for (uint8_t i = ERRAND_HASH_BLOCK; bits != 0; bits >>= 8)
            block.bytes[--i] = (uint8_t)bits;
    }
    errand_sha256_block(&pull->sha, block.words);
    if (!last)
        return 1;

    pull->hashed = 0;
    if (errand_sha256_is(&pull->sha, pull->hash))
        return 0;
    pull->offset = 0;
    return ERRAND_ERR_HASH;
}
