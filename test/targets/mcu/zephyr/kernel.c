/*
 * The parts of Zephyr that the sample calls, on this machine. An interrupt is a signal: it comes between any two
 * instructions, and while the loop rests. Flash is as chips have it: written once after it was erased, in blocks, erased in
 * pages, and what would harm a chip ends the program. board.c starts it and keeps its memories.
 */
#define _GNU_SOURCE
#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <zephyr/device.h>
#include <zephyr/dfu/mcuboot.h>
#include <zephyr/drivers/flash.h>
#include <zephyr/drivers/gpio.h>
#include <zephyr/drivers/hwinfo.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/settings/settings.h>
#include <zephyr/storage/flash_map.h>
#include <zephyr/sys/byteorder.h>
#include <zephyr/sys/reboot.h>
#include <zephyr/sys/ring_buffer.h>
#include <zephyr/sys/util.h>

#define MILLION 1000000
/* Of the version in an image's header. */
#define MAJOR_AT 20

__attribute__((noreturn)) static void harm(const char *what, long at)
{
    dprintf(2, "harm: %s at %ld\n", what, at);
    abort();
}

/* The number in this variable of the environment; 0 when it is not set. */
static unsigned trouble(const char *name)
{
    const char *number = getenv(name);
    return number == NULL ? 0 : (unsigned)atoi(number);
}

/* ---- the UART ---- */

const struct device zephyr_stand_in_uart;
static const struct device chip_flash;
static uart_irq_callback_user_data_t callback;
static void *callback_data;
static volatile sig_atomic_t receiving, sending, inside;

static void interrupt(int number)
{
    int before = errno;
    (void)number;
    inside = 1;
    if (callback != NULL && (receiving || sending))
        callback(&zephyr_stand_in_uart, callback_data);
    inside = 0;
    errno = before;
}

bool device_is_ready(const struct device *dev)
{
    return dev != NULL;
}

int uart_irq_callback_user_data_set(const struct device *dev, uart_irq_callback_user_data_t cb, void *user_data)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    if (dev != &zephyr_stand_in_uart)
        return -ENOSYS;
    callback = cb;
    callback_data = user_data;
    sigaction(SIGIO, &action, NULL);
    fcntl(UART_FD, F_SETOWN, getpid());
    fcntl(UART_FD, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC);
    return 0;
}

int uart_irq_update(const struct device *dev)
{
    if (!inside)
        harm("uart_irq_update outside of an interrupt", 0);
    return dev == &zephyr_stand_in_uart;
}

static int is_ready(short event)
{
    struct pollfd line = {.fd = UART_FD, .events = event};
    return poll(&line, 1, 0) == 1 && (line.revents & event) != 0;
}

int uart_irq_rx_ready(const struct device *dev)
{
    (void)dev;
    return receiving && is_ready(POLLIN);
}

int uart_irq_tx_ready(const struct device *dev)
{
    (void)dev;
    return sending && is_ready(POLLOUT);
}

int uart_fifo_read(const struct device *dev, uint8_t *bytes, const int size)
{
    (void)dev;
    if (!inside)
        harm("uart_fifo_read outside of an interrupt", 0);
    ssize_t got = read(UART_FD, bytes, (size_t)size);
    return got < 0 ? 0 : (int)got;
}

int uart_fifo_fill(const struct device *dev, const uint8_t *bytes, int size)
{
    (void)dev;
    if (!inside)
        harm("uart_fifo_fill outside of an interrupt", 0);
    ssize_t took = write(UART_FD, bytes, (size_t)size);
    return took < 0 ? 0 : (int)took;
}

void uart_irq_rx_enable(const struct device *dev)
{
    (void)dev;
    receiving = 1;
    raise(SIGIO);
}

void uart_irq_tx_enable(const struct device *dev)
{
    (void)dev;
    sending = 1;
    raise(SIGIO);
}

void uart_irq_tx_disable(const struct device *dev)
{
    (void)dev;
    sending = 0;
}

/* ---- the kernel ---- */

static uint64_t millis_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / MILLION;
}

uint32_t k_uptime_get_32(void)
{
    static uint64_t began;
    if (began == 0)
        began = millis_now();
    return (uint32_t)(millis_now() - began);
}

void k_sem_give(struct k_sem *sem)
{
    if (sem->count < sem->limit)
        sem->count++;
}

/* Interrupts come in ppoll only, so that none is missed between the look and the rest. While bytes wait to leave, one comes
 * in any case: a pseudo-terminal that was full does not tell. */
