/*
 * Talk on stderr. The level and the progress line (progress.c) are the only globals of the
 * program: stderr is one, too.
 */
#include "memscan/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "memscan/progress.h"

static enum log_level level = LOG_NORMAL;

void
log_set_level(enum log_level to)
{
	level = to;
}

enum log_level
log_level(void)
{
	return level;
}

void
log_at(enum log_level at, const char *fmt, ...)
{
	va_list ap;

	if (level < at)
		return;
	progress_clear();
	fputs("memscan: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
