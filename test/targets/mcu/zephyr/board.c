/*
 * A board with MCUboot in place of one with Zephyr: what lies in its first slot is started as a program of this machine.
 *
 *   board FLASH SETTINGS LINK
 *
 * FLASH is a file with both slots (slots.h), SETTINGS a folder, LINK is made a symbolic link to the pseudo-terminal that is the
 * UART. SIGUSR2 pulls the reset pin: between any two instructions. A program that ends has reset itself.
 */
#define _GNU_SOURCE
#include "slots.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define HEADER_BYTES_AT 8
#define PROGRAM_BYTES_AT 12

static volatile pid_t program;

static void on_reset(int number)
{
    (void)number;
    if (program > 0)
        kill(program, SIGKILL);
}

static void check(int fine, const char *what)
{
    if (fine)
        return;
    perror(what);
    exit(3);
}

static void plug(const char *link)
{
    struct termios raw;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    check(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0, "a pseudo-terminal");
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* stays open, so that the other end may come and go */
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    check(symlink(ptsname(master), link) == 0, link);
    check(dup2(master, UART_FD) == UART_FD, "the UART");
}

static void erase_words(uint8_t *slot)
{
    memset(slot + SLOT_BYTES - PAGE_BYTES, 0xff, PAGE_BYTES);
}

static void swap(uint8_t *flash)
{
    static uint8_t kept[SLOT_BYTES];
    memcpy(kept, flash, SLOT_BYTES);
    memcpy(flash, flash + SLOT_BYTES, SLOT_BYTES);
    memcpy(flash + SLOT_BYTES, kept, SLOT_BYTES);
    erase_words(flash);
    erase_words(flash + SLOT_BYTES);
    memcpy(flash + MAGIC_AT, MAGIC, sizeof MAGIC);
    flash[COPY_DONE_AT] = 1;
}

/* MCUboot's rule: what was asked for is tried once; what was tried and not confirmed is put back. */
static const char *boot(uint8_t *flash)
{
    if (memcmp(flash + SLOT_BYTES + MAGIC_AT, MAGIC, sizeof MAGIC) == 0) {
        swap(flash);
        return "tries";
    }
    if (flash[MAGIC_AT] == MAGIC[0] && flash[COPY_DONE_AT] == 1 && flash[IMAGE_OK_AT] != 1) {
        swap(flash);
        flash[IMAGE_OK_AT] = 1;
        return "puts back";
    }
    return "starts";
}

static pid_t start(const uint8_t *flash)
{
    uint16_t header;
    uint32_t size;
    memcpy(&header, flash + HEADER_BYTES_AT, sizeof header);
    memcpy(&size, flash + PROGRAM_BYTES_AT, sizeof size);
    check(header + size <= SLOT_BYTES, "the program's size");
    int file = memfd_create("program", MFD_CLOEXEC);
    check(write(file, flash + header, size) == (ssize_t)size, "the program");
    pid_t board = getpid();
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        char *arguments[] = {"program", NULL};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != board)
            _exit(0); /* it has ended before */
        fexecve(file, arguments, environ);
        _exit(4); /* not a program: a processor would hang, and its watchdog bite */
    }
    close(file);
    return child;
}

int main(int count, char **arguments)
{
    struct sigaction reset = {.sa_handler = on_reset};
    check(count == 4, "board FLASH SETTINGS LINK");
    int file = open(arguments[1], O_RDWR);
    check(file >= 0 && dup2(file, FLASH_FD) == FLASH_FD, arguments[1]);
    uint8_t *flash = mmap(NULL, 2 * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, FLASH_FD, 0);
    check(flash != MAP_FAILED, "flash");
    check(setenv("SETTINGS", arguments[2], 1) == 0, "SETTINGS");
    plug(arguments[3]);
    sigaction(SIGUSR2, &reset, NULL);
    printf("ready\n");
    for (;;) {
        int status = 0;
        const char *does = boot(flash);
        printf("MCUboot %s %u.%u.%u\n", does, flash[20], flash[21], flash[22]);
        fflush(stdout);
        program = start(flash);
        while (waitpid(program, &status, 0) < 0)
            continue;
        program = 0;
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
            return 5; /* a fault of the sample: kernel.c or a sanitizer has said which */
    }
}
