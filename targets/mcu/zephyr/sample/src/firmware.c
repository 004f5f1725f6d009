#include "firmware.h"

#include <stdio.h>
#include <string.h>

#include <zephyr/device.h>
#include <zephyr/dfu/mcuboot.h>
#include <zephyr/drivers/flash.h>
#include <zephyr/kernel.h>
#include <zephyr/settings/settings.h>
#include <zephyr/storage/flash_map.h>
#include <zephyr/sys/byteorder.h>
#include <zephyr/sys/util.h>

/* MCUboot's image format: docs/design.md there. */
#define HEADER_MAGIC 0x96f3b83dU
#define TAIL_MAGIC 0x6907U
#define WRITE_BLOCK_MAX 64U

#define SECOND_SLOT FIXED_PARTITION_ID(slot1_partition)
#define KEEP "errand/keep"

static struct {
    uint32_t boots;
    uint32_t image_bytes;  /* of the image that is pulled, and how much of it is in the slot */
    uint32_t image_offset;
    uint8_t image_hash[ERRAND_HASH_BYTES];
} keep;

static const struct flash_area *running;
static const struct flash_area *slot;
static uint32_t slot_begin; /* of the image in the slot: behind its first page, when MCUboot swaps by an offset */
static uint32_t slot_end;   /* here MCUboot's own words begin */

static int load_keep(const char *key, size_t size, settings_read_cb read, void *from, void *context)
{
    (void)key;
    (void)context;
    if (size != sizeof keep || read(from, &keep, sizeof keep) != (ssize_t)sizeof keep)
        memset(&keep, 0, sizeof keep);
    return 0;
}

static void save_keep(void)
{
    settings_save_one(KEEP, &keep, sizeof keep);
}

/* The flash page that has this byte of the slot, from the begin of the slot. */
static bool page_at(uint32_t at, uint32_t *begin, uint32_t *size)
{
    struct flash_pages_info info;
    if (flash_get_page_info_by_offs(flash_area_get_device(slot), slot->fa_off + (off_t)at, &info) != 0)
        return false;
    *begin = (uint32_t)(info.start_offset - slot->fa_off);
    *size = (uint32_t)info.size;
    return true;
}

bool firmware_open(void)
{
    uint32_t begin;
    uint32_t size;
    if (flash_area_open(boot_fetch_active_slot(), &running) != 0 || flash_area_open(SECOND_SLOT, &slot) != 0)
        return false;
    ssize_t end = boot_get_area_trailer_status_offset(SECOND_SLOT);
    if (end < 0 || !page_at(0, &begin, &size) || flash_area_align(slot) > WRITE_BLOCK_MAX)
        return false;
    slot_end = (uint32_t)end;
#ifdef CONFIG_MCUBOOT_BOOTLOADER_MODE_SWAP_USING_OFFSET
    slot_begin = size;
#endif
    if (settings_subsys_init() != 0 || settings_load_subtree_direct(KEEP, load_keep, NULL) != 0)
        return false;
    keep.boots++;
    save_keep();
    return true;
}

uint32_t firmware_boot_id(void)
{
    return keep.boots;
}

/*
 *     0       8              10          12        header   + program   + protected
 *     +-------+--------------+-----------+---------+--------+-----------+------------------------+
 *     | magic | header bytes | protected | program | ...    | ...       | magic, bytes, hash ... |
 *     +-------+--------------+-----------+---------+--------+-----------+------------------------+
 */
uint32_t firmware_bytes(void)
{
    uint8_t header[16];
    uint8_t tail[4];
    if (flash_area_read(running, 0, header, sizeof header) != 0 || sys_get_le32(header) != HEADER_MAGIC)
        return 0;
    uint32_t end = sys_get_le16(header + 8) + sys_get_le16(header + 10) + sys_get_le32(header + 12);
    if (end > running->fa_size - sizeof tail || flash_area_read(running, (off_t)end, tail, sizeof tail) != 0 ||
        sys_get_le16(tail) != TAIL_MAGIC)
        return 0;
    return end + sys_get_le16(tail + 2);
}

