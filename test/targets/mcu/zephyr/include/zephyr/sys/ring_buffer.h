/* A ring between one that puts and one that gets. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ring_buf {
    uint8_t *buffer;
    uint32_t size;
    volatile uint32_t put;
    volatile uint32_t got;
    uint32_t claimed; /* behind `got` */
};

#define RING_BUF_DECLARE(name, bytes) \
    static uint8_t name##_bytes[bytes]; \
    struct ring_buf name = {name##_bytes, bytes, 0, 0, 0}

bool ring_buf_is_empty(struct ring_buf *ring);
uint32_t ring_buf_space_get(struct ring_buf *ring);
uint32_t ring_buf_put(struct ring_buf *ring, const uint8_t *bytes, uint32_t size);
uint32_t ring_buf_get_claim(struct ring_buf *ring, uint8_t **bytes, uint32_t size);
int ring_buf_get_finish(struct ring_buf *ring, uint32_t size);
