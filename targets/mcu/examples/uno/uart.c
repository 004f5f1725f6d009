#include "uart.h"

#include "board.h"

#include <avr/interrupt.h>
#include <avr/io.h>

#ifndef BAUD
#define BAUD 115200UL
#endif
/* At double speed 16 MHz makes 115,200 baud with 2.1 % of error, as the Arduino core does. */
#define DIVIDER (F_CPU / 4 / BAUD - 1) / 2

struct uart_ring uart_received;
static struct {
    volatile uint8_t put, taken;
    uint8_t bytes[SEND_RING];
} sending;

void uart_init(void)
{
    UCSR0A = 1 << U2X0;
    UBRR0 = (uint16_t)(DIVIDER);
    UCSR0C = 3 << UCSZ00;
    UCSR0B = 1 << RXEN0 | 1 << TXEN0 | 1 << RXCIE0;
}

ISR(USART_RX_vect)
{
    uint8_t put = uart_received.put;
    uart_received.bytes[put % RECEIVE_RING] = UDR0;
    if ((uint8_t)(put - uart_received.taken) < RECEIVE_RING)
        uart_received.put = (uint8_t)(put + 1u); /* else it is lost, and the link asks again */
}

ISR(USART_UDRE_vect)
{
    uint8_t taken = sending.taken;
    if (taken == sending.put) {
        UCSR0B &= (uint8_t)~(1 << UDRIE0);
        return;
    }
    UCSR0A |= 1 << TXC0;
    UDR0 = sending.bytes[taken % SEND_RING];
    sending.taken = (uint8_t)(taken + 1u);
}

const uint8_t *board_received(uint8_t *size)
{
    uint8_t at = uart_received.taken % RECEIVE_RING;
    uint8_t waiting = (uint8_t)(uart_received.put - uart_received.taken);
    uint8_t straight = (uint8_t)(RECEIVE_RING - at);
    *size = waiting < straight ? waiting : straight;
    return uart_received.bytes + at;
}

void board_took(uint8_t size)
{
    uart_received.taken = (uint8_t)(uart_received.taken + size);
}

uint8_t board_room(void)
{
    return (uint8_t)(SEND_RING - (uint8_t)(sending.put - sending.taken));
}

void board_send(const uint8_t *bytes, uint8_t size)
{
    for (uint8_t i = 0; i < size; i++) {
        sending.bytes[sending.put % SEND_RING] = bytes[i];
        sending.put = (uint8_t)(sending.put + 1u);
    }
    if (size > 0)
        UCSR0B |= 1 << UDRIE0;
}

bool board_sent(void)
{
    return sending.put == sending.taken && (UCSR0A & (1 << UDRE0)) != 0 && (UCSR0A & (1 << TXC0)) != 0;
}
