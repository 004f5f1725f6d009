/* From the first instruction to main, and every interrupt to the board. */
#include "board_limits.h"
#include "interrupt.h"

#include <string.h>

extern const uint8_t data_load[];
extern uint8_t data_begin[], data_end[], bss_begin[], bss_end[];

int main(void);

__attribute__((noreturn, used)) static void start(void)
{
    memcpy(data_begin, data_load, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    main();
    for (;;)
        continue;
}

__attribute__((used)) static void any(void)
{
    uint32_t number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    if (number < 14)
        reset(); /* a fault: a device out of reach starts anew */
    board_interrupt(number);
}

#define FOUR(entry) entry, entry, entry, entry
#define SIXTEEN(entry) FOUR(entry), FOUR(entry), FOUR(entry), FOUR(entry)

__attribute__((used, section(".vectors"))) static void (*const vectors[48])(void) = {
    (void (*)(void))RAM_END, start, any, any, FOUR(any), FOUR(any), FOUR(any), SIXTEEN(any), SIXTEEN(any)};
