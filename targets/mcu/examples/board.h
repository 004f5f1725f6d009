/*
 * What a board gives to the example device: the line, flash, a clock, and a little that survives a reset. Beside it a
 * board has board_limits.h:
 *
 *   HARDWARE_ID   told in HELLO, another one for each board that is made
 *   FIRMWARE      told in HELLO
 *   FRAME_BYTES   the largest frame, both ways
 *   WINDOW        requests in flight
 *   PAGE_BYTES    of flash
 *   BLOCK_BYTES   divides PAGE_BYTES, and fits into a frame
 *   BLOCKS        sent before the host asks again
 *   IMAGE_MAX     the largest program, bytes: image 0
 *   DATA_MAX      the largest image 1: data for the program, which stays where it was pulled to
 */
#ifndef BOARD_H
#define BOARD_H

#include "errand.h"

void board_init(void);
/* Counts the resets: another number each time. To be called once. */
uint32_t board_boot_id(void);
/* Milliseconds since the reset; begins again after 2^32. */
uint32_t board_millis(void);
/* False when there is no such pin. */
bool board_set_pin(int32_t pin, bool high);

/* The bytes that have arrived, in one piece, and letting go of them. */
const uint8_t *board_received(uint8_t *size);
void board_took(uint8_t size);
/* Sends up to `size` bytes; returns how many it took. Never waits. */
uint8_t board_room(void);
void board_send(const uint8_t *bytes, uint8_t size);
/* True when the last bit has left. */
bool board_sent(void);

/* Waits for the next interrupt, unless something has arrived; no longer than about a millisecond. */
void board_rest(void);

/* The program that runs. */
uint32_t board_program_bytes(void);
void board_read_program(uint32_t offset, uint8_t *bytes, uint16_t size);

/* The image that is pulled. Below 0: failed. */
int board_write_slot(uint32_t offset, const uint8_t *page, uint16_t size);
void board_read_slot(uint32_t offset, uint8_t *bytes, uint16_t size);
/* Where to go on with an image; 0 when it is another one than the last, which it then takes the place of. */
uint32_t board_resume(const struct errand_pull *pull);
/* Remembers that all before `offset` is in the slot. */
void board_remember(uint32_t offset);
/* Starts the image in the slot, after a reset. */
void board_switch(uint32_t size);

#endif
