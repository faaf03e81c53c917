/*
 * Talk on stderr: what -v shows, and the progress bar. Results never go here.
 */
#ifndef MEMSCAN_LOG_H
#define MEMSCAN_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "memscan/status.h"

enum log_level { LOG_QUIET = -1, LOG_NORMAL = 0, LOG_VERBOSE = 1, LOG_DEBUG = 2 };

void log_set_level(enum log_level level);
enum log_level log_level(void);

/* A line on stderr, "memscan: " in front, when the level is at least this one. */
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Progress: one line that redraws itself, at most ten times a second, only when
 * stderr is a terminal and the level is not quiet. progress_end clears it; it is also
 * cleared before any log line.
 */
void progress(const char *what, uint64_t done, uint64_t total, const char *unit);
void progress_end(void);

#endif
