/* Two rings between the UART's interrupt, which is the board's, and the loop (board.h). */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdint.h>

/* Powers of two. A flash page that is written keeps the loop away: see the board's limits. */
#define RECEIVE_RING 1024u
#define SEND_RING 256u

/* From the interrupt: a byte that came; the byte that was given to serial_write has left. */
void serial_put(uint8_t byte);
void serial_sent(void);
/* The board's: gives a byte to the hardware, which has sent the one before. */
void serial_write(uint8_t byte);

#endif
