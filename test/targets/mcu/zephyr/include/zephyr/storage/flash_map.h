/* Partitions of flash, by the number that their label in the devicetree has. */
#pragma once
#include <stdint.h>
#include <sys/types.h>
#include <zephyr/device.h>

struct flash_area {
    uint8_t fa_id;
    uint16_t pad16;
    off_t fa_off;
    size_t fa_size;
    const struct device *fa_dev;
};

#define FIXED_PARTITION_ID(label) PARTITION_##label
#define PARTITION_slot0_partition 0
#define PARTITION_slot1_partition 1

int flash_area_open(uint8_t id, const struct flash_area **area);
const struct device *flash_area_get_device(const struct flash_area *area);
uint32_t flash_area_align(const struct flash_area *area);
uint8_t flash_area_erased_val(const struct flash_area *area);
int flash_area_read(const struct flash_area *area, off_t at, void *bytes, size_t size);
int flash_area_write(const struct flash_area *area, off_t at, const void *bytes, size_t size);
int flash_area_flatten(const struct flash_area *area, off_t at, size_t size);
