/*
 * The boot section. Only code in it can write flash, and only it runs while a page is written. So it is complete: it
 * calls nothing outside, and starts from nothing at a reset.
 */
#include "flash.h"
#include "keep.h"
#include "uart.h"

#include <avr/boot.h>
#include <avr/interrupt.h>
#include <avr/pgmspace.h>
#include <avr/wdt.h>

#define BOOT __attribute__((section(".boot"), noinline, used))
#define KEPT(member) (KEEP_AT + offsetof(struct keep, member))

/* At 0x7800, where a reset begins. */
__attribute__((naked, used, section(".boot_start"))) void boot_start(void)
{
    __asm__ volatile("eor r1, r1\n\t"
                     "out __SREG__, r1\n\t"
                     "ldi r28, lo8(%0)\n\t"
                     "ldi r29, hi8(%0)\n\t"
                     "out __SP_H__, r29\n\t"
                     "out __SP_L__, r28\n\t"
                     "rjmp boot_main" ::"i"(RAMEND));
}

static inline __attribute__((always_inline)) uint8_t eeprom_get(uint16_t at)
{
    while ((EECR & (1 << EEPE)) != 0)
        continue;
    EEAR = at;
    EECR |= 1 << EERE;
    return EEDR;
}

static inline __attribute__((always_inline)) void eeprom_put(uint16_t at, uint8_t byte)
{
    while ((EECR & (1 << EEPE)) != 0)
        continue;
    EEAR = at;
    EEDR = byte;
    EECR |= 1 << EEMPE;
    EECR |= 1 << EEPE; /* within four cycles */
}

/* A byte that arrives while the vectors rest. */
BOOT static void take_byte(void)
{
    if ((UCSR0A & (1 << RXC0)) == 0)
        return;
    uint8_t put = uart_received.put;
    uart_received.bytes[put % RECEIVE_RING] = UDR0;
    if ((uint8_t)(put - uart_received.taken) < RECEIVE_RING)
        uart_received.put = (uint8_t)(put + 1u);
}

BOOT static void wait(bool polling)
{
    while (boot_spm_busy() || (EECR & (1 << EEPE)) != 0)
        if (polling)
            take_byte();
}

/* `page` is in RAM; NULL: `from` is in flash. */
BOOT static void write(uint16_t address, const uint8_t *page, uint16_t from, uint16_t size)
{
    wait(page != NULL);
    for (uint16_t i = 0; i < PAGE_BYTES; i += 2) {
        uint16_t word = 0xffff;
        if (i < size)
            word = page != NULL ? (uint16_t)(page[i] | page[i + 1u] << 8) : pgm_read_word(from + i);
        boot_page_fill(address + i, word);
    }
    boot_page_erase(address);
    wait(page != NULL);
    boot_page_write(address);
    wait(page != NULL);
    boot_rww_enable();
}

BOOT void flash_write_page(uint16_t address, const uint8_t *page, uint16_t size)
{
    uint8_t before = SREG;
    cli();
    write(address, page, 0, size);
    SREG = before;
}

__attribute__((noreturn, used, section(".boot"))) void boot_main(void)
{
    MCUSR = 0; /* else the watchdog that ended the last program goes on */
    WDTCSR = 1 << WDCE | 1 << WDE;
    WDTCSR = 0;
    uint16_t size = eeprom_get(KEPT(waiting_bytes));
    size |= (uint16_t)(eeprom_get(KEPT(waiting_bytes) + 1u) << 8);
    if (size <= PROGRAM_BYTES) {
        for (uint16_t at = 0; at < size; at += PAGE_BYTES)
            write(at, NULL, SLOT + at, PAGE_BYTES);
        eeprom_put(KEPT(program_bytes), (uint8_t)size);
        eeprom_put(KEPT(program_bytes) + 1u, (uint8_t)(size >> 8));
        /* Until this byte is written, a power cut begins the copy anew. */
        eeprom_put(KEPT(waiting_bytes) + 1u, 0xff);
        wait(false);
    }
    __asm__ volatile("jmp 0");
    __builtin_unreachable();
}

BOOT void flash_switch(uint16_t size)
{
    cli();
    eeprom_put(KEPT(waiting_bytes), (uint8_t)size);
    eeprom_put(KEPT(waiting_bytes) + 1u, (uint8_t)(size >> 8)); /* last: it is below 0xff from here on */
    wait(false);
    wdt_enable(WDTO_15MS);
    for (;;)
        continue;
}
