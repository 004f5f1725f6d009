/* Whether bytes are a body, for tests that look no further. */
#ifndef BODY_H
#define BODY_H

#include "errand.h"

static inline bool is_body(const uint8_t *bytes, size_t size)
{
    struct errand_item items[ERRAND_ITEMS];
    return errand_body_read(bytes, bytes + size, items);
}

#endif
