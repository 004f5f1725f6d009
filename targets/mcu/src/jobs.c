/* Commands and firmware, as the host asks for them (errand.h, runtime/serial/README.md). */
#include "errand.h"

enum { IDLE = 0, VERIFYING = 1, WHOLE = 2, WRONG = 3 };

/* Parts that are called from several places stay one. */
#ifdef __GNUC__
#define CALLED __attribute__((noinline))
#else
#define CALLED
#endif

/* The body of a request. */
struct asked {
    const uint8_t *at;
    const uint8_t *end;
};

/* False, and value 0, when the key is missing or another kind of item. */
static CALLED bool find(const struct asked *asked, uint8_t key, uint8_t major, struct errand_item *item)
{
    if (errand_map_find(asked->at, asked->end, key, item) && item->major == major)
        return true;
    item->value = 0;
    return false;
}

/* A state with words, when there are any; `more` further pairs are the caller's. */
static CALLED enum errand_jobs_wish say(struct errand_writer *writer, uint8_t state, const char *words, uint8_t more)
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
    return ERRAND_JOBS_DONE;
}

void errand_jobs_write(const struct errand_jobs *jobs, struct errand_writer *writer)
{
    bool running = jobs->state == ERRAND_STATE_RUNNING;
    say(writer, jobs->state, jobs->words, running || jobs->has_result);
    if (running) {
        errand_write_pair(writer, ERRAND_KEY_PROGRESS, jobs->progress);
    } else if (jobs->has_result) {
        errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_RESULT);
        errand_write_int(writer, jobs->result);
    }
}

void errand_jobs_refuse(const struct errand_jobs *jobs, struct errand_writer *writer)
{
    say(writer, ERRAND_STATE_FAILED, jobs->words, 0);
}

static enum errand_jobs_wish run(struct errand_jobs *jobs, uint32_t number, const struct asked *asked,
                                 struct errand_writer *writer)
{
    if (jobs->run != 0 && jobs->state == ERRAND_STATE_RUNNING)
        return say(writer, ERRAND_STATE_BUSY, NULL, 0);
    if (number == 0 || !find(asked, ERRAND_KEY_COMMAND, ERRAND_TEXT, &jobs->command))
        return say(writer, ERRAND_STATE_REFUSED, NULL, 0);
    find(asked, ERRAND_KEY_ARGUMENTS, ERRAND_ARRAY, &jobs->args);
    jobs->args_end = asked->end;
    jobs->run = number;
    jobs->state = ERRAND_STATE_RUNNING;
    jobs->progress = 0;
    jobs->has_result = false;
    jobs->words = NULL;
    return ERRAND_JOBS_RUN;
}

static enum errand_jobs_wish flash(struct errand_jobs *jobs, uint32_t size, const struct asked *asked,
                                   struct errand_writer *writer)
{
    struct errand_pull *pull = jobs->pull;
    struct errand_item hash;
    struct errand_item image;
    if (!find(asked, ERRAND_KEY_HASH, ERRAND_BYTES, &hash) || hash.value != ERRAND_HASH_BYTES)
        return say(writer, ERRAND_STATE_REFUSED, NULL, 0);
    find(asked, ERRAND_KEY_IMAGE, ERRAND_UINT, &image);
    bool other = jobs->verifying == WRONG || pull->size != size || jobs->image != image.value || size == 0;
    for (uint8_t i = 0; i < ERRAND_HASH_BYTES; i++) {
        other |= pull->hash[i] != hash.bytes[i];
        pull->hash[i] = hash.bytes[i];
    }
    jobs->verifying = IDLE;
    if (other) {
        jobs->image = (uint8_t)image.value;
        pull->size = size;
        pull->offset = 0;
        jobs->words = NULL;
        return ERRAND_JOBS_FLASH;
    }
    errand_pull_write(pull, writer);
    return ERRAND_JOBS_DONE;
}

static enum errand_jobs_wish firmware(struct errand_jobs *jobs, uint32_t operation, uint32_t size,
                                      const struct asked *asked, struct errand_writer *writer)
{
    uint8_t state = ERRAND_STATE_REFUSED;
    if (operation == ERRAND_FLASH)
        return flash(jobs, size, asked, writer);
    if (operation == ERRAND_PULL) {
        errand_pull_write(jobs->pull, writer);
        return ERRAND_JOBS_DONE;
    }
    if (operation == ERRAND_SWITCH) {
        if (jobs->verifying == IDLE && jobs->pull->size != 0)
            jobs->verifying = VERIFYING;
        state = ERRAND_STATE_RUNNING;
        if (jobs->verifying == WHOLE)
            state = ERRAND_STATE_SUCCEEDED;
        if (jobs->pull->size == 0 || jobs->verifying == WRONG)
            state = ERRAND_STATE_FAILED;
    }
    say(writer, state, NULL, 0);
    return state == ERRAND_STATE_SUCCEEDED ? ERRAND_JOBS_SWITCH : ERRAND_JOBS_DONE;
}

enum errand_jobs_wish errand_jobs_take(struct errand_jobs *jobs, const uint8_t *body, size_t size,
                                       struct errand_writer *writer)
{
    struct asked asked;
    struct errand_item operation;
    struct errand_item first;
    asked.at = body;
    asked.end = body + size;
    if (!errand_body_check(body, size) || !find(&asked, ERRAND_KEY_OPERATION, ERRAND_UINT, &operation))
        return say(writer, ERRAND_STATE_REFUSED, NULL, 0);
    find(&asked, ERRAND_KEY_RUN, ERRAND_UINT, &first);
    uint8_t state = ERRAND_STATE_REFUSED;
    bool known = first.value != 0 && first.value == jobs->run;

    switch (operation.value) {
    case ERRAND_PING:
        errand_write_head(writer, ERRAND_MAP, 0);
        return ERRAND_JOBS_DONE;
    case ERRAND_RUN:
        if (!known)
            return run(jobs, first.value, &asked, writer);
        break;
    case ERRAND_STATUS:
    case ERRAND_STOP:
        state = ERRAND_STATE_UNKNOWN;
        if (known && operation.value == ERRAND_STOP && jobs->state == ERRAND_STATE_RUNNING)
            return ERRAND_JOBS_STOP;
        break;
    default:
        return jobs->pull == NULL ? say(writer, state, NULL, 0) : firmware(jobs, operation.value, first.value, &asked, writer);
    }
    if (!known)
        return say(writer, state, NULL, 0);
    errand_jobs_write(jobs, writer);
    return ERRAND_JOBS_DONE;
}

bool errand_jobs_work(struct errand_jobs *jobs)
{
    if (jobs->verifying != VERIFYING || jobs->pull->offset < jobs->pull->size)
        return false;
    int result = errand_pull_verify(jobs->pull);
    if (result <= 0)
        jobs->verifying = result == 0 ? WHOLE : WRONG;
    return result > 0;
}
