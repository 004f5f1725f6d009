/* The serial port, 8N1: interrupts move bytes between the hardware and two rings, the loop does all else. */
#ifndef UART_H
#define UART_H

#include <stdbool.h>
#include <stdint.h>

/* A page that is written takes up to 9 ms, in which 104 bytes arrive at 115,200 baud. */
#define RECEIVE_RING 128
#define SEND_RING 32

struct uart_ring {
    volatile uint8_t put, taken;
    uint8_t bytes[RECEIVE_RING];
};

/* What arrives; the boot section, too, puts into it while it writes. */
extern struct uart_ring uart_received;

void uart_init(void);
/* The bytes that arrived in one piece; uart_took lets them go. */
const uint8_t *uart_peek(uint8_t *size);
void uart_took(uint8_t size);
/* How many bytes uart_send takes now. */
uint8_t uart_room(void);
void uart_send(const uint8_t *bytes, uint8_t size);
/* True when the last bit has left. */
bool uart_idle(void);

#endif
