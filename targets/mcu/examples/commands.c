#include "commands.h"

#include "board.h"

#include <string.h>

static const char *const COMMANDS[] = {"pin", "add", "wait", "fail"};
enum { COUNT = sizeof COMMANDS / sizeof *COMMANDS };

static uint32_t began;
static uint32_t lasts;

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
    if (jobs->args.value != 2 || !take_number(jobs, &at, &pin) || !take_number(jobs, &at, &level))
        return end(jobs, "pin takes its number and 0 or 1");
    end(jobs, board_set_pin(pin, level != 0) ? NULL : "there is no such pin");
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
    began = board_millis();
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
    uint32_t passed = board_millis() - began;
    if (passed >= lasts)
        end(jobs, NULL);
    else
        jobs->progress = (uint8_t)(passed / (lasts / 100 + 1));
}

void commands_stop(struct errand_jobs *jobs)
{
    end(jobs, "stopped");
}
