/* What board.h asks of flash and of what survives, by the layout of the chip. */
#include "board.h"
#include "interrupt.h"
#include "layout.h"

#include <string.h>

static struct keep keep;

uint32_t board_boot_id(void)
{
    keep_load(&keep);
    keep.boots++;
    keep_save(&keep);
    return keep.boots;
}

uint32_t board_program_bytes(void)
{
    return keep.program_bytes;
}

void board_read_program(uint32_t offset, uint8_t *bytes, uint16_t size)
{
    memcpy(bytes, (const uint8_t *)FLASH_PROGRAM + offset, size);
}

int board_write_slot(uint32_t offset, const uint8_t *page, uint16_t size)
{
    flash_write_page(FLASH_SLOT + offset, page, size);
    return memcmp((const uint8_t *)FLASH_SLOT + offset, page, size) == 0 ? 0 : -1;
}

void board_read_slot(uint32_t offset, uint8_t *bytes, uint16_t size)
{
    memcpy(bytes, (const uint8_t *)FLASH_SLOT + offset, size);
}

uint32_t board_resume(const struct errand_pull *pull)
{
    if (keep.image_bytes == pull->size && memcmp(keep.image_hash, pull->hash, ERRAND_HASH_BYTES) == 0)
        return keep.image_offset;
    keep.image_bytes = pull->size;
    keep.image_offset = 0;
    memcpy(keep.image_hash, pull->hash, ERRAND_HASH_BYTES);
    keep_save(&keep);
    return 0;
}

void board_remember(uint32_t offset)
{
    keep.image_offset = offset;
    keep_save(&keep);
}

void board_switch(uint32_t size)
{
    keep.waiting_bytes = size;
    keep_save(&keep);
    reset();
}
