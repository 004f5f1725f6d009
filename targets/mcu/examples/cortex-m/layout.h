/*
 * Where things lie, the same way on each board; FLASH_PROGRAM and the others are the board's (board_limits.h).
 *
 *   stub      starts at a reset: copies a waiting image over the program, then starts it
 *   program   what runs; linked for here
 *   slot      the image that is pulled
 *   factory   its size, and an image that a programmer has written: copied when there is no program
 *   keep      what survives a reset
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "board_limits.h"
#include "errand.h"

struct keep {
    uint32_t boots;
    uint32_t program_bytes;
    uint32_t waiting_bytes; /* of an image that is to be copied over the program; 0: none */
    uint32_t image_bytes;   /* of the image that is pulled, and how much of it is in the slot */
    uint32_t image_offset;
    uint8_t image_hash[ERRAND_HASH_BYTES];
    uint32_t check; /* of all before it */
};

/* The board's: erases and writes a page, of which up to 3 bytes behind `size` may change. */
void flash_write_page(uint32_t address, const uint8_t *page, uint32_t size);

/* keep.c: a copy to change, all 0 when nothing is kept, and writing it back. */
void keep_load(struct keep *keep);
void keep_save(const struct keep *keep);

#endif
