/* The nRF51822: UART, clock and pins (nRF51 Series Reference Manual 3.0, chapters 29, 18 and 14). */
#include "board.h"

#include "board_limits.h"
#include "interrupt.h"
#include "serial.h"

#define UART(offset) REGISTER(0x40002000u + (offset))
#define TIMER(offset) REGISTER(0x40008000u + (offset))
#define GPIO(offset) REGISTER(0x50000000u + (offset))
enum { UART_IRQ = 2, TIMER_IRQ = 8, TX_PIN = 24, RX_PIN = 25, PIN_MAX = 30 };
enum { STARTRX = 0x000, STARTTX = 0x008, RXDRDY = 0x108, TXDRDY = 0x11c, INTENSET = 0x304, ENABLE = 0x500 };
enum { PSELTXD = 0x50c, PSELRXD = 0x514, RXD = 0x518, TXD = 0x51c, BAUDRATE = 0x524 };
enum { START = 0x000, COMPARE = 0x140, SHORTS = 0x200, BITMODE = 0x508, PRESCALER = 0x510, CC = 0x540 };
#define BAUD_115200 0x01d7e000u
#define TICKS_A_MILLISECOND 250u

static volatile uint32_t millis;

void serial_write(uint8_t byte)
{
    UART(TXD) = byte;
}

void board_interrupt(uint32_t number)
{
    if (number == CHIP + TIMER_IRQ) {
        TIMER(COMPARE) = 0;
        millis++;
        return;
    }
    if (number != CHIP + UART_IRQ)
        return;
    while (UART(RXDRDY) != 0) {
        UART(RXDRDY) = 0;
        serial_put((uint8_t)UART(RXD));
    }
    if (UART(TXDRDY) != 0) {
        UART(TXDRDY) = 0;
        serial_sent();
    }
}

void board_init(void)
{
    GPIO(0x508) = 1u << TX_PIN; /* high before it is an output */
    GPIO(0x518) = 1u << TX_PIN;
    UART(PSELTXD) = TX_PIN;
    UART(PSELRXD) = RX_PIN;
    UART(BAUDRATE) = BAUD_115200;
    UART(ENABLE) = 4;
    UART(STARTRX) = 1;
    UART(STARTTX) = 1;
    UART(INTENSET) = 1u << 2 | 1u << 7;
    TIMER(BITMODE) = 0;   /* 16 bits wide */
    TIMER(PRESCALER) = 6; /* 16 MHz / 64 */
    TIMER(CC) = TICKS_A_MILLISECOND;
    TIMER(SHORTS) = 1; /* begins again there */
    TIMER(INTENSET) = 1u << 16;
    TIMER(START) = 1;
    allow_interrupt(TIMER_IRQ);
    allow_interrupt(UART_IRQ);
    __asm__ volatile("cpsie i" ::: "memory");
}

/* It rests while a flash page is written. */
uint32_t board_millis(void)
{
    return millis;
}

bool board_set_pin(int32_t pin, bool high)
{
    if (pin < 0 || pin > PIN_MAX || pin == TX_PIN || pin == RX_PIN)
        return false;
    GPIO(high ? 0x508 : 0x50c) = 1u << pin;
    GPIO(0x518) = 1u << pin;
    return true;
}
