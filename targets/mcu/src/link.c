/* Frames in and out; every request seen once (errand.h, runtime/serial/README.md). */
#include "errand.h"
#include "inlining.h"

#define NO_SLOT 0xffu
#define NO_BOOT 0x100u       /* fits no frame: no host has said HELLO yet */
#define RESIDUE 0x2144df1cul /* the checksum of any bytes followed by their own checksum */
#define BODY_AT 3u
#define CRC_BYTES 4u

static CALLED uint32_t crc32_of(const uint8_t *bytes, uint16_t size)
{
    const uint8_t *end = bytes + size;
    uint32_t crc = 0xfffffffful;
    while (bytes != end) {
        crc ^= *bytes++;
        for (uint_fast8_t bit = 8; bit > 0; bit--) {
            bool odd = (uint8_t)crc & 1u; /* of 8 bits: an AVR would look at 32 */
            crc >>= 1;
            if (odd)
                crc ^= 0xedb88320ul;
        }
    }
    return ~crc;
}

void errand_link_init(struct errand_link *link)
{
    link->boot = (uint16_t)(NO_BOOT | (uint8_t)link->boot_id);
    link->sending = NO_SLOT;
    link->rx_full = true;
    link->rx[1] = 0; /* as if a HELLO without a body and of seq 0 had come */
    if (link->addr == ERRAND_ADDR_SINGLE)
        link->rx_used = ERRAND_AROUND_BODY;
    else
        link->waiting = ERRAND_NOTHING;
}

/* With the 157 another boot byte than before, and than a boot-id counted up by a few: what was sent to it fits no more. */
static void forget(struct errand_link *link, uint32_t host)
{
    link->host = host;
    link->boot = (uint8_t)(link->boot + 157u);
    link->expected = 0;
    for (uint_fast8_t slot = 0; slot <= ERRAND_WINDOW_MAX; slot++)
        link->kept[slot] = 0;
}

/* Decides what a whole frame means. Returns what waits now: nothing unless the caller has to see it. */
static uint8_t arrived(struct errand_link *link)
{
    const uint8_t *rx = link->rx;
    uint8_t type = rx[1] >> 4; /* with the direction: frames of other devices match nothing */
    uint8_t seq = rx[1] & 15u;
    if (rx[0] == ERRAND_ADDR_ALL && type == ERRAND_DATA)
        return ERRAND_DATA;
    if (rx[0] != link->addr)
        return ERRAND_NOTHING;
    if (type == ERRAND_HELLO) {
        struct errand_item items[ERRAND_ITEMS];
        uint32_t host;
        if (!errand_body_read(rx + BODY_AT, rx + link->rx_used - CRC_BYTES, items) ||
            items[ERRAND_KEY_HOST].major != ERRAND_UINT || (host = items[ERRAND_KEY_HOST].value) == 0)
            return ERRAND_NOTHING;
        if (host != link->host)
            forget(link, host);
        return type;
    }
    if (rx[2] != link->boot || type > ERRAND_DATA)
        return ERRAND_NOTHING;
    if (type == ERRAND_REQUEST) {
        uint8_t behind = (uint8_t)(link->expected - seq) & 15u;
        int16_t *kept = &link->kept[seq & (link->window - 1u)];
        if (behind != 0) {
            if (behind <= link->window && *kept > 0)
                *kept = (int16_t)-*kept; /* seen: its reply was lost */
            return ERRAND_NOTHING;
        }
    }
    return type;
}

static CALLED_ON_AVR void delimiter(struct errand_link *link)
{
    /* The last group is never a full one: the 0x00 imagined behind the last byte is due. */
    if (link->rx_run == 0 && !link->rx_full && link->rx_used >= ERRAND_AROUND_BODY && link->rx_used <= link->rx_size &&
        crc32_of(link->rx, link->rx_used) == RESIDUE)
        link->waiting = arrived(link);
    else if (link->rx_used > 0)
        link->rx_dropped++;
    if (link->waiting == ERRAND_NOTHING)
        link->rx_used = 0;
    link->rx_run = 0;
    link->rx_full = true;
}

