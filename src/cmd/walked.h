/*
 * How far the walk of a dump is, for the progress line.
 */
#ifndef MEMSCAN_CMD_WALKED_H
#define MEMSCAN_CMD_WALKED_H

#include "acquire.h"

struct dump_writer;

struct walked {
	const struct dump_writer *w; /* what has been written so far */
	uint64_t expected; /* bytes of all objects, about; 0: not known */
};

/* Of the process in a. */
struct walked walked_of(const struct acquired *a, const struct dump_writer *w);

/* For walk_opts; self is a struct walked. */
void walked_progress(void *self, uint64_t objects);

#endif
