/* Time, and what an interrupt and the loop tell one another. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t milliseconds;
} k_timeout_t;

struct k_sem {
    volatile unsigned count;
    unsigned limit;
};

#define K_MSEC(of) ((k_timeout_t){of})
#define K_SEM_DEFINE(name, first, most) struct k_sem name = {first, most}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout);
void k_sem_give(struct k_sem *sem);
int32_t k_msleep(int32_t milliseconds);
uint32_t k_uptime_get_32(void);
