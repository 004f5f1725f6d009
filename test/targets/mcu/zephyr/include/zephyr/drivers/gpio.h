/* A pin as the devicetree has it. This board has no lamp. */
#pragma once
#include <zephyr/device.h>

struct gpio_dt_spec {
    const struct device *port;
    uint8_t pin;
    uint16_t dt_flags;
};

#define GPIO_OUTPUT_INACTIVE 1u
#define GPIO_OUTPUT_ACTIVE 2u
#define GPIO_DT_SPEC_GET_OR(node, property, otherwise) otherwise

int gpio_pin_configure_dt(const struct gpio_dt_spec *spec, uint32_t flags);
