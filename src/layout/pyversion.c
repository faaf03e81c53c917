/*
 * Versions of CPython as numbers and as the texts in which a binary and a process carry
 * them. Pure functions of bytes; what they yield picks a table and goes into messages.
 *
 * CPython: PY_VERSION_HEX, Include/patchlevel.h: major, minor, micro, level (a, b, c, f)
 * in the high half of the last byte, serial in its low half.
 */
#include "layout/priv.h"

#include <ctype.h>
#include <string.h>

#include "memscan/mem.h"

enum { LEVEL_ALPHA = 0xa, LEVEL_BETA = 0xb, LEVEL_RC = 0xc, LEVEL_FINAL = 0xf };

bool
pyversion_text(uint32_t hex, char buf[PYVERSION_TEXT])
{
	static const char *const words[16] = {
		[LEVEL_ALPHA] = "a",
		[LEVEL_BETA] = "b",
		[LEVEL_RC] = "rc",
		[LEVEL_FINAL] = "+",
	};
	unsigned major = hex >> 24, minor = (hex >> 16) & 0xff, micro = (hex >> 8) & 0xff;
	unsigned level = (hex >> 4) & 0xf, serial = hex & 0xf;

	if (major < 2 || major > 9 || words[level] == NULL)
		return false;
	if (level == LEVEL_FINAL && serial == 0) {
		snprintf(buf, PYVERSION_TEXT, "%u.%u.%u", major, minor, micro);
		return true;
	}
	snprintf(buf, PYVERSION_TEXT, "%u.%u.%u%s%u", major, minor, micro, words[level],
		serial);
	return true;
}

/* A number of at most three digits, below 256, at *at; moves *at behind it. */
static bool
parse_part(const char *p, size_t len, size_t *at, uint32_t *ret)
{
	size_t start = *at;
	uint32_t v = 0;

	while (*at < len && *at - start < 4 && isdigit((unsigned char)p[*at]))
		v = v * 10 + (uint32_t)(p[(*at)++] - '0');
	*ret = v;
	return *at > start && *at - start < 4 && v < 256;
}

/* "rc1", "a7", "b2" or nothing: the level and serial. */
static bool
parse_level(const char *p, size_t len, size_t *at, uint32_t *ret)
{
	static const struct {
		const char *word;
		uint32_t level;
	} words[] = {
		{"a", LEVEL_ALPHA},
		{"b", LEVEL_BETA},
		{"rc", LEVEL_RC},
		{"c", LEVEL_RC},
	};

	*ret = LEVEL_FINAL << 4;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t n = strlen(words[i].word);
		uint32_t serial;
		if (len - *at <= n || memcmp(p + *at, words[i].word, n) != 0)
			continue;
		*at += n;
		if (!parse_part(p, len, at, &serial) || serial > 0xf)
			return false;
		*ret = words[i].level << 4 | serial;
		return true;
	}
	return true;
}

size_t
pyversion_parse(const char *p, size_t len, uint32_t *hex)
{
	size_t at = 0;
	uint32_t major, minor, micro, level;

	if (!parse_part(p, len, &at, &major) || (major != 2 && major != 3))
		return 0;
	if (at >= len || p[at++] != '.' || !parse_part(p, len, &at, &minor))
		return 0;
	if (at >= len || p[at++] != '.' || !parse_part(p, len, &at, &micro))
		return 0;
	if (!parse_level(p, len, &at, &level))
		return 0;
	if (at < len && p[at] == '+')
		at++;
	*hex = major << 24 | minor << 16 | micro << 8 | level;
	return at;
}

/* A version cannot start in the middle of a number. */
static bool
is_start(const char *p, size_t at)
{
	return isdigit((unsigned char)p[at]) &&
		(at == 0 || (!isdigit((unsigned char)p[at - 1]) && p[at - 1] != '.'));
}

/*
 * What follows the version. CPython: Py_GetVersion, Python/getversion.c makes
 * "%.80s (%.80s) %.80s"; the compiler, which comes last, begins with a bracket.
 */
static bool
is_banner_tail(const char *p, size_t len)
{
	enum { BUILD_INFO = 80 };

	if (len < 2 || p[0] != ' ' || p[1] != '(')
		return false;
	size_t most = len < BUILD_INFO + 3 ? len : BUILD_INFO + 3;
	const char *close = memchr(p, ')', most);
	if (close == NULL)
		return false;
	for (const char *q = close + 1; q < p + len; q++) {
		if (*q == '[')
			return true;
		if (*q != ' ' && *q != '\n')
			return false;
	}
	return false;
}

bool
pyversion_find_banner(const char *p, size_t len, uint32_t *hex)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_start(p, i))
			continue;
		size_t n = pyversion_parse(p + i, len - i, hex);
		if (n > 0 && is_banner_tail(p + i + n, len - i - n))
			return true;
	}
	return false;
}

bool
pyversion_find_literal(const char *p, size_t len, uint32_t series, uint32_t *hex)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_start(p, i))
			continue;
		size_t n = pyversion_parse(p + i, len - i, hex);
		if (n > 0 && n < len - i && p[i + n] == '\0' && *hex >> 16 == series)
			return true;
	}
	return false;
}
