/* Commands and firmware, as the host asks for them (errand.h, runtime/serial/README.md). */
#include "errand.h"

enum { IDLE = 0, VERIFYING = 1, WHOLE = 2, WRONG = 3 };

static enum errand_jobs_wish say(uint8_t state, struct errand_writer *writer)
{
    errand_write_head(writer, ERRAND_MAP, 1);
    errand_write_pair(writer, ERRAND_KEY_STATE, state);
    return ERRAND_JOBS_DONE;
}

static void write_words(const char *words, struct errand_writer *writer)
{
    size_t size = 0;
    while (words[size] != 0)
        size++;
    errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_WORDS);
    errand_write_string(writer, ERRAND_TEXT, words, size);
}

void errand_jobs_write(const struct errand_jobs *jobs, struct errand_writer *writer)
{
    bool running = jobs->state == ERRAND_STATE_RUNNING;
    bool result = jobs->has_result && !running;
    errand_write_head(writer, ERRAND_MAP, (uint32_t)(1 + running + (jobs->words != NULL) + result));
    errand_write_pair(writer, ERRAND_KEY_STATE, jobs->state);
    if (running)
        errand_write_pair(writer, ERRAND_KEY_PROGRESS, jobs->progress);
    if (jobs->words != NULL)
        write_words(jobs->words, writer);
    if (result) {
        errand_write_head(writer, ERRAND_UINT, ERRAND_KEY_RESULT);
        errand_write_int(writer, jobs->result);
    }
}

void errand_jobs_refuse(const struct errand_jobs *jobs, struct errand_writer *writer)
{
    errand_write_head(writer, ERRAND_MAP, jobs->words != NULL ? 2 : 1);
    errand_write_pair(writer, ERRAND_KEY_STATE, ERRAND_STATE_FAILED);
    if (jobs->words != NULL)
        write_words(jobs->words, writer);
}

static enum errand_jobs_wish run(struct errand_jobs *jobs, uint32_t number, const uint8_t *body, const uint8_t *end,
                                 struct errand_writer *writer)
{
    if (number == jobs->run) {
        errand_jobs_write(jobs, writer);
        return ERRAND_JOBS_DONE;
    }
    if (jobs->run != 0 && jobs->state == ERRAND_STATE_RUNNING)
        return say(ERRAND_STATE_BUSY, writer);
    if (number == 0 || !errand_map_find(body, end, ERRAND_KEY_COMMAND, &jobs->command) ||
        jobs->command.major != ERRAND_TEXT)
        return say(ERRAND_STATE_REFUSED, writer);
    if (!errand_map_find(body, end, ERRAND_KEY_ARGUMENTS, &jobs->args) || jobs->args.major != ERRAND_ARRAY)
        jobs->args.value = 0;
    jobs->args_end = end;
    jobs->run = number;
    jobs->state = ERRAND_STATE_RUNNING;
    jobs->progress = 0;
    jobs->has_result = false;
    jobs->words = NULL;
    return ERRAND_JOBS_RUN;
}

static enum errand_jobs_wish flash(struct errand_jobs *jobs, uint32_t size, const uint8_t *body, const uint8_t *end,
                                   struct errand_writer *writer)
{
    struct errand_pull *pull = jobs->pull;
    struct errand_item hash;
    struct errand_item image;
    if (!errand_map_find(body, end, ERRAND_KEY_HASH, &hash) || hash.major != ERRAND_BYTES ||
        hash.value != ERRAND_HASH_BYTES)
        return say(ERRAND_STATE_REFUSED, writer);
    if (!errand_map_find(body, end, ERRAND_KEY_IMAGE, &image))
        image.value = 0;
    bool same = jobs->verifying != WRONG && pull->size == size && jobs->image == image.value && pull->size != 0;
    for (uint8_t i = 0; i < ERRAND_HASH_BYTES; i++) {
        same = same && pull->hash[i] == hash.bytes[i];
        pull->hash[i] = hash.bytes[i];
    }
    jobs->verifying = IDLE;
    if (same) {
        errand_pull_write(pull, writer);
        return ERRAND_JOBS_DONE;
    }
    jobs->image = (uint8_t)image.value;
    pull->size = size;
    pull->offset = 0;
    jobs->words = NULL;
    return ERRAND_JOBS_FLASH;
}

enum errand_jobs_wish errand_jobs_take(struct errand_jobs *jobs, const uint8_t *body, size_t size,
                                       struct errand_writer *writer)
{
    const uint8_t *end = body + size;
    struct errand_item operation;
    struct errand_item first;
    if (!errand_body_check(body, size) || !errand_map_find(body, end, ERRAND_KEY_OPERATION, &operation) ||
        operation.major != ERRAND_UINT)
        return say(ERRAND_STATE_REFUSED, writer);
    if (!errand_map_find(body, end, ERRAND_KEY_RUN, &first) || first.major != ERRAND_UINT)
        first.value = 0;

    switch (operation.value) {
    case ERRAND_PING:
        errand_write_head(writer, ERRAND_MAP, 0);
        return ERRAND_JOBS_DONE;
    case ERRAND_RUN:
        return run(jobs, first.value, body, end, writer);
    case ERRAND_STATUS:
    case ERRAND_STOP:
        if (first.value == 0 || first.value != jobs->run)
            return say(ERRAND_STATE_UNKNOWN, writer);
        if (operation.value == ERRAND_STOP && jobs->state == ERRAND_STATE_RUNNING)
            return ERRAND_JOBS_STOP;
        errand_jobs_write(jobs, writer);
        return ERRAND_JOBS_DONE;
    }
    if (jobs->pull == NULL)
        return say(ERRAND_STATE_REFUSED, writer);
    switch (operation.value) {
    case ERRAND_FLASH:
        return flash(jobs, first.value, body, end, writer);
    case ERRAND_PULL:
        errand_pull_write(jobs->pull, writer);
        return ERRAND_JOBS_DONE;
    case ERRAND_SWITCH:
        if (jobs->pull->size == 0 || jobs->verifying == WRONG)
            return say(ERRAND_STATE_FAILED, writer);
        if (jobs->verifying == IDLE)
            jobs->verifying = VERIFYING;
        say(jobs->verifying == WHOLE ? ERRAND_STATE_SUCCEEDED : ERRAND_STATE_RUNNING, writer);
        return jobs->verifying == WHOLE ? ERRAND_JOBS_SWITCH : ERRAND_JOBS_DONE;
    }
    return say(ERRAND_STATE_REFUSED, writer);
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
