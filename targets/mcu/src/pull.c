/* Firmware, asked for in blocks (errand.h, runtime/serial/README.md). */
#include "errand.h"

void errand_pull_init(struct errand_pull *pull)
{
    pull->page_used = 0;
    pull->hashed = 0;
}

void errand_pull_write(const struct errand_pull *pull, struct errand_writer *writer)
{
    uint32_t offset = pull->offset + pull->page_used;
    errand_write_head(writer, ERRAND_MAP, 3);
    errand_write_pair(writer, ERRAND_KEY_OFFSET, offset);
    errand_write_pair(writer, ERRAND_KEY_LENGTH, pull->block_size);
    errand_write_pair(writer, ERRAND_KEY_COUNT, offset < pull->size ? pull->count : 0);
}

int errand_pull_block(struct errand_pull *pull, const uint8_t *body, size_t size)
{
    struct errand_item offset;
    struct errand_item bytes;
    const uint8_t *end = body + size;
    if (!errand_body_check(body, size) || !errand_map_find(body, end, ERRAND_KEY_OFFSET, &offset) ||
        !errand_map_find(body, end, ERRAND_KEY_BYTES, &bytes) || offset.major != ERRAND_UINT ||
        bytes.major != ERRAND_BYTES)
        return ERRAND_ERR_BODY;

    uint32_t due = pull->size - pull->offset - pull->page_used;
    if (due > pull->block_size)
        due = pull->block_size;
    if (offset.value != pull->offset + pull->page_used || bytes.value != due || due == 0)
        return 0;
    for (uint16_t i = 0; i < (uint16_t)due; i++)
        pull->page[pull->page_used++] = bytes.bytes[i];
    if (pull->page_used < pull->page_size && pull->offset + pull->page_used < pull->size)
        return 0;

    uint16_t used = pull->page_used;
    pull->page_used = 0;
    pull->hashed = 0;
    if (pull->flash_write(pull->context, pull->offset, pull->page, used) < 0)
        return ERRAND_ERR_FLASH;
    pull->offset += used;
    return 1;
}

int errand_pull_verify(struct errand_pull *pull)
{
    union {
        uint32_t words[ERRAND_HASH_BLOCK / 4];
        uint8_t bytes[ERRAND_HASH_BLOCK];
    } block;
    uint32_t left = pull->size - pull->hashed; /* wraps in the block that has only the length */
    uint8_t used = 0;
    uint8_t i;
    if (pull->offset < pull->size)
        return 1;
    if (pull->hashed == 0)
        errand_sha256_init(&pull->sha);
    if (pull->hashed < pull->size) {
        used = left < ERRAND_HASH_BLOCK ? (uint8_t)left : ERRAND_HASH_BLOCK;
        if (pull->flash_read(pull->context, pull->hashed, block.bytes, used) < 0)
            return ERRAND_ERR_FLASH;
    }
    for (i = used; i < ERRAND_HASH_BLOCK; i++)
        block.bytes[i] = 0;
    /* Behind the last byte 0x80, zeros, and the length in bits: in this block, or in one more. */
    if (used < ERRAND_HASH_BLOCK && left < ERRAND_HASH_BLOCK)
        block.bytes[used] = 0x80;
    bool last = used < ERRAND_HASH_BLOCK - 8;
    if (last) {
        for (i = 0; i < 4; i++)
            block.bytes[63u - i] = (uint8_t)(pull->size << 3 >> (8u * i));
        block.bytes[59] = (uint8_t)(pull->size >> 29);
    }
    errand_sha256_block(&pull->sha, block.words);
    pull->hashed += ERRAND_HASH_BLOCK;
    if (!last)
        return 1;

    pull->hashed = 0;
    uint8_t differs = 0;
    for (i = 0; i < ERRAND_HASH_BYTES; i++)
        differs |= (uint8_t)(pull->hash[i] ^ (pull->sha.state[i >> 2] >> (8u * (3u - (i & 3u)))));
    if (differs == 0)
        return 0;
    pull->offset = 0;
    return ERRAND_ERR_HASH;
}
