/* The serial port, 8N1: interrupts move bytes between the hardware and two rings, the loop (board.h) does all else. */
#ifndef UART_H
#define UART_H

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

#endif
