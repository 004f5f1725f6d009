/* The nRF51822: UART, clock and pins (nRF51 Series Reference Manual 3.0, chapters 29, 18 and 14). */
#include "board.h"

#include "board_limits.h"
#include "interrupt.h"
#include "serial.h"

#define UART(offset) REGISTER(0x40002000u + (offset))
#define TIMER(offset) REGISTER(0x40008000u + (offset))
#define GPIO(offset) REGISTER(0x50000000u + (offset))
enum { UART_IRQ = 2, TX_PIN = 24, RX_PIN = 25, PIN_MAX = 30 };
enum { STARTRX = 0x000, STARTTX = 0x008, RXDRDY = 0x108, TXDRDY = 0x11c, INTENSET = 0x304, ENABLE = 0x500 };
enum { PSELTXD = 0x50c, PSELRXD = 0x514, RXD = 0x518, TXD = 0x51c, BAUDRATE = 0x524 };
#define BAUD_115200 0x01d7e000u
#define TICKS_A_SECOND 31250u

static volatile bool sending;

static void send_next(void)
{
    uint8_t byte;
    sending = serial_next(&byte);
    if (sending)
        UART(TXD) = byte;
}

void board_interrupt(uint32_t number)
{
    if (number != CHIP + UART_IRQ)
        return;
    while (UART(RXDRDY) != 0) {
        UART(RXDRDY) = 0;
        serial_put((uint8_t)UART(RXD));
    }
    if (UART(TXDRDY) != 0) {
        UART(TXDRDY) = 0;
        send_next();
    }
}

void serial_wake(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (!sending)
        send_next();
    __asm__ volatile("cpsie i" ::: "memory");
}

bool serial_rests(void)
{
    return !sending;
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
    TIMER(0x508) = 3; /* 32 bits wide */
    TIMER(0x510) = 9; /* 16 MHz / 512 */
    TIMER(0x000) = 1;
    allow_interrupt(UART_IRQ);
    __asm__ volatile("cpsie i" ::: "memory");
}

/* Asked for more often than the timer begins again, every 38 hours: the loop does. */
uint32_t board_millis(void)
{
    static uint32_t before, millis, rest;
    TIMER(0x040) = 1;
    uint32_t ticks = TIMER(0x540);
    rest += (ticks - before) * 1000u;
    before = ticks;
    millis += rest / TICKS_A_SECOND;
    rest %= TICKS_A_SECOND;
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
