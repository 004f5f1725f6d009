/*
 * The library on its real processors, in an emulator: a link that answers, firmware that is pulled and verified. What
 * to feed is in board.h, which the test writes; what comes out is printed as lines, and the last one is a dot.
 */
#include "errand.h"

#include "board.h"

#ifdef __AVR__
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
static void print(char letter)
{
    UCSR0B = 1 << TXEN0;
    while ((UCSR0A & (1 << UDRE0)) == 0)
        continue;
    UDR0 = (uint8_t)letter;
}
static void stop(void)
{
    cli(); /* asleep without interrupts: simavr ends */
    sleep_mode();
}
#else
static int semihosting(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
static void print(char letter)
{
    semihosting(3, &letter);
}
static void stop(void)
{
    semihosting(0x18, (const void *)0x20026);
}
/* Where the stack begins and where to start: all that a Cortex-M0 needs. */
__asm__(".section .vectors,\"a\"\n.word 0x20004000\n.word main\n.text\n");
#endif

static uint8_t flash[IMAGE_BYTES];

static int flash_write(void *context, uint32_t offset, const uint8_t *page, uint16_t size)
{
    (void)context;
    for (uint16_t i = 0; i < size; i++)
        flash[offset + i] = page[i];
    return 0;
}

static int flash_read(void *context, uint32_t offset, uint8_t *bytes, uint16_t size)
{
    (void)context;
    for (uint16_t i = 0; i < size; i++)
        bytes[i] = flash[offset + i];
    return 0;
}

static void print_byte(uint8_t byte)
{
    print("0123456789abcdef"[byte >> 4]);
    print("0123456789abcdef"[byte & 15]);
}

static uint8_t rx[64], tx[2 * 64], page[32];

int main(void)
{
    struct errand_link link = {0};
    struct errand_pull pull = {0};
    uint8_t out[5];
    size_t at = 0;
    link.window = 1;
    link.rx = rx;
    link.tx = tx;
    link.rx_size = sizeof rx;
    link.tx_size = 64;
    link.boot_id = BOOT_ID;
    errand_link_init(&link);
    pull.count = 4;
    pull.page_size = sizeof page;
    pull.block_size = 16;
    pull.size = IMAGE_BYTES;
    pull.page = page;
    pull.flash_write = flash_write;
    pull.flash_read = flash_read;
    for (uint8_t i = 0; i < ERRAND_HASH_BYTES; i++)
        pull.hash[i] = hash[i];
    errand_pull_init(&pull);
    for (;;) {
        const uint8_t *body;
        size_t size;
        struct errand_writer writer;
        enum errand_type type = errand_link_frame(&link, &body, &size);
        errand_write_init(&writer, errand_link_room(&link), 64 - ERRAND_AROUND_BODY);
        if (type == ERRAND_HELLO) {
            errand_write_head(&writer, ERRAND_MAP, 1);
            errand_write_pair(&writer, ERRAND_KEY_BOOT_ID, link.boot_id);
        } else if (type == ERRAND_REQUEST) {
            errand_pull_write(&pull, &writer);
        } else if (type == ERRAND_DATA && errand_pull_block(&pull, body, size) < 0) {
            print('!');
        }
        if (type != ERRAND_NOTHING) {
            errand_link_answer(&link, type == ERRAND_DATA ? 0 : writer.used);
            continue;
        }
        for (size_t used; (used = errand_link_output(&link, out, sizeof out)) > 0;)
            for (size_t i = 0; i < used; i++)
                print_byte(out[i]);
        if (at == sizeof wire)
            break;
        at += errand_link_feed(&link, wire + at, sizeof wire - at);
    }
    int result;
    while ((result = errand_pull_verify(&pull)) == 1)
        continue;
    print(result == 0 ? '=' : '?');
    print('\n');
    print('.');
    print('\n');
    stop();
    return 0;
}
