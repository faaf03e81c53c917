/*
 * The buffer that everything printed goes through. Integers are printed by hand: an
 * export writes tens of millions of them, and printf would be most of its time.
 */
#include "priv.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>

void
out_fini(struct out *o)
{
	vec_fini(&o->b);
	o->f = NULL;
}

void
out_flush(struct out *o)
{
	if (o->f == NULL || o->b.n == 0)
		return;
	fwrite(o->b.at, 1, o->b.n, o->f);
	o->b.n = 0;
}

/* The errno of the write that failed may be gone: ask whether the pipe has a reader. */
static bool
is_closed_pipe(FILE *f)
{
	struct pollfd p = {.fd = fileno(f), .events = POLLOUT};

	return errno == EPIPE || (poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0);
}

enum status
out_finish(struct out *o, struct errbuf *eb)
{
	errno = 0;
	out_flush(o);
	if (fflush(o->f) == 0 && !ferror(o->f))
		return MS_OK;
	if (is_closed_pipe(o->f))
		return MS_OK;
	if (errno == 0)
		return errbuf_set(eb, MS_IO, "cannot write the output");
	return errbuf_sys(eb, MS_IO, "cannot write the output");
}

void
out_pad(struct out *o, size_t n)
{
	/* Nothing may have been put yet, and then there is no buffer. */
	if (n == 0)
		return;
	out_room(o, n);
	memset(o->b.at + o->b.n, ' ', n);
	o->b.n += n;
}

void
out_u64(struct out *o, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	out_bytes(o, digits + at, sizeof(digits) - at);
}

void
out_hex(struct out *o, uint64_t v)
{
	char digits[18];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v > 0);
	digits[--at] = 'x';
	digits[--at] = '0';
	out_bytes(o, digits + at, sizeof(digits) - at);
}

void
out_printf(struct out *o, const char *fmt, ...)
{
	char small[512];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n < sizeof(small)) {
		out_bytes(o, small, (size_t)n);
		return;
	}
	CLEAN_FREE char *big = xmalloc((size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(big, (size_t)n + 1, fmt, ap);
	va_end(ap);
	out_bytes(o, big, (size_t)n);
}

void
out_safe(struct out *o, const char *p, size_t len)
{
	const char *end = p + len;

	while (p < end) {
		size_t used;
		uint32_t c = utf8_next(p, end, &used);
		if (c == UTF8_BAD)
			out_printf(o, "\\x%02x", (unsigned char)*p);
		else if (!utf8_is_unsafe(c))
			out_bytes(o, p, used);
		else if (c == '\n' || c == '\t' || c == '\r')
			out_bytes(o, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r", 2);
		else
			out_printf(o, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		p += used;
	}
}
