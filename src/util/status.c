/*
 * Names, texts and exit codes of statuses, all from MS_STATUS_LIST, and the formatting
 * of error buffers. Nothing here allocates, so that running out of memory can be told.
 */
#include "memscan/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *text;
	int exit_code;
} statuses[] = {
#define ROW(name, code, text) {#name, text, code},
	MS_STATUS_LIST(ROW)
#undef ROW
};

const char *
status_name(enum status st)
{
	return (unsigned)st < MS_STATUS_COUNT ? statuses[st].name : "?";
}

const char *
status_text(enum status st)
{
	return (unsigned)st < MS_STATUS_COUNT ? statuses[st].text : "unknown status";
}

int
status_exit_code(enum status st)
{
	return (unsigned)st < MS_STATUS_COUNT ? statuses[st].exit_code : 5;
}

enum status
errbuf_set(struct errbuf *eb, enum status code, const char *fmt, ...)
{
	va_list ap;

	eb->code = code;
	eb->sys = 0;
	va_start(ap, fmt);
	vsnprintf(eb->msg, sizeof(eb->msg), fmt, ap);
	va_end(ap);
	return code;
}

enum status
errbuf_sys(struct errbuf *eb, enum status code, const char *fmt, ...)
{
	int sys = errno;
	va_list ap;

	eb->code = code;
	eb->sys = sys;
	va_start(ap, fmt);
	vsnprintf(eb->msg, sizeof(eb->msg), fmt, ap);
	va_end(ap);
	size_t n = strlen(eb->msg);
	snprintf(eb->msg + n, sizeof(eb->msg) - n, ": %s", strerror(sys));
	return code;
}

enum status
errbuf_wrap(struct errbuf *eb, const char *fmt, ...)
{
	char front[sizeof(eb->msg)], whole[2 * sizeof(eb->msg) + 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof(whole), "%s: %s", front, eb->msg);
	memcpy(eb->msg, whole, sizeof(eb->msg) - 1);
	eb->msg[sizeof(eb->msg) - 1] = '\0';
	return eb->code;
}
