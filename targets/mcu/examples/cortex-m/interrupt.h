/* The processor's own registers, as the Cortex-M architecture has them. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYSTICK 15u
/* Interrupt n of the chip is exception 16 + n. */
#define CHIP 16u

/* The board's: exception `number` has come. */
void board_interrupt(uint32_t number);

static inline void allow_interrupt(uint32_t of_chip)
{
    REGISTER(0xe000e100u) = 1u << of_chip;
}

__attribute__((noreturn)) static inline void reset(void)
{
    REGISTER(0xe000ed0cu) = 0x05fa0004u;
    for (;;)
        continue;
}

#endif
