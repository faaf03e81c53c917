/*
 * Numbers for people, and foreign bytes made safe for a terminal.
 */
#include "memscan/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
text_size(char buf[TEXT_NUM], uint64_t bytes)
{
	static const char units[] = "BKMGTPE";
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 999.5 && u + 2 < sizeof(units)) {
		v /= 1024;
		u++;
	}
	if (u == 0)
		snprintf(buf, TEXT_NUM, "%" PRIu64, bytes);
	else if (v < 9.95)
		snprintf(buf, TEXT_NUM, "%.1f%c", v, units[u]);
	else
		snprintf(buf, TEXT_NUM, "%.0f%c", v, units[u]);
	return buf;
}

char *
text_count(char buf[TEXT_NUM], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *out = buf;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
	return buf;
}

char *
text_duration(char buf[TEXT_NUM], uint64_t ns)
{
	double v = (double)ns;

	if (v < 1e3)
		snprintf(buf, TEXT_NUM, "%" PRIu64 " ns", ns);
	else if (v < 1e6)
		snprintf(buf, TEXT_NUM, "%.0f us", v / 1e3);
	else if (v < 1e9)
		snprintf(buf, TEXT_NUM, v < 1e8 ? "%.1f ms" : "%.0f ms", v / 1e6);
	else
		snprintf(buf, TEXT_NUM, "%.2f s", v / 1e9);
	return buf;
}

size_t
text_utf8_len(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t left = (size_t)(end - p);

	if (left == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4 || left < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* True for C1 controls and the line and paragraph separators, which terminals obey. */
static bool
is_unsafe_char(const char *p, size_t n)
{
	const unsigned char *s = (const unsigned char *)p;
	if (n == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	return n == 3 && s[0] == 0xe2 && s[1] == 0x80 &&
		((s[2] >= 0x8b && s[2] <= 0x8f) || (s[2] >= 0xa8 && s[2] <= 0xae));
}

/*
 * One byte or character at p as it shall look, into out; returns its length, *used what
 * was eaten.
 */
static size_t
vis_one(char out[8], const char *p, const char *end, size_t *used)
{
	size_t n = text_utf8_len(p, end);

	*used = 1;
	if (n > 1 && !is_unsafe_char(p, n)) {
		memcpy(out, p, n);
		*used = n;
		return n;
	}
	unsigned char c = (unsigned char)*p;
	const char *esc = c == '\n' ? "\\n"
		: c == '\t'         ? "\\t"
		: c == '\r'         ? "\\r"
		: c == '\\'         ? "\\\\"
				    : NULL;
	if (esc != NULL) {
		memcpy(out, esc, 2);
		return 2;
	}
	if (c >= 0x20 && c < 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	return (size_t)snprintf(out, 8, "\\x%02x", c);
}

char *
text_vis(char *buf, size_t cap, const char *p, size_t len)
{
	const char *end = p + len;
	size_t n = 0;

	while (p < end) {
		char one[8];
		size_t used, out = vis_one(one, p, end, &used);
		if (n + out >= cap)
			break;
		memcpy(buf + n, one, out);
		n += out;
		p += used;
	}
	if (cap > 0)
		buf[n] = '\0';
	return buf;
}

enum status
text_parse_u64(const char *s, uint64_t *ret)
{
	char *end;

	if (*s < '0' || *s > '9')
		return MS_FORMAT;
	errno = 0;
	uint64_t v =
		strtoull(s, &end, s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10);
	if (errno != 0 || end == s)
		return MS_FORMAT;
	unsigned shift = 0;
	if (*end != '\0') {
		static const char units[] = "KMGT";
		const char *unit = strchr(units, *end);
		if (unit == NULL || end[1] != '\0')
			return MS_FORMAT;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (shift > 0 && v >> (64 - shift) != 0)
		return MS_FORMAT;
	*ret = v << shift;
	return MS_OK;
}
