/* What this board can do: the names that jobs give, and what happens then. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "errand.h"

/* Adds key ERRAND_KEY_COMMANDS to HELLO. */
void commands_write(struct errand_writer *writer);
/* Begins jobs->command. */
void commands_begin(struct errand_jobs *jobs);
/* To be called in each round of the loop: what takes longer goes on here. */
void commands_work(struct errand_jobs *jobs);
void commands_stop(struct errand_jobs *jobs);

#endif
