/* Frames in and out; every request seen once (errand.h, runtime/serial/README.md). */
#include "errand.h"

/* Parts that are called from two places stay one. */
#ifdef __GNUC__
#define CALLED __attribute__((noinline))
#else
#define CALLED
#endif

#define NO_SLOT 0xffu
#define PENDING 0x8000u      /* in kept[]: to be sent, beside the size */
#define RESIDUE 0x2144df1cul /* the checksum of any bytes followed by their own checksum */

static CALLED uint32_t crc32_of(const uint8_t *bytes, uint16_t size)
{
    uint32_t crc = 0xfffffffful;
    while (size-- > 0) {
        crc ^= *bytes++;
        for (uint8_t bit = 0; bit < 8; bit++) {
            bool odd = (crc & 1u) != 0;
            crc >>= 1;
            if (odd)
                crc ^= 0xedb88320ul;
        }
    }
    return ~crc;
}

/* With the 157 another boot byte than before, and than a boot-id counted up by a few: what was sent to it fits no more. */
static CALLED void forget(struct errand_link *link, uint32_t host)
{
    link->host = host;
    link->boot = (uint8_t)(link->boot + 157u);
    link->expected = 0;
    for (uint8_t slot = 0; slot <= ERRAND_WINDOW_MAX; slot++)
        link->kept[slot] = 0;
}

void errand_link_init(struct errand_link *link)
{
    forget(link, 0);
    link->boot = (uint8_t)link->boot_id;
    link->rx_used = 0;
    link->rx_run = 0;
    link->rx_full = true;
    link->rx_seq = 0;
    link->rx_dropped = 0;
    link->sending = NO_SLOT;
    link->waiting = ERRAND_NOTHING;
    if (link->addr == ERRAND_ADDR_SINGLE) {
        link->waiting = ERRAND_HELLO;
        link->rx_used = ERRAND_AROUND_BODY;
    }
}

/* Decides what a whole frame means. Returns what waits now: nothing unless the caller has to see it. */
static uint8_t arrived(struct errand_link *link)
{
    const uint8_t *rx = link->rx;
    uint8_t type = rx[1] >> 4; /* with the direction: frames of other devices match nothing */
    if (type == ERRAND_DATA && rx[0] == ERRAND_ADDR_ALL)
        return ERRAND_DATA;
    if (rx[0] != link->addr)
        return ERRAND_NOTHING;
    uint8_t seq = link->rx_seq = rx[1] & 15u;
    if (type == ERRAND_HELLO) {
        struct errand_item host;
        if (!errand_map_find(rx + 3, rx + link->rx_used - 4, ERRAND_KEY_HOST, &host) || host.major != ERRAND_UINT ||
            host.value == 0)
            return ERRAND_NOTHING;
        if (host.value != link->host)
            forget(link, host.value);
        return ERRAND_HELLO;
    }
    if (link->host == 0 || rx[2] != link->boot || type > ERRAND_DATA)
        return ERRAND_NOTHING;
    if (type == ERRAND_REQUEST) {
        uint8_t behind = (uint8_t)(link->expected - seq) & 15u;
        uint16_t *kept = &link->kept[seq & (link->window - 1u)];
        if (behind != 0) {
            if (behind <= link->window && *kept != 0)
                *kept |= PENDING; /* seen: its reply was lost */
            return ERRAND_NOTHING;
        }
    }
    return type;
}

/* One byte more than fits is counted, so that the frame is known to be too long. */
static CALLED void store(struct errand_link *link, uint8_t byte)
{
    if (link->rx_used > link->rx_size)
        return;
    if (link->rx_used < link->rx_size)
        link->rx[link->rx_used] = byte;
    link->rx_used++;
}

static void delimiter(struct errand_link *link)
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

size_t errand_link_feed(struct errand_link *link, const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size && link->waiting == ERRAND_NOTHING) {
        uint8_t byte = bytes[used++];
        if (byte == 0) {
            delimiter(link);
            continue;
        }
        if (link->rx_run == 0) {
            /* The code of a group; before it, the 0x00 that ended the last one. */
            bool due = !link->rx_full;
            link->rx_full = byte == 0xffu;
            link->rx_run = (uint8_t)(byte - 1u);
            if (due)
                store(link, 0);
            continue;
        }
        link->rx_run--;
        store(link, byte);
    }
    return used;
}

enum errand_type errand_link_frame(const struct errand_link *link, const uint8_t **body, size_t *size)
{
    *body = link->rx + 3;
    *size = (size_t)(link->rx_used - ERRAND_AROUND_BODY);
    return (enum errand_type)link->waiting;
}

/* The slot that the waiting frame's answer is kept in; HELLO has the one behind the replies. */
static uint8_t slot_of(const struct errand_link *link)
{
    if (link->waiting == ERRAND_REQUEST)
        return (uint8_t)(link->rx_seq & (link->window - 1u));
    return link->window;
}

static uint8_t *frame_in(const struct errand_link *link, uint8_t slot)
{
    return link->tx + (size_t)slot * link->tx_size;
}

uint8_t *errand_link_room(const struct errand_link *link)
{
    return frame_in(link, slot_of(link)) + 3;
}

int errand_link_answer(struct errand_link *link, size_t size)
{
    uint8_t slot = slot_of(link);
    uint8_t *frame = errand_link_room(link) - 3;
    if (size > (size_t)(link->tx_size - ERRAND_AROUND_BODY))
        return ERRAND_ERR_ROOM;
    if (link->waiting == ERRAND_HELLO || link->waiting == ERRAND_REQUEST) {
        uint16_t used = (uint16_t)(size + 3u);
        frame[0] = link->addr;
        frame[1] = (uint8_t)(0x80u | ((unsigned)link->waiting << 4) | link->rx_seq);
        frame[2] = link->boot;
        uint32_t crc = crc32_of(frame, used);
        for (uint8_t i = 0; i < 4; i++, crc >>= 8)
            frame[used++] = (uint8_t)crc;
        link->kept[slot] = used | PENDING;
        if (link->waiting == ERRAND_REQUEST)
            link->expected = (uint8_t)(link->expected + 1u) & 15u;
        if (link->sending == slot)
            link->sending = NO_SLOT; /* what was on its way is overwritten: the next delimiter ends it */
    }
    link->waiting = ERRAND_NOTHING;
    link->rx_used = 0;
    return 0;
}

/* The next byte of the frame being sent; its last is the delimiter. */
static uint8_t stuffed(struct errand_link *link)
{
    const uint8_t *frame = frame_in(link, link->sending);
    uint16_t size = link->kept[link->sending] & (PENDING - 1u);
    if (link->tx_run > 0) {
        link->tx_run--;
        return frame[link->tx_at++];
    }
    if (link->tx_next > size) {
        link->sending = NO_SLOT;
        return 0;
    }
    /* A new group, up to the next 0x00; one is imagined behind the last byte. */
    uint16_t at = link->tx_at = link->tx_next;
    while (link->tx_run < 254u && at < size && frame[at] != 0) {
        at++;
        link->tx_run++;
    }
    link->tx_next = (uint16_t)(at + (link->tx_run < 254u));
    return (uint8_t)(link->tx_run + 1u);
}

size_t errand_link_output(struct errand_link *link, uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        if (link->sending == NO_SLOT) {
            uint8_t slot = 0;
            while (link->kept[slot] < PENDING)
                if (++slot > link->window)
                    return used;
            link->kept[slot] &= PENDING - 1u;
            link->sending = slot;
            link->tx_next = 0;
            link->tx_run = 0;
            bytes[used++] = 0;
        } else {
            bytes[used++] = stuffed(link);
        }
    }
    return used;
}