int firmware_read_running(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    (void)context;
    return size == 0 ? 0 : flash_area_read(running, (off_t)offset, bytes, size);
}

void firmware_version(char *text, size_t size)
{
    struct mcuboot_img_header header;
    text[0] = 0;
    if (boot_read_bank_header(boot_fetch_active_slot(), &header, sizeof header) != 0)
        return;
    const struct mcuboot_img_sem_ver *version = &header.h.v1.sem_ver;
    snprintf(text, size, "%u.%u.%u+%u", version->major, version->minor, version->revision,
             (unsigned)version->build_num);
}

bool firmware_stays(void)
{
    return boot_is_img_confirmed();
}

void firmware_confirm(void)
{
    boot_write_img_confirmed(); /* firmware_stays tells whether it worked */
}

bool firmware_fits(uint32_t bytes)
{
    return slot_begin < slot_end && bytes <= slot_end - slot_begin;
}

/* Erases the flash pages that begin in this piece of the slot. */
static int erase(uint32_t at, uint32_t end)
{
    while (at < end) {
        uint32_t begin;
        uint32_t size;
        if (!page_at(at, &begin, &size) || (begin == at && flash_area_flatten(slot, (off_t)begin, size) != 0))
            return -1;
        at = begin + size;
    }
    return 0;
}

/* Of an earlier image, MCUboot's words at the end of the slot, and what lies before this one. */
static int erase_around(void)
{
    uint32_t begin;
    uint32_t size;
    if (!page_at(slot_end, &begin, &size))
        return -1;
    return erase(0, slot_begin) != 0 || erase(begin, (uint32_t)slot->fa_size) != 0 ? -1 : 0;
}

int firmware_write(void *context, uint32_t offset, const uint8_t *page, uint16_t size)
{
    uint8_t last[WRITE_BLOCK_MAX]; /* flash is written in blocks: behind the image it stays as erased */
    uint32_t rest = size % flash_area_align(slot);
    uint32_t whole = size - rest;
    uint32_t at = slot_begin + offset;
    (void)context;
    if ((offset == 0 && erase_around() != 0) || erase(at, at + size) != 0)
        return -1;
    if (whole > 0 && flash_area_write(slot, (off_t)at, page, whole) != 0)
        return -1;
    if (rest == 0)
        return 0;
    memset(last, flash_area_erased_val(slot), sizeof last);
    memcpy(last, page + whole, rest);
    return flash_area_write(slot, (off_t)(at + whole), last, flash_area_align(slot)) == 0 ? 0 : -1;
}

int firmware_read(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    (void)context;
    return size == 0 ? 0 : flash_area_read(slot, (off_t)(slot_begin + offset), bytes, size);
}

uint32_t firmware_resume(const struct errand_pull *pull)
{
    if (keep.image_bytes == pull->size && memcmp(keep.image_hash, pull->hash, ERRAND_HASH_BYTES) == 0)
        return keep.image_offset;
    keep.image_bytes = pull->size;
    keep.image_offset = 0;
    memcpy(keep.image_hash, pull->hash, ERRAND_HASH_BYTES);
    save_keep();
    return 0;
}

uint32_t firmware_again(uint32_t offset)
{
    uint32_t begin;
    uint32_t size;
    if (!page_at(slot_begin + offset, &begin, &size) || begin < slot_begin)
        return 0;
    return begin - slot_begin;
}

/* Within a flash page a reset cannot go on: what may be written already would have to be erased with all before it. */
void firmware_remember(uint32_t offset)
{
    if (offset < keep.image_bytes && firmware_again(offset) != offset)
        return;
    keep.image_offset = offset;
    save_keep();
}

void firmware_request(void)
{
    keep.image_bytes = 0; /* MCUboot moves it away: what is in the slot after that is another one */
    save_keep();
    boot_request_upgrade(BOOT_UPGRADE_TEST);
}
