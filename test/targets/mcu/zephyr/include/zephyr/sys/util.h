/* What Zephyr has beside the C library. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define BUILD_ASSERT(condition, words) _Static_assert(condition, words)

size_t bin2hex(const uint8_t *bytes, size_t size, char *hex, size_t room);
