/* Two rings between the UART's interrupt, which is the board's, and the loop (board.h). */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* Powers of two. A flash page that is written keeps the loop away: see the board's limits. */
#define RECEIVE_RING 1024u
#define SEND_RING 256u

/* From the interrupt: a byte that came; the next one to send, if there is one. */
void serial_put(uint8_t byte);
bool serial_next(uint8_t *byte);
/* The board's: bytes wait to be sent, and the hardware may rest. */
void serial_wake(void);
/* The board's: the hardware has sent what it was given. */
bool serial_rests(void);

#endif
