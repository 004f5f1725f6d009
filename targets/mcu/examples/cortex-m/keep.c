/* What survives a reset. It has a flash page of its own, and another for when power fails while one of them is written. */
#include "layout.h"

#include <string.h>

static const struct keep *at(uint32_t page)
{
    return (const struct keep *)(uintptr_t)(FLASH_KEEP + page * PAGE_BYTES);
}

/* FNV-1a, begun so that neither zeros nor erased flash fit. */
static uint32_t check_of(const struct keep *keep)
{
    const uint8_t *bytes = (const uint8_t *)keep;
    uint32_t check = 2166136261u;
    for (uint32_t i = 0; i < offsetof(struct keep, check); i++)
        check = (check ^ bytes[i]) * 16777619u;
    return check;
}

void keep_load(struct keep *keep)
{
    for (uint32_t page = 0; page < 2; page++)
        if (at(page)->check == check_of(at(page))) {
            memcpy(keep, at(page), sizeof *keep);
            return;
        }
    memset(keep, 0, sizeof *keep);
}

/* The second page first: it does not count while the first is whole. */
void keep_save(const struct keep *keep)
{
    struct keep checked = *keep;
    checked.check = check_of(keep);
    for (uint32_t page = 2; page > 0; page--)
        flash_write_page(FLASH_KEEP + (page - 1) * PAGE_BYTES, (const uint8_t *)&checked, sizeof checked);
}
