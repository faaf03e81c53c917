/*
 * The progress of long work: one line on stderr that redraws itself, with what is done,
 * the share of the whole, the time it took and about how much longer it will take.
 *
 * Only commands begin a job, and only then is anything drawn: at most ten times a second,
 * when stderr is a terminal and the level is not quiet. Whoever works below them
 * only counts, which costs nothing worth mentioning and shows nothing by itself.
 */
#ifndef MEMSCAN_PROGRESS_H
#define MEMSCAN_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A job of steps, whose shares of the time add up to `total`, as far as they are known.
 * Within a step of a job it is that step in parts; progress_end ends the innermost.
 */
void progress_begin(unsigned total);
void progress_end(void);

/* The next step. `what` is borrowed until the one after it, or the end. */
void progress_step(const char *what, unsigned share);

/* `done` of `total` rounds of the step's work; 0: it is not known of how many. */
void progress_count(uint64_t done, uint64_t total);

/* How many of something were done, shown beside the share. `unit` is borrowed, too. */
void progress_amount(uint64_t n, const char *unit);

/* For loops over millions: is it time to count? Once in some ten thousand rounds. */
static inline int
progress_due(uint64_t round)
{
	return (round & 0x7fff) == 0;
}

/* Take the line away, before something else is printed; all jobs are over. */
void progress_clear(void);
void progress_stop(void);

/* What the line says. */
struct progress_line {
	const char *what;
	const char *unit;    /* NULL: no amount */
	uint64_t amount;
	double share;        /* 0 to 1; negative: not known */
	uint64_t elapsed_ns; /* since the job began */
};

/*
 * The line without its control characters: "dominators: 45%, 3 s, about 4 s to go". The
 * rest is told when a second is over and a hundredth done. Writes at most cap - 1 bytes.
 */
char *progress_text(const struct progress_line *line, char *buf, size_t cap);

#endif
