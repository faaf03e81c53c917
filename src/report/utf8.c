/*
 * Characters out of bytes, and how wide they are on a terminal. The table is our own,
 * so that the same dump gives the same bytes under every locale.
 */
#include "priv.h"

#include "memscan/text.h"

uint32_t
utf8_next(const char *p, const char *end, size_t *used)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t n = text_utf8_len(p, end);

	*used = n > 0 ? n : 1;
	switch (n) {
	case 1:
		return s[0];
	case 2:
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	case 3:
		return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	case 4:
		return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 |
			(s[3] & 0x3fu);
	default:
		return UTF8_BAD;
	}
}

bool
utf8_is_unsafe(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return true;
	/* Zero-width and direction marks, line separators, byte order mark. */
	return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* First and last characters of ranges, ascending. */
struct range {
	uint32_t first, last;
};

/* clang-format off */
/* Unicode: category Mn, the common blocks. */
static const struct range combining[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
	{0x064b, 0x065f}, {0x06d6, 0x06dc}, {0x0900, 0x0902}, {0x093c, 0x093c},
	{0x0941, 0x0948}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},
	{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0x302a, 0x302d},
	{0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

/* Unicode: East Asian Width W or F, and emoji. */
static const struct range wide[] = {
	{0x1100, 0x115f}, {0x231a, 0x231b}, {0x2329, 0x232a}, {0x23e9, 0x23ec},
	{0x25fd, 0x25fe}, {0x2614, 0x2615}, {0x2648, 0x2653}, {0x26a1, 0x26a1},
	{0x26bd, 0x26be}, {0x2705, 0x2705}, {0x274c, 0x274c}, {0x2753, 0x2755},
	{0x2795, 0x2797}, {0x2b1b, 0x2b1c}, {0x2b50, 0x2b50}, {0x2e80, 0x3029},
	{0x302e, 0x303e}, {0x3041, 0x3098}, {0x309b, 0x33ff}, {0x3400, 0x4dbf},
	{0x4e00, 0x9fff}, {0xa000, 0xa4cf}, {0xa960, 0xa97c}, {0xac00, 0xd7a3},
	{0xf900, 0xfaff}, {0xfe30, 0xfe6b}, {0xff01, 0xff60}, {0xffe0, 0xffe6},
	{0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a},
	{0x1f200, 0x1f320}, {0x1f32d, 0x1f3fa}, {0x1f400, 0x1f64f}, {0x1f680, 0x1f6d7},
	{0x1f7e0, 0x1f7eb}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
};
/* clang-format on */

static bool
is_in(const struct range *table, size_t n, uint32_t c)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c > table[mid].last)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && c >= table[lo].first;
}

static size_t
char_width(uint32_t c)
{
	if (c < 0x300)
		return 1;
	if (is_in(combining, ARRAY_LEN(combining), c))
		return 0;
	return is_in(wide, ARRAY_LEN(wide), c) ? 2 : 1;
}

size_t
utf8_width(const char *p, size_t len)
{
	const char *end = p + len;
	size_t width = 0, used;

	for (; p < end; p += used)
		width += char_width(utf8_next(p, end, &used));
	return width;
}

size_t
utf8_fit(const char *p, size_t len, size_t columns)
{
	const char *at = p, *end = p + len;

	while (at < end) {
		size_t used, w = char_width(utf8_next(at, end, &used));
		if (w > columns)
			break;
		columns -= w;
		at += used;
	}
	return (size_t)(at - p);
}
