/*
 * The flash of the board that stands in, as a file: two slots, in each at its end MCUboot's words (its docs/design.md).
 *
 *     end-40      end-32          end-24          end-16     end
 *     +-----------+---------------+---------------+----------+
 *     | swap info | copy done: 1  | image ok: 1   | magic    |    8 bytes each, but for the magic; erased: not so
 *     +-----------+---------------+---------------+----------+
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <stdint.h>

#define SLOT_BYTES 0x80000u
#define PAGE_BYTES 4096u
#define WRITE_BLOCK 8u
#define MAGIC_AT (SLOT_BYTES - 16u)
#define IMAGE_OK_AT (SLOT_BYTES - 24u)
#define COPY_DONE_AT (SLOT_BYTES - 32u)
/* What boot_get_area_trailer_status_offset tells. */
#define WORDS_AT (SLOT_BYTES - 32u)

static const uint8_t MAGIC[16] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                  0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};

/* Open in the program that is started: flash, and the UART's other end. */
enum { FLASH_FD = 3, UART_FD = 4 };

#endif
