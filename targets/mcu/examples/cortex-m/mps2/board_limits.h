/* Arm's MPS2 with a Cortex-M3 (AN385): 4 MB of static RAM at 0, which stand in for flash here. board.h and layout.h ask for these. */
#ifndef BOARD_LIMITS_H
#define BOARD_LIMITS_H

#ifndef HARDWARE_ID
#define HARDWARE_ID "mps2-1"
#endif
#ifndef FIRMWARE
#define FIRMWARE "1"
#endif
#define FRAME_BYTES 544
#define WINDOW 4
#define PAGE_BYTES 4096
#define BLOCK_BYTES 512
#define BLOCKS 16
#define IMAGE_MAX 0x80000
#define DATA_MAX IMAGE_MAX

#define FLASH_PROGRAM 0x001000
#define FLASH_SLOT 0x100000
#define FLASH_FACTORY 0x200000
#define FLASH_KEEP 0x3fe000
#define RAM_END 0x20100000

#endif
