/* MPS2 AN385: the CMSDK UART (Cortex-M System Design Kit Technical Reference Manual, chapter 4) and SysTick. */
#include "board.h"

#include "board_limits.h"
#include "interrupt.h"
#include "serial.h"

#define UART(offset) REGISTER(0x40004000u + (offset))
#define SYSTICK_AT(offset) REGISTER(0xe000e010u + (offset))
#define LEDS REGISTER(0x40028000u)
enum { DATA = 0x00, STATE = 0x04, CTRL = 0x08, INTSTATUS = 0x0c, BAUDDIV = 0x10 };
enum { RECEIVE_IRQ = 0, SEND_IRQ = 1, SEND_BIT = 1, RECEIVE_BIT = 2, LED_COUNT = 2 };
#define HERTZ 25000000u
#define BAUD 115200u

static volatile uint32_t millis;

void serial_write(uint8_t byte)
{
    UART(DATA) = byte;
}

void board_interrupt(uint32_t number)
{
    switch (number) {
    case SYSTICK:
        millis++;
        break;
    case CHIP + RECEIVE_IRQ:
        UART(INTSTATUS) = RECEIVE_BIT;
        serial_put((uint8_t)UART(DATA));
        break;
    case CHIP + SEND_IRQ:
        UART(INTSTATUS) = SEND_BIT;
        serial_sent();
        break;
    }
}

void board_init(void)
{
    UART(BAUDDIV) = HERTZ / BAUD;
    UART(CTRL) = 0x0f; /* both ways, with interrupts */
    SYSTICK_AT(4) = HERTZ / 1000 - 1;
    SYSTICK_AT(8) = 0;
    SYSTICK_AT(0) = 7;
    allow_interrupt(RECEIVE_IRQ);
    allow_interrupt(SEND_IRQ);
    __asm__ volatile("cpsie i" ::: "memory");
}

uint32_t board_millis(void)
{
    return millis;
}

/* Its two lamps. */
bool board_set_pin(int32_t pin, bool high)
{
    if (pin < 0 || pin >= LED_COUNT)
        return false;
    uint32_t bit = 1u << pin;
    LEDS = high ? LEDS | bit : LEDS & ~bit;
    return true;
}
