/*
 * Talk on stderr. The level and the progress line are the only globals of the program:
 * stderr is one, too.
 */
#include "memscan/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memscan/io.h"
#include "memscan/text.h"

static enum log_level level = LOG_NORMAL;
static bool is_drawn;
static uint64_t drawn_at;

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
	progress_end();
	fputs("memscan: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void
progress(const char *what, uint64_t done, uint64_t total, const char *unit)
{
	if (level < LOG_NORMAL || !isatty(STDERR_FILENO))
		return;
	uint64_t now = io_now_ns();
	if (is_drawn && now - drawn_at < 100000000u)
		return;
	is_drawn = true;
	drawn_at = now;
	char a[TEXT_NUM], b[TEXT_NUM];
	if (total > 0)
		fprintf(stderr, "\r\033[K%s: %s of %s %s (%u%%)", what,
			text_count(a, done), text_count(b, total), unit,
			(unsigned)(done < total ? (double)done * 100 / (double)total
						: 100));
	else
		fprintf(stderr, "\r\033[K%s: %s %s", what, text_count(a, done), unit);
	fflush(stderr);
}

void
progress_end(void)
{
	if (!is_drawn)
		return;
	is_drawn = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
