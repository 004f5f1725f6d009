/* The flash controller of the nRF51 (reference manual 3.0, chapter 6). */
#include "interrupt.h"
#include "layout.h"

#define READY REGISTER(0x4001e400u)
#define CONFIG REGISTER(0x4001e504u)
#define ERASEPAGE REGISTER(0x4001e508u)
enum { READ = 0, WRITE = 1, ERASE = 2 };

static void wait(void)
{
    while (READY == 0)
        continue;
}

void flash_write_page(uint32_t address, const uint8_t *page, uint32_t size)
{
    CONFIG = ERASE;
    ERASEPAGE = address;
    wait();
    CONFIG = WRITE;
    for (uint32_t at = 0; at < size; at += 4) {
        uint32_t word = 0xffffffffu;
        for (uint32_t i = 0; i < 4 && at + i < size; i++)
            ((uint8_t *)&word)[i] = page[at + i];
        REGISTER(address + at) = word;
        wait();
    }
    CONFIG = READ;
}
