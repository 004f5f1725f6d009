#include "serial.h"

#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/ring_buffer.h>

/* At 115,200 baud what arrives in 88 and leaves in 22 ms: see ERRAND_SAMPLE_PAGE_BYTES. */
#define RECEIVE_RING 1024
#define SEND_RING 256
#define AT_ONCE 16

RING_BUF_DECLARE(serial_receive_ring, RECEIVE_RING);
RING_BUF_DECLARE(serial_send_ring, SEND_RING);
K_SEM_DEFINE(serial_moved, 0, 1);

static const struct device *const uart = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

static void receive(const struct device *dev)
{
    uint8_t bytes[AT_ONCE];
    int size;
    while ((size = uart_fifo_read(dev, bytes, sizeof bytes)) > 0)
        ring_buf_put(&serial_receive_ring, bytes, (uint32_t)size); /* without room, lost: the link asks again */
}

static void send(const struct device *dev)
{
    uint8_t *bytes;
    uint32_t size = ring_buf_get_claim(&serial_send_ring, &bytes, SEND_RING);
    int sent = size == 0 ? 0 : uart_fifo_fill(dev, bytes, (int)size);
    ring_buf_get_finish(&serial_send_ring, sent < 0 ? 0 : (uint32_t)sent);
    if (size == 0)
        uart_irq_tx_disable(dev);
}

static void interrupt(const struct device *dev, void *context)
{
    (void)context;
    uart_irq_update(dev);
    if (uart_irq_rx_ready(dev) > 0)
        receive(dev);
    if (uart_irq_tx_ready(dev) > 0)
        send(dev);
    k_sem_give(&serial_moved);
}

bool serial_open(void)
{
    if (!device_is_ready(uart) || uart_irq_callback_user_data_set(uart, interrupt, NULL) < 0)
        return false;
    uart_irq_rx_enable(uart);
    return true;
}

size_t serial_received(uint8_t **bytes)
{
    return ring_buf_get_claim(&serial_receive_ring, bytes, RECEIVE_RING);
}

void serial_took(size_t size)
{
    ring_buf_get_finish(&serial_receive_ring, (uint32_t)size);
}

size_t serial_room(void)
{
    return ring_buf_space_get(&serial_send_ring);
}

void serial_send(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return;
    ring_buf_put(&serial_send_ring, bytes, (uint32_t)size);
    uart_irq_tx_enable(uart);
}

bool serial_sent(void)
{
    return ring_buf_is_empty(&serial_send_ring);
}

void serial_rest(uint32_t milliseconds)
{
    k_sem_take(&serial_moved, K_MSEC(milliseconds));
}
