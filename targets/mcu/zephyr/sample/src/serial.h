/* Two rings between the UART's interrupt and the loop. */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False when the UART has no driver that works with interrupts. */
bool serial_open(void);

/* The bytes that have arrived, in one piece; then how many of them were used: to be called in turn. */
size_t serial_received(uint8_t **bytes);
void serial_took(size_t size);

/* Sends up to `serial_room` bytes. Never waits. */
size_t serial_room(void);
void serial_send(const uint8_t *bytes, size_t size);
/* True when the UART has taken all. */
bool serial_sent(void);

/* Waits for bytes to come or to leave, no longer than this. */
void serial_rest(uint32_t milliseconds);

#endif
