/*
 * An Arduino Uno in simavr: its processor at its own speed, its UART on a pseudo-terminal, flash and EEPROM in a folder.
 *
 *   uno FOLDER LINK HEX
 *
 * LINK is made a symbolic link to the terminal. HEX is what a programmer has written; FOLDER/flash and FOLDER/eeprom, when
 * they are there, are newer. SIGUSR2 pulls the reset pin, SIGTERM switches off. Both memories are kept at every reset.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <simavr/avr_eeprom.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_hex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define HERTZ 16000000u
#define BOOT_SECTION 0x7800u
/* At 115,200 baud by the divider 16. simavr takes every byte to have a parity bit, so 11 bits: faster ones it loses. */
#define CYCLES_OF_BYTE (11u * 8 * (16 + 1))
/* Between two looks at the clock. */
#define CYCLES_OF_ROUND (HERTZ / 1000)

static volatile sig_atomic_t reset_asked, end_asked;
static const char *folder;
static int master;
static avr_t *avr;
static avr_irq_t *input;

static void on_signal(int number)
{
    if (number == SIGUSR2)
        reset_asked = 1;
    else
        end_asked = 1;
}

static void file(const char *name, void *bytes, size_t size, const char *mode)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *opened = fopen(path, mode);
    if (opened == NULL)
        return;
    if ((*mode == 'r' ? fread(bytes, 1, size, opened) : fwrite(bytes, 1, size, opened)) != size)
        exit(3);
    fclose(opened);
}

static void memories(const char *mode)
{
    avr_eeprom_desc_t eeprom = {NULL, 0, 0};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_GET, &eeprom); /* with no buffer of ours it gives its own */
    file("flash", avr->flash, avr->flashend + 1, mode);
    file("eeprom", eeprom.ee, avr->e2end + 1, mode);
}

static void load(const char *hex)
{
    ihex_chunk_p chunks;
    int count = read_ihex_chunks(hex, &chunks);
    if (count <= 0)
        exit(3);
    memset(avr->flash, 0xff, avr->flashend + 1);
    for (int i = 0; i < count; i++)
        memcpy(avr->flash + chunks[i].baseaddr, chunks[i].data, chunks[i].size);
    avr->codeend = avr->flashend;
}

static void plug(const char *link)
{
    struct termios raw;
    char made[1024];
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        exit(3);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* stays open, so that the other end may come and go */
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    snprintf(made, sizeof made, "%s.new", link);
    unlink(made);
    if (symlink(ptsname(master), made) != 0 || rename(made, link) != 0)
        exit(3);
}

static void on_sent(struct avr_irq_t *irq, uint32_t value, void *param)
{
    uint8_t byte = (uint8_t)value;
    (void)irq;
    (void)param;
    if (write(master, &byte, 1) < 0 && errno != EAGAIN && errno != EIO)
        exit(3); /* EAGAIN: nobody listens, and a UART does not wait */
}

/* One byte from the line, as often as its speed allows. */
static avr_cycle_count_t receive(avr_t *of, avr_cycle_count_t when, void *param)
{
    uint8_t byte;
    (void)of;
    (void)param;
    if (read(master, &byte, 1) == 1)
        avr_raise_irq(input, byte);
    return when + CYCLES_OF_BYTE;
}

/* Sleeping takes its cycles and nothing else: keep_pace waits. */
static void skip(avr_t *of, avr_cycle_count_t cycles)
{
    (void)of;
    (void)cycles;
}

static void keep_pace(void)
{
    static struct timespec began;
    static avr_cycle_count_t from;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (began.tv_sec == 0) {
        began = now;
        from = avr->cycle;
    }
    int64_t passed = (now.tv_sec - began.tv_sec) * 1000000000ll + now.tv_nsec - began.tv_nsec;
    int64_t ahead = (int64_t)((avr->cycle - from) * 1000 / (HERTZ / 1000000)) - passed;
    if (ahead > 0)
        nanosleep(&(struct timespec){ahead / 1000000000, ahead % 1000000000}, NULL);
    else
        began.tv_sec = ahead < -100000000ll ? 0 : began.tv_sec; /* a busy machine: the time is not made up for */
}

/* Whatever resets it: the pin, or the watchdog. The simulator forgets its timers then. */
static void (*core_reset)(avr_t *);
static void on_reset(avr_t *of)
{
    if (core_reset != NULL)
        core_reset(of);
    memories("wb");
    avr_cycle_timer_register(of, CYCLES_OF_BYTE, receive, NULL);
}

int main(int argc, char **argv)
{
    struct sigaction act = {0};
    avr_cycle_count_t looked = 0;
    uint32_t flags = 0;
    if (argc != 4)
        return 2;
    act.sa_handler = on_signal;
    sigaction(SIGUSR2, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    folder = argv[1];
    mkdir(folder, 0700);
    avr = avr_make_mcu_by_name("atmega328p");
    if (avr == NULL)
        return 3;
    avr_init(avr);
    avr->frequency = HERTZ;
    avr->log = LOG_ERROR;
    avr->sleep = skip;
    load(argv[3]);
    memories("rb");
    if (avr->flash[BOOT_SECTION] != 0xff)
        avr->reset_pc = BOOT_SECTION; /* the fuse BOOTRST: for programs that come with a boot section */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_sent, NULL);
    plug(argv[2]);
    core_reset = avr->reset;
    avr->reset = on_reset;
    avr_reset(avr);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        int state = avr_run(avr);
        if (state == cpu_Crashed)
            return 4;
        if (state == cpu_Done || end_asked)
            break;
        if (reset_asked) {
            reset_asked = 0;
            avr_reset(avr);
        }
        if (avr->cycle - looked < CYCLES_OF_ROUND)
            continue;
        looked = avr->cycle;
        keep_pace();
    }
    memories("wb");
    return 0;
}
