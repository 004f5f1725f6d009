/* Starts at a reset (layout.h), without data of its own: it may be the only thing that works. */
#include "layout.h"

#include <string.h>

extern const uint32_t factory_bytes;
extern const uint8_t factory[];

static void install(struct keep *keep, const uint8_t *image, uint32_t size)
{
    for (uint32_t at = 0; at < size; at += PAGE_BYTES)
        flash_write_page(FLASH_PROGRAM + at, image + at, size - at < PAGE_BYTES ? size - at : PAGE_BYTES);
    keep->program_bytes = size;
    keep->waiting_bytes = 0;
    keep_save(keep); /* until here, a power cut begins the copy anew */
}

__attribute__((noreturn, used)) static void stub(void)
{
    struct keep keep;
    const uint32_t *program = (const uint32_t *)FLASH_PROGRAM;
    keep_load(&keep);
    if (keep.waiting_bytes > 0 && keep.waiting_bytes <= IMAGE_MAX)
        install(&keep, (const uint8_t *)FLASH_SLOT, keep.waiting_bytes);
    else if (keep.program_bytes == 0)
        install(&keep, factory, factory_bytes);
    __asm__ volatile("msr msp, %0\n\tbx %1" ::"r"(program[0]), "r"(program[1]));
    __builtin_unreachable();
}

/* A Cortex-M0 finds its vectors at 0 only: the program's are looked up there. r0 and r1 are saved by the hardware. */
__attribute__((naked, used)) static void forward(void)
{
    __asm__ volatile(".syntax unified\n\t"
                     "mrs r0, ipsr\n\t"
                     "lsls r0, r0, #2\n\t"
                     "ldr r1, =%c0\n\t"
                     "ldr r0, [r0, r1]\n\t"
                     "bx r0" ::"i"(FLASH_PROGRAM));
}

#define FOUR(entry) entry, entry, entry, entry
#define SIXTEEN(entry) FOUR(entry), FOUR(entry), FOUR(entry), FOUR(entry)

__attribute__((used, section(".vectors"))) static void (*const vectors[48])(void) = {
    (void (*)(void))RAM_END, stub, forward, forward, FOUR(forward), FOUR(forward), FOUR(forward), SIXTEEN(forward),
    SIXTEEN(forward)};

__asm__(".section .factory, \"a\"\n"
        ".global factory_bytes, factory\n"
        ".balign 4\n"
        "factory_bytes: .word factory_end - factory\n"
        "factory: .incbin \"" FACTORY_FILE "\"\n"
        "factory_end:\n"
        ".text\n");