bool errand_link_take(struct errand_link *link, uint8_t byte)
{
    if (link->waiting != ERRAND_NOTHING)
        return false;
    if (byte == 0) {
        delimiter(link);
        return true;
    }
    if (link->rx_run > 0) {
        link->rx_run--;
    } else {
        /* The code of a group; before it, the 0x00 that ended the last one. */
        bool due = !link->rx_full;
        link->rx_full = byte == 0xffu;
        link->rx_run = (uint8_t)(byte - 1u);
        if (!due)
            return true;
        byte = 0;
    }
    /* One byte more than fits is counted, so that the frame is known to be too long. */
    uint16_t used = link->rx_used;
    if (used <= link->rx_size) {
        link->rx_used = (uint16_t)(used + 1u);
        if (used < link->rx_size)
            link->rx[used] = byte;
    }
    return true;
}

enum errand_type errand_link_frame(const struct errand_link *link, const uint8_t **body, size_t *size)
{
    *body = link->rx + BODY_AT;
    *size = (size_t)(link->rx_used - ERRAND_AROUND_BODY);
    return (enum errand_type)link->waiting;
}

/* The slot that the waiting frame's answer is kept in; HELLO has the one behind the replies. */
static CALLED uint8_t slot_of(const struct errand_link *link)
{
    if (link->waiting == ERRAND_REQUEST)
        return (uint8_t)(link->rx[1] & (link->window - 1u));
    return link->window;
}

static CALLED uint8_t *frame_in(const struct errand_link *link, uint8_t slot)
{
    return link->tx + (size_t)slot * link->tx_size;
}

uint8_t *errand_link_room(const struct errand_link *link)
{
    return frame_in(link, slot_of(link)) + BODY_AT;
}

int errand_link_answer(struct errand_link *link, size_t size)
{
    uint8_t slot = slot_of(link);
    uint8_t *frame = frame_in(link, slot);
    if (size > (size_t)(link->tx_size - ERRAND_AROUND_BODY))
        return ERRAND_ERR_ROOM;
    if (link->waiting <= ERRAND_REQUEST) {
        uint16_t used = (uint16_t)(size + BODY_AT);
        frame[0] = link->addr;
        frame[1] = link->rx[1] | 0x80u; /* type and seq of what it answers */
        frame[2] = (uint8_t)link->boot;
        uint32_t crc = crc32_of(frame, used);
        frame += used;
        for (uint_fast8_t i = CRC_BYTES; i > 0; i--, crc >>= 8)
            *frame++ = (uint8_t)crc;
        link->kept[slot] = (int16_t)-(int16_t)(used + CRC_BYTES);
        if (link->waiting == ERRAND_REQUEST)
            link->expected++;
        if (link->sending == slot)
            link->sending = NO_SLOT; /* what was on its way is overwritten: the next delimiter ends it */
    }
    link->waiting = ERRAND_NOTHING;
    link->rx_used = 0;
    return 0;
}

int errand_link_give(struct errand_link *link)
{
    uint8_t slot = link->sending;
    if (slot == NO_SLOT) {
        slot = 0;
        while (link->kept[slot] >= 0)
            if (++slot > link->window)
                return -1;
        link->kept[slot] = (int16_t)-link->kept[slot];
        link->tx_end = (uint16_t)link->kept[slot];
        link->sending = slot;
        link->tx_at = 0;
        link->tx_run = 0;
        link->tx_full = true;
        return 0;
    }
    const uint8_t *frame = frame_in(link, slot);
    uint16_t at = link->tx_at;
    if (link->tx_run > 0) {
        link->tx_run--;
        link->tx_at = (uint16_t)(at + 1u);
        return frame[at];
    }
    if (!link->tx_full)
        at++; /* the 0x00 that ended the last group; one is imagined behind the last byte */
    if (at > link->tx_end) {
        link->sending = NO_SLOT;
        return 0;
    }
    link->tx_at = at;
    uint8_t run = 0;
    while (run < 254u && at < link->tx_end && frame[at] != 0) {
        at++;
        run++;
    }
    link->tx_full = run == 254u;
    link->tx_run = run;
    return run + 1;
}
