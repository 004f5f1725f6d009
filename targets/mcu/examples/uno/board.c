/* Pins, the clock and flash of an Uno. */
#include "board.h"

#include "flash.h"
#include "uart.h"

#include <avr/interrupt.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>

/* Digital pins; 0 and 1 are the serial port. */
#define PIN_MIN 2
#define PIN_MAX 13

static volatile uint32_t millis;

ISR(TIMER0_COMPA_vect)
{
    millis++;
}

void board_init(void)
{
    TCCR0A = 1 << WGM01; /* from 0 to OCR0A, at 250 kHz */
    TCCR0B = 1 << CS01 | 1 << CS00;
    OCR0A = (uint8_t)(F_CPU / 64 / 1000 - 1);
    TIMSK0 = 1 << OCIE0A;
    uart_init();
    sei();
}

uint32_t board_millis(void)
{
    cli();
    uint32_t time = millis;
    sei();
    return time;
}

void board_rest(void)
{
    cli();
    if (uart_received.put == uart_received.taken) {
        sleep_enable();
        sei(); /* no interrupt comes between this and the next instruction */
        sleep_cpu();
        sleep_disable();
    }
    sei();
}

bool board_set_pin(int32_t pin, bool high)
{
    if (pin < PIN_MIN || pin > PIN_MAX)
        return false;
    volatile uint8_t *port = pin < 8 ? &PORTD : &PORTB;
    volatile uint8_t *direction = pin < 8 ? &DDRD : &DDRB;
    uint8_t bit = (uint8_t)(1u << (pin < 8 ? pin : pin - 8));
    *direction |= bit;
    if (high)
        *port |= bit;
    else
        *port &= (uint8_t)~bit;
    return true;
}

int board_write_slot(uint32_t offset, const uint8_t *page, uint16_t size)
{
    flash_write_page((uint16_t)(SLOT + offset), page, size);
    return 0;
}

void board_read_slot(uint32_t offset, uint8_t *bytes, uint16_t size)
{
    memcpy_P(bytes, (const void *)(uint16_t)(SLOT + offset), size);
}

void board_read_program(uint32_t offset, uint8_t *bytes, uint16_t size)
{
    memcpy_P(bytes, (const void *)(uint16_t)offset, size);
}

void board_switch(uint32_t size)
{
    flash_switch((uint16_t)size);
}
