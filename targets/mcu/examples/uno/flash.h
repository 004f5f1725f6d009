/*
 * Where things lie in the 32 KB of an ATmega328P:
 *
 *   0x0000  the program that runs      14,336 bytes
 *   0x3800  the image that is pulled   16,384 bytes: a program, or data for it
 *   0x7800  the boot section            2,048 bytes: fuses BOOTSZ=00 and BOOTRST=0 (high fuse 0xd8)
 */
#ifndef FLASH_H
#define FLASH_H

#include <avr/io.h>
#include <stdbool.h>
#include <stdint.h>

#define PROGRAM_BYTES 0x3800u
#define SLOT 0x3800u
#define SLOT_BYTES 0x4000u
#define PAGE_BYTES SPM_PAGESIZE

/* Writes a page; all but the boot section rests meanwhile, and received bytes are taken by polling. */
void flash_write_page(uint16_t address, const uint8_t *page, uint16_t size);
/* Starts anew with the image in the slot: copied over the program first, which goes on after a power cut. */
void flash_switch(uint16_t size) __attribute__((noreturn));

#endif
