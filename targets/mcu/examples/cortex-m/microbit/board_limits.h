/* A BBC micro:bit: nRF51822, Cortex-M0, 256 KB flash in pages of 1 KB, 16 KB RAM. board.h and layout.h ask for these. */
#ifndef BOARD_LIMITS_H
#define BOARD_LIMITS_H

#ifndef HARDWARE_ID
#define HARDWARE_ID "microbit-1"
#endif
#ifndef FIRMWARE
#define FIRMWARE "1"
#endif
#define FRAME_BYTES 256
#define WINDOW 2
/* A page takes 21 ms to erase and 12 to write, with the processor stopped: 380 bytes at 115,200 baud, of which 6 are kept.
   So a page is all that is asked for at once. */
#define PAGE_BYTES 1024
#define BLOCK_BYTES 128
#define BLOCKS 8
#define IMAGE_MAX 0x14000
#define DATA_MAX IMAGE_MAX

#define FLASH_PROGRAM 0x01000
#define FLASH_SLOT 0x15000
#define FLASH_FACTORY 0x29000
#define FLASH_KEEP 0x3f800
#define RAM_END 0x20004000

#endif
