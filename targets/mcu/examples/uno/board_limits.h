/* What board.h asks for. */
#ifndef BOARD_LIMITS_H
#define BOARD_LIMITS_H

#include "flash.h"

#ifndef HARDWARE_ID
#define HARDWARE_ID "uno-1"
#endif
#ifndef FIRMWARE
#define FIRMWARE "1"
#endif
#define FRAME_BYTES 96
#define WINDOW 1
#define BLOCK_BYTES 64
#define BLOCKS 4
#define IMAGE_MAX PROGRAM_BYTES
#define DATA_MAX SLOT_BYTES

#endif
