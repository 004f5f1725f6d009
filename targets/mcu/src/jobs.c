/* Commands and firmware, as the host asks for them (errand.h, runtime/serial/README.md). */
#include "errand.h"
#include "inlining.h"

/* What a request comes to: a state to tell, one of these, or a wish of the caller's behind WISH. */
enum { EMPTY = 6, OWN, PULL, WISH };

/* A state with words, when there are any; `more` further pairs are the caller's. */
static CALLED void say(struct errand_writer *writer, uint8_t state, const char *words, uint8_t more)
{
    errand_write_head(writer, ERRAND_MAP, 1u + (words != NULL) + more);
    errand_write_pair(writer, ERRAND_KEY_STATE, state);
    if (words != NULL) {
        size_t size = 0;
        while (words[size] != 0)
            size++;
        errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_WORDS);
        errand_write_string(writer, ERRAND_TEXT, words, size);
    }
}

void errand_jobs_write(const struct errand_jobs *jobs, struct errand_writer *writer)
{
    uint8_t key = ERRAND_KEY_RESULT;
    int32_t number = jobs->result;
    bool told = jobs->has_result;
    if (jobs->state == ERRAND_STATE_RUNNING) {
        key = ERRAND_KEY_PROGRESS;
        number = jobs->progress;
        told = true;
    }
    say(writer, jobs->state, jobs->words, told);
    if (told) {
        errand_write_head(writer, ERRAND_UINT, key);
        errand_write_int(writer, number);
    }
}

void errand_jobs_refuse(const struct errand_jobs *jobs, struct errand_writer *writer)
{
    say(writer, ERRAND_STATE_FAILED, jobs->words, 0);
}

static CALLED_ON_AVR uint8_t run(struct errand_jobs *jobs, const struct errand_item *items)
{
    if (jobs->run != 0 && jobs->state == ERRAND_STATE_RUNNING)
        return ERRAND_STATE_BUSY;
    if (items[ERRAND_KEY_RUN].value == 0 || items[ERRAND_KEY_COMMAND].major != ERRAND_TEXT ||
        (items[ERRAND_KEY_ARGUMENTS].major != ERRAND_ARRAY && items[ERRAND_KEY_ARGUMENTS].value != 0))
        return ERRAND_STATE_REFUSED;
    jobs->command = items[ERRAND_KEY_COMMAND];
    jobs->args = items[ERRAND_KEY_ARGUMENTS];
    jobs->run = items[ERRAND_KEY_RUN].value;
    jobs->state = ERRAND_STATE_RUNNING;
    jobs->progress = 0;
    jobs->has_result = false;
    jobs->words = NULL;
    return WISH + ERRAND_JOBS_RUN;
}

static uint8_t flash(struct errand_jobs *jobs, const struct errand_item *items)
{
    struct errand_pull *pull = jobs->pull;
    uint32_t size = items[ERRAND_KEY_SIZE].value;
    const uint8_t *hash = items[ERRAND_KEY_HASH].bytes;
    if (items[ERRAND_KEY_HASH].major != ERRAND_BYTES || items[ERRAND_KEY_HASH].value != ERRAND_HASH_BYTES || size == 0)
        return ERRAND_STATE_REFUSED;
    uint8_t image = (uint8_t)items[ERRAND_KEY_IMAGE].value;
    bool other = jobs->verified == ERRAND_STATE_FAILED || pull->size != size || jobs->image != image;
    for (uint8_t i = 0; i < ERRAND_HASH_BYTES; i++) {
        if (pull->hash[i] != *hash)
            other = true;
        pull->hash[i] = *hash++;
    }
    if (!other)
        return PULL;
    jobs->verified = ERRAND_STATE_RUNNING;
    jobs->image = image;
    pull->size = size;
    pull->offset = 0;
    jobs->words = NULL;
    return WISH + ERRAND_JOBS_FLASH;
}

static uint8_t answer_to(struct errand_jobs *jobs, const struct errand_item *items)
{
    uint32_t number = items[ERRAND_KEY_RUN].value;
    if (items[ERRAND_KEY_OPERATION].major != ERRAND_UINT || items[ERRAND_KEY_OPERATION].value > ERRAND_SWITCH ||
        items[ERRAND_KEY_RUN].major != ERRAND_UINT)
        return ERRAND_STATE_REFUSED;
    uint8_t operation = (uint8_t)items[ERRAND_KEY_OPERATION].value;
    if (operation == ERRAND_PING)
        return EMPTY;
    if (operation == ERRAND_RUN || operation == ERRAND_STATUS || operation == ERRAND_STOP) {
        if (number == 0 || number != jobs->run)
            return operation == ERRAND_RUN ? run(jobs, items) : ERRAND_STATE_UNKNOWN;
        if (operation == ERRAND_STOP && jobs->state == ERRAND_STATE_RUNNING)
            return WISH + ERRAND_JOBS_STOP;
        return OWN;
    }
    if (jobs->pull == NULL)
        return ERRAND_STATE_REFUSED;
    if (operation == ERRAND_PULL)
        return PULL;
    if (operation == ERRAND_FLASH)
        return flash(jobs, items);
    if (operation == ERRAND_SWITCH)
        return jobs->pull->size == 0 ? ERRAND_STATE_FAILED : jobs->verified;
    return ERRAND_STATE_REFUSED;
}

enum errand_jobs_wish errand_jobs_take(struct errand_jobs *jobs, const uint8_t *body, size_t size,
                                       struct errand_writer *writer)
{
    struct errand_item items[ERRAND_ITEMS];
    uint8_t answer = ERRAND_STATE_REFUSED;
    jobs->args_end = body + size;
    if (errand_body_read(body, body + size, items))
        answer = answer_to(jobs, items);
    if (answer >= WISH)
        return (enum errand_jobs_wish)(answer - WISH);
    if (answer == OWN)
        errand_jobs_write(jobs, writer);
    else if (answer == PULL)
        errand_pull_write(jobs->pull, writer);
    else if (answer == EMPTY)
        errand_write_head(writer, ERRAND_MAP, 0);
    else
        say(writer, answer, NULL, 0);
    return answer == ERRAND_STATE_SUCCEEDED ? ERRAND_JOBS_SWITCH : ERRAND_JOBS_DONE;
}

bool errand_jobs_work(struct errand_jobs *jobs)
{
    struct errand_pull *pull = jobs->pull;
    if (pull == NULL || jobs->verified != ERRAND_STATE_RUNNING || pull->offset < pull->size)
        return false;
    int result = errand_pull_verify(pull);
    if (result > 0)
        return true;
    jobs->verified = result == 0 ? ERRAND_STATE_SUCCEEDED : ERRAND_STATE_FAILED;
    return false;
}