int k_sem_take(struct k_sem *sem, k_timeout_t timeout)
{
    sigset_t signals, before;
    uint64_t until = millis_now() + timeout.milliseconds;
    sigemptyset(&signals);
    sigaddset(&signals, SIGIO);
    sigprocmask(SIG_BLOCK, &signals, &before);
    while (sem->count == 0 && millis_now() < until) {
        struct timespec rest = {.tv_nsec = MILLION};
        if (ppoll(NULL, 0, &rest, &before) == 0 && sending)
            raise(SIGIO);
    }
    int result = sem->count > 0 ? 0 : -EAGAIN;
    if (result == 0)
        sem->count--;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

int32_t k_msleep(int32_t milliseconds)
{
    uint64_t until = millis_now() + (uint64_t)milliseconds;
    while (millis_now() < until)
        usleep(1000);
    return 0;
}

void sys_reboot(int type)
{
    _exit(type == SYS_REBOOT_COLD ? 0 : 1);
}

/* ---- sys ---- */

bool ring_buf_is_empty(struct ring_buf *ring)
{
    return ring->put == ring->got;
}

uint32_t ring_buf_space_get(struct ring_buf *ring)
{
    return ring->size - (ring->put - ring->got);
}

uint32_t ring_buf_put(struct ring_buf *ring, const uint8_t *bytes, uint32_t size)
{
    uint32_t room = ring_buf_space_get(ring);
    if (size > room)
        size = room;
    for (uint32_t i = 0; i < size; i++)
        ring->buffer[(ring->put + i) % ring->size] = bytes[i];
    ring->put += size;
    return size;
}

uint32_t ring_buf_get_claim(struct ring_buf *ring, uint8_t **bytes, uint32_t size)
{
    uint32_t from = ring->got + ring->claimed;
    uint32_t straight = ring->size - from % ring->size;
    uint32_t waiting = ring->put - from;
    if (size > waiting)
        size = waiting;
    if (size > straight)
        size = straight;
    *bytes = ring->buffer + from % ring->size;
    ring->claimed += size;
    return size;
}

int ring_buf_get_finish(struct ring_buf *ring, uint32_t size)
{
    if (size > ring->claimed)
        harm("more let go of than was claimed", (long)size);
    ring->claimed = 0;
    ring->got += size;
    return 0;
}

size_t bin2hex(const uint8_t *bytes, size_t size, char *hex, size_t room)
{
    if (room < 2 * size + 1)
        return 0;
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return 2 * size;
}

/* ---- what the board has ---- */

int gpio_pin_configure_dt(const struct gpio_dt_spec *spec, uint32_t flags)
{
    (void)spec;
    (void)flags;
    harm("a pin without a port", 0);
}

ssize_t hwinfo_get_device_id(uint8_t *bytes, size_t size)
{
    static const uint8_t ID[] = {0xe5, 0x5a, 0x00, 0x01};
    if (size < sizeof ID)
        harm("no room for the number of the chip", (long)size);
    memcpy(bytes, ID, sizeof ID);
    return sizeof ID;
}

/* ---- flash ---- */

static uint8_t *flash(void)
{
    static uint8_t *mapped;
    if (mapped == NULL)
        mapped = mmap(NULL, 2 * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, FLASH_FD, 0);
    if (mapped == MAP_FAILED)
        harm("there is no flash", errno);
    return mapped;
}

int flash_area_open(uint8_t id, const struct flash_area **area)
{
    static struct flash_area areas[2];
    if (id > 1)
        return -ENOENT;
    areas[id] = (struct flash_area){id, 0, (off_t)(id * SLOT_BYTES), SLOT_BYTES, &chip_flash};
    *area = &areas[id];
    return 0;
}

const struct device *flash_area_get_device(const struct flash_area *area)
{
    return area->fa_dev;
}

uint32_t flash_area_align(const struct flash_area *area)
{
    (void)area;
    return WRITE_BLOCK;
}

uint8_t flash_area_erased_val(const struct flash_area *area)
{
    (void)area;
    return 0xff;
}

static uint8_t *in_area(const struct flash_area *area, off_t at, size_t size)
{
    if (at < 0 || (size_t)at + size > area->fa_size)
        harm("flash outside of its area", (long)at);
    return flash() + area->fa_off + at;
}

int flash_area_read(const struct flash_area *area, off_t at, void *bytes, size_t size)
{
    memcpy(bytes, in_area(area, at, size), size);
    return 0;
}

int flash_area_write(const struct flash_area *area, off_t at, const void *bytes, size_t size)
{
    uint8_t *to = in_area(area, at, size);
    if (at % WRITE_BLOCK != 0 || size % WRITE_BLOCK != 0)
        harm("flash written outside of its blocks", (long)at);
    for (size_t i = 0; i < size; i++)
        if (to[i] != 0xff)
            harm("flash written twice", (long)at);
    memcpy(to, bytes, size);
    return 0;
}

int flash_area_flatten(const struct flash_area *area, off_t at, size_t size)
{
    uint8_t *from = in_area(area, at, size);
    if (area->fa_id == 0 || at % PAGE_BYTES != 0 || size % PAGE_BYTES != 0)
        harm("flash erased outside of its pages", (long)at);
    memset(from, 0xff, size);
    return 0;
}

int flash_get_page_info_by_offs(const struct device *dev, off_t offset, struct flash_pages_info *info)
{
    if (dev != &chip_flash || offset < 0 || offset >= 2 * (off_t)SLOT_BYTES)
        return -EINVAL;
    info->index = (uint32_t)offset / PAGE_BYTES;
    info->start_offset = (off_t)(info->index * PAGE_BYTES);
    info->size = PAGE_BYTES;
    return 0;
}

/* ---- MCUboot, as an application sees it ---- */

uint8_t boot_fetch_active_slot(void)
{
    return 0;
}

int boot_read_bank_header(uint8_t area_id, struct mcuboot_img_header *header, size_t size)
{
    const uint8_t *raw = flash() + area_id * SLOT_BYTES;
    if (size < sizeof *header || sys_get_le32(raw) != 0x96f3b83du)
        return -EIO;
    header->mcuboot_version = 1;
    header->h.v1.image_size = sys_get_le32(raw + 12);
    header->h.v1.sem_ver =
        (struct mcuboot_img_sem_ver){raw[MAJOR_AT], raw[21], sys_get_le16(raw + 22), sys_get_le32(raw + 24)};
    return 0;
}

ssize_t boot_get_area_trailer_status_offset(uint8_t area_id)
{
    return area_id > 1 ? -ENOENT : (ssize_t)WORDS_AT;
}

/* Never swapped: as a programmer wrote it. */
static bool is_first(void)
{
    return flash()[MAGIC_AT] == 0xff;
}

bool boot_is_img_confirmed(void)
{
    return is_first() || flash()[IMAGE_OK_AT] == 1;
}

int boot_write_img_confirmed(void)
{
    if (flash()[MAJOR_AT] == trouble("MAJOR_NOT_CONFIRMED"))
        return -EIO;
    if (!is_first())
        flash()[IMAGE_OK_AT] = 1;
    return 0;
}

int boot_request_upgrade(int permanent)
{
    uint8_t *words = flash() + SLOT_BYTES;
    for (uint32_t at = COPY_DONE_AT; at < SLOT_BYTES; at++)
        if (words[at] != 0xff)
            return -EFAULT; /* MCUboot takes no words over others */
    if (permanent != BOOT_UPGRADE_TEST)
        words[IMAGE_OK_AT] = 1;
    memcpy(words + MAGIC_AT, MAGIC, sizeof MAGIC);
    return 0;
}

/* ---- settings: a file each, written beside and put in place ---- */

static void path_of(char path[512], const char *name, const char *ending)
{
    int prefix = snprintf(path, 512, "%s/", getenv("SETTINGS"));
    snprintf(path + prefix, 512 - (size_t)prefix, "%s%s", name, ending);
    for (char *letter = path + prefix; *letter != 0; letter++)
        if (*letter == '/')
            *letter = '.';
}

int settings_subsys_init(void)
{
    return getenv("SETTINGS") == NULL ? -ENOENT : 0;
}

static ssize_t read_value(void *from, void *bytes, size_t size)
{
    return read(*(int *)from, bytes, size);
}

int settings_load_subtree_direct(const char *subtree, settings_load_direct_cb take, void *param)
{
    char path[512];
    path_of(path, subtree, "");
    int file = open(path, O_RDONLY);
    if (file < 0)
        return 0;
    size_t size = (size_t)lseek(file, 0, SEEK_END);
    lseek(file, 0, SEEK_SET);
    take(NULL, size, read_value, &file, param);
    close(file);
    return 0;
}

int settings_save_one(const char *name, const void *value, size_t size)
{
    static unsigned saves;
    char path[512], beside[512];
    if (++saves == trouble("POWER_FAILS_AT_SAVE"))
        raise(SIGKILL); /* in each life */
    path_of(path, name, "");
    path_of(beside, name, ".new");
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool whole = file >= 0 && write(file, value, size) == (ssize_t)size;
    close(file);
    return whole && rename(beside, path) == 0 ? 0 : -EIO;
}
