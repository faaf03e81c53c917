/*
 * Talk on stderr: what -v shows. Results never go here; progress is in progress.h.
 */
#ifndef MEMSCAN_LOG_H
#define MEMSCAN_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "memscan/status.h"

enum log_level { LOG_QUIET = -1, LOG_NORMAL = 0, LOG_VERBOSE = 1, LOG_DEBUG = 2 };

void log_set_level(enum log_level level);
enum log_level log_level(void);

/* A line on stderr, "memscan: " in front, when the level is at least this one; the
 * progress line goes out of its way. */
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
