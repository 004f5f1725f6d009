#include "serial.h"

#include "board.h"

static volatile uint32_t put, taken;
static uint8_t received[RECEIVE_RING];
static volatile uint32_t sending_put, sending_taken;
static uint8_t sending[SEND_RING];
static volatile bool busy; /* the hardware has a byte */

void serial_put(uint8_t byte)
{
    if (put - taken == RECEIVE_RING)
        return; /* lost: the link asks again */
    received[put % RECEIVE_RING] = byte;
    put++;
}

void serial_sent(void)
{
    busy = sending_taken != sending_put;
    if (busy)
        serial_write(sending[sending_taken++ % SEND_RING]);
}

const uint8_t *board_received(uint8_t *size)
{
    uint32_t straight = RECEIVE_RING - taken % RECEIVE_RING;
    uint32_t waiting = put - taken;
    if (waiting > straight)
        waiting = straight;
    *size = waiting < UINT8_MAX ? (uint8_t)waiting : UINT8_MAX;
    return received + taken % RECEIVE_RING;
}

void board_took(uint8_t size)
{
    taken += size;
}

/* The board's clock ends the rest each millisecond; WFI ends, too, with an interrupt that is only waiting. */
void board_rest(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (put == taken)
        __asm__ volatile("wfi" ::: "memory");
    __asm__ volatile("cpsie i" ::: "memory");
}

uint8_t board_room(void)
{
    uint32_t room = SEND_RING - (sending_put - sending_taken);
    return room < UINT8_MAX ? (uint8_t)room : UINT8_MAX;
}

void board_send(const uint8_t *bytes, uint8_t size)
{
    for (uint8_t i = 0; i < size; i++) {
        sending[sending_put % SEND_RING] = bytes[i];
        sending_put++;
    }
    __asm__ volatile("cpsid i" ::: "memory");
    if (!busy)
        serial_sent();
    __asm__ volatile("cpsie i" ::: "memory");
}

bool board_sent(void)
{
    return !busy;
}
