#include "commands.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <string.h>

/* Digital pins 2..13 of an Uno; 0 and 1 are the serial port. */
#define PIN_MIN 2
#define PIN_MAX 13

static const char *const COMMANDS[] = {"pin", "add", "wait", "fail"};
enum { COUNT = sizeof COMMANDS / sizeof *COMMANDS };

static volatile uint32_t millis;
static uint32_t began;
static uint32_t lasts;

ISR(TIMER0_COMPA_vect)
{
    millis++;
}

static uint32_t now(void)
{
    cli();
    uint32_t time = millis;
    sei();
    return time;
}

void commands_init(void)
{
    TCCR0A = 1 << WGM01; /* from 0 to OCR0A, 250 kHz */
    TCCR0B = 1 << CS01 | 1 << CS00;
    OCR0A = (uint8_t)(F_CPU / 64 / 1000 - 1);
    TIMSK0 = 1 << OCIE0A;
}

void commands_write(struct errand_writer *writer)
{
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_COMMANDS);
    errand_write_head(writer, ERRAND_ARRAY, COUNT);
    for (uint8_t i = 0; i < COUNT; i++)
        errand_write_string(writer, ERRAND_TEXT, COMMANDS[i], strlen(COMMANDS[i]));
}

/* The next argument, a whole number; false when there is none. */
static bool take_number(struct errand_jobs *jobs, const uint8_t **at, int32_t *number)
{
    struct errand_item item;
    if (*at == jobs->args_end)
        return false;
    *at = errand_item_read(*at, jobs->args_end, &item);
    if (*at == NULL || (item.major != ERRAND_UINT && item.major != ERRAND_NINT))
        return false;
    *number = errand_item_int(&item);
    return true;
}

static void end(struct errand_jobs *jobs, const char *failure)
{
    jobs->state = failure == NULL ? ERRAND_STATE_SUCCEEDED : ERRAND_STATE_FAILED;
    jobs->words = failure;
}

static void set_pin(struct errand_jobs *jobs)
{
    const uint8_t *at = jobs->args.bytes;
    int32_t pin;
    int32_t level;
    if (jobs->args.value != 2 || !take_number(jobs, &at, &pin) || !take_number(jobs, &at, &level) || pin < PIN_MIN ||
        pin > PIN_MAX)
        return end(jobs, "pin takes 2..13 and 0 or 1");
    volatile uint8_t *port = pin < 8 ? &PORTD : &PORTB;
    volatile uint8_t *direction = pin < 8 ? &DDRD : &DDRB;
    uint8_t bit = (uint8_t)(1u << (pin < 8 ? pin : pin - 8));
    *direction |= bit;
    if (level != 0)
        *port |= bit;
    else
        *port &= (uint8_t)~bit;
    end(jobs, NULL);
}

static void add(struct errand_jobs *jobs)
{
    const uint8_t *at = jobs->args.bytes;
    int32_t sum = 0;
    for (uint32_t i = 0; i < jobs->args.value; i++) {
        int32_t number;
        if (!take_number(jobs, &at, &number))
            return end(jobs, "add takes whole numbers");
        sum += number;
    }
    jobs->has_result = true;
    jobs->result = sum;
    end(jobs, NULL);
}

static void wait(struct errand_jobs *jobs)
{
    const uint8_t *at = jobs->args.bytes;
    int32_t milliseconds;
    if (jobs->args.value != 1 || !take_number(jobs, &at, &milliseconds) || milliseconds < 1)
        return end(jobs, "wait takes milliseconds");
    began = now();
    lasts = (uint32_t)milliseconds;
}

void commands_begin(struct errand_jobs *jobs)
{
    uint8_t which = 0;
    while (which < COUNT && (jobs->command.value != strlen(COMMANDS[which]) ||
                             memcmp(jobs->command.bytes, COMMANDS[which], strlen(COMMANDS[which])) != 0))
        which++;
    switch (which) {
    case 0:
        return set_pin(jobs);
    case 1:
        return add(jobs);
    case 2:
        return wait(jobs);
    case 3:
        jobs->has_result = true;
        jobs->result = -7;
        return end(jobs, "the sensor does not answer");
    default:
        jobs->state = ERRAND_STATE_REFUSED;
    }
}

void commands_work(struct errand_jobs *jobs)
{
    if (jobs->run == 0 || jobs->state != ERRAND_STATE_RUNNING)
        return;
    uint32_t passed = now() - began;
    if (passed >= lasts)
        end(jobs, NULL);
    else
        jobs->progress = (uint8_t)(passed / (lasts / 100 + 1));
}

void commands_stop(struct errand_jobs *jobs)
{
    end(jobs, "stopped");
}
