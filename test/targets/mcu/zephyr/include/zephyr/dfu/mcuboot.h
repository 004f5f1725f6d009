/* What an application tells MCUboot, and hears of it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BOOT_UPGRADE_TEST 0

struct mcuboot_img_sem_ver {
    uint8_t major;
    uint8_t minor;
    uint16_t revision;
    uint32_t build_num;
};

struct mcuboot_img_header_v1 {
    uint32_t image_size;
    struct mcuboot_img_sem_ver sem_ver;
};

struct mcuboot_img_header {
    uint32_t mcuboot_version;
    union {
        struct mcuboot_img_header_v1 v1;
    } h;
};

uint8_t boot_fetch_active_slot(void);
int boot_read_bank_header(uint8_t area_id, struct mcuboot_img_header *header, size_t size);
ssize_t boot_get_area_trailer_status_offset(uint8_t area_id);
bool boot_is_img_confirmed(void);
int boot_write_img_confirmed(void);
int boot_request_upgrade(int permanent);
