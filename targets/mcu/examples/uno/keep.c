/* What survives a reset (keep.h), as board.h asks for it. */
#include "keep.h"

#include "board.h"
#include "board_limits.h"

#include <avr/eeprom.h>
#include <stdbool.h>

extern const uint8_t __data_load_end[]; /* the linker's: the first byte behind the program */

#define KEPT(member) ((uint8_t *)(KEEP_AT + offsetof(struct keep, member)))

uint32_t board_boot_id(void)
{
    uint32_t *at = (uint32_t *)(void *)KEPT(boots);
    uint32_t boots = eeprom_read_dword(at) + 1u;
    eeprom_update_dword(at, boots);
    return boots;
}

uint32_t board_program_bytes(void)
{
    uint16_t bytes = eeprom_read_word((uint16_t *)(void *)KEPT(program_bytes));
    return bytes == KEEP_NOTHING ? (uint16_t)(uintptr_t)__data_load_end : bytes;
}

uint32_t board_resume(const struct errand_pull *pull)
{
    bool same = eeprom_read_word((uint16_t *)(void *)KEPT(image_bytes)) == pull->size;
    for (uint8_t i = 0; i < ERRAND_HASH_BYTES; i++)
        same = same && eeprom_read_byte(KEPT(image_hash) + i) == pull->hash[i];
    uint8_t pages = eeprom_read_byte(KEPT(image_pages));
    if (same && pages != 0xff) {
        uint32_t bytes = (uint32_t)pages * pull->page_size;
        return bytes < pull->size ? bytes : pull->size;
    }
    eeprom_update_byte(KEPT(image_pages), 0xff); /* nothing is claimed while the rest changes */
    eeprom_update_word((uint16_t *)(void *)KEPT(image_bytes), (uint16_t)pull->size);
    eeprom_update_block(pull->hash, KEPT(image_hash), ERRAND_HASH_BYTES);
    eeprom_update_byte(KEPT(image_pages), 0);
    return 0;
}

void board_remember(uint32_t offset)
{
    eeprom_update_byte(KEPT(image_pages), (uint8_t)((offset + PAGE_BYTES - 1) / PAGE_BYTES));
}
