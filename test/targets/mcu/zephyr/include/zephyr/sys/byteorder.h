/* Numbers in bytes, little end first. */
#pragma once
#include <stdint.h>

static inline uint16_t sys_get_le16(const uint8_t bytes[2])
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t sys_get_le32(const uint8_t bytes[4])
{
    return sys_get_le16(bytes) | (uint32_t)sys_get_le16(bytes + 2) << 16;
}
