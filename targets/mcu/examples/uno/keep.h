/* What survives a reset, in EEPROM. A byte takes 3.4 ms to write and 100,000 writes to wear out, so only what differs is written. */
#ifndef KEEP_H
#define KEEP_H

#include "errand.h"

#include <stdint.h>

/* An EEPROM that was never written holds 0xff: every member must make sense of that. */
struct keep {
    uint32_t boots;         /* the boot-id */
    uint16_t program_bytes; /* what runs; 0xffff: what the linker made */
    uint16_t waiting_bytes; /* an image in the slot that is to be copied over the program; 0xffff: none */
    /* The image that is being pulled, and how many of its pages are in flash. */
    uint16_t image_bytes;
    uint8_t image_hash[ERRAND_HASH_BYTES];
    uint8_t image_pages;
};

#define KEEP_AT 0
#define KEEP_NOTHING 0xffffu

#endif
