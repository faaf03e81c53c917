/*
 * Foreign text as JSON. The output is valid JSON in valid UTF-8, whatever the bytes: a
 * lone surrogate (as Python's str may hold) becomes its own \uD8xx escape, and any
 * other invalid byte \udcXX, which Python turns back by "surrogateescape".
 */
#include "priv.h"

/* Bytes that stand for themselves in a JSON string. */
static inline bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The escape of an ASCII character that needs one. */
static void
escape_ascii(struct out *o, unsigned char c)
{
	static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
	const char *at = c == '\0' ? NULL : strchr(from, c);

	if (at != NULL) {
		out_char(o, '\\');
		out_char(o, to[at - from]);
		return;
	}
	out_printf(o, "\\u%04x", c);
}

unsigned
surrogate_at(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;

	if (end - p < 3 || s[0] != 0xed || (s[1] & 0xe0) != 0xa0 || (s[2] & 0xc0) != 0x80)
		return 0;
	return 0xd000u | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
}

/* One character that is not plain, at p; returns the bytes used. */
static size_t
escape_one(struct out *o, const char *p, const char *end)
{
	unsigned char c = (unsigned char)*p;

	if (c < 0x80) {
		escape_ascii(o, c);
		return 1;
	}
	size_t used;
	if (utf8_next(p, end, &used) != UTF8_BAD) {
		out_bytes(o, p, used);
		return used;
	}
	unsigned half = surrogate_at(p, end);
	out_printf(o, "\\u%04x", half != 0 ? half : 0xdc00u + c);
	return half != 0 ? 3 : 1;
}

void
out_json(struct out *o, const char *p, size_t len)
{
	const char *end = p + len;

	out_char(o, '"');
	while (p < end) {
		const char *run = p;
		while (p < end && is_plain((unsigned char)*p))
			p++;
		out_bytes(o, run, (size_t)(p - run));
		if (p < end)
			p += escape_one(o, p, end);
	}
	out_char(o, '"');
}

void
out_json_bytes(struct out *o, const char *p, size_t len)
{
	out_char(o, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];
		if (is_plain(c))
			out_char(o, (char)c);
		else
			escape_ascii(o, c);
	}
	out_char(o, '"');
}

/* Skip digits; false if there is none. */
static bool
skip_digits(const char **p, const char *end)
{
	const char *from = *p;

	while (*p < end && **p >= '0' && **p <= '9')
		(*p)++;
	return *p > from;
}

bool
json_is_number(const char *p, size_t len)
{
	const char *end = p + len;

	if (p < end && *p == '-')
		p++;
	const char *first = p;
	if (!skip_digits(&p, end) || (*first == '0' && p - first > 1))
		return false;
	if (p < end && *p == '.') {
		p++;
		if (!skip_digits(&p, end))
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!skip_digits(&p, end))
			return false;
	}
	return p == end;
}
