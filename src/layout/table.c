/*
 * The text of an offset table: a line is a statement, `#` begins a comment.
 *
 *	table cpython 3.11 x86_64 release    first of all: series, machine, flavour
 *	covers 030b02f0 030b07f0             PY_VERSION_HEX, first and last
 *	runtime-size 166688                  st_size of _PyRuntime, bytes
 *	origin FILE build-id HEX             what was measured, comma between
 *	size TYPE BYTES
 *	field TYPE.member OFFSET BYTES [stride BYTES count N] [bits FIRST WIDTH]
 *	absent TYPE | TYPE.member            a statement; a missing row is an error
 *
 * The parser is a pure function of the text, which may come from anybody. It checks the
 * form; whether the statements can be true is for check.c.
 */
#include "layout/priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "memscan/limits.h"
#include "memscan/log.h"
#include "memscan/mem.h"

enum { LINE_MAX_BYTES = 512, WORDS_MAX = 32 };

struct parser {
	const char *name; /* of the table, for messages */
	unsigned line;
	char text[LINE_MAX_BYTES]; /* the line, cut into words */
	char *words[WORDS_MAX];
	size_t n;
	struct layout *l;
	enum layout_source source;
	uint32_t series; /* major and minor of the table line, as PY_VERSION_HEX >> 16 */
	bool has_table, has_covers, has_runtime_size;
	struct errbuf *eb;
};

static enum status PRINTF_LIKE(2, 3)
fail(struct parser *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return errbuf_set(p->eb, MS_FORMAT, "%s:%u: %s", p->name, p->line, text);
}

/* ---- words ---- */

/* Digits alone, to the end; at most `max`. */
static bool
parse_number(const char *s, int base, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (!isxdigit(c))
			return false;
		int digit = isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
		if (digit >= base || v > (max - (uint64_t)digit) / (uint64_t)base)
			return false;
		v = v * (uint64_t)base + (uint64_t)digit;
	}
	*ret = v;
	return true;
}

/* The number in word i, or a failure that names what it should have been. */
static enum status
number_at(struct parser *p, size_t i, const char *what, uint64_t max, uint64_t *ret)
{
	if (parse_number(p->words[i], 10, max, ret))
		return MS_OK;
	return fail(p, "'%s' is no %s (a decimal number, at most %" PRIu64 ")",
		p->words[i], what, max);
}

/* Cut the line into words. Comments may hold any bytes, statements printable ASCII. */
static enum status
split_line(struct parser *p, const char *text, size_t len)
{
	const char *comment = memchr(text, '#', len);
	if (comment != NULL)
		len = (size_t)(comment - text);
	if (len >= sizeof(p->text))
		return fail(p, "the line is longer than %zu bytes", sizeof(p->text) - 1);
	memcpy(p->text, text, len);
	p->text[len] = '\0';
	p->n = 0;
	bool in_word = false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p->text[i];
		if (c == ' ' || c == '\t' || c == '\r') {
			p->text[i] = '\0';
			in_word = false;
			continue;
		}
		if (c <= ' ' || c > '~')
			return fail(p, "byte 0x%02x has no place in a table", c);
		if (!in_word && p->n == WORDS_MAX)
			return fail(p, "more than %d words", WORDS_MAX);
		if (!in_word)
			p->words[p->n++] = p->text + i;
		in_word = true;
	}
	return MS_OK;
}

/* ---- statements about the table ---- */

static enum status
parse_table(struct parser *p)
{
	uint32_t hex;
	char series[PYVERSION_TEXT];

	if (p->has_table)
		return fail(p, "a second table line");
	if (p->n != 5 || strcmp(p->words[1], "cpython") != 0)
		return fail(p, "the form is: table cpython SERIES MACHINE FLAVOUR");
	int len = snprintf(series, sizeof(series), "%s.0", p->words[2]);
	if (len < 0 || (size_t)len >= sizeof(series) ||
		pyversion_parse(series, (size_t)len, &hex) != (size_t)len)
		return fail(p, "'%s' is no series of CPython, such as 3.11", p->words[2]);
	p->series = hex >> 16;
	if (!arch_find(p->words[3], &p->l->machine))
		return fail(p, "'%s' is no machine that is known", p->words[3]);
	if (strlen(p->words[4]) >= sizeof(p->l->flavour))
		return fail(p, "'%s' is no flavour", p->words[4]);
	snprintf(p->l->flavour, sizeof(p->l->flavour), "%s", p->words[4]);
	p->has_table = true;
	return MS_OK;
}

static enum status
parse_covers(struct parser *p)
{
	uint64_t v[2];
	char text[PYVERSION_TEXT];

	if (p->has_covers)
		return fail(p, "a second covers line");
	if (p->n != 3)
		return fail(p, "the form is: covers FIRST LAST");
	for (size_t i = 0; i < 2; i++) {
		const char *word = p->words[i + 1];
		if (strlen(word) != 8 || !parse_number(word, 16, UINT32_MAX, &v[i]) ||
			!pyversion_text((uint32_t)v[i], text))
			return fail(p, "'%s' is no PY_VERSION_HEX of eight digits", word);
		/* Never another minor release: not even a table may say so. */
		if (v[i] >> 16 != p->series)
			return fail(p, "'%s' is not of the series of this table", word);
	}
	if (v[0] > v[1])
		return fail(p, "the first release covered is later than the last");
	p->l->covers_first = (uint32_t)v[0];
	p->l->covers_last = (uint32_t)v[1];
	p->has_covers = true;
	return MS_OK;
}

static enum status
parse_runtime_size(struct parser *p)
{
	if (p->has_runtime_size)
		return fail(p, "a second runtime-size line");
	if (p->n != 2)
		return fail(p, "the form is: runtime-size BYTES");
	p->has_runtime_size = true;
	return number_at(p, 1, "size", UINT32_MAX, &p->l->runtime_size);
}

/* The words again, with one blank between them. */
static enum status
parse_origin(struct parser *p)
{
	char *out = p->l->origin;
	size_t used = 0, cap = sizeof(p->l->origin);

	if (out[0] != '\0')
		return fail(p, "a second origin line");
	if (p->n < 2)
		return fail(p, "the form is: origin TEXT");
	for (size_t i = 1; i < p->n; i++) {
		const char *blank = i > 1 ? " " : "";
		int n = snprintf(out + used, cap - used, "%s%s", blank, p->words[i]);
		if (n < 0 || (size_t)n >= cap - used)
			return fail(p, "the origin is longer than %zu bytes", cap - 1);
		used += (size_t)n;
	}
	return MS_OK;
}

/* ---- statements about fields ---- */

/*
 * The row that word 1 names; NULL if nobody asks for it, which is noted only: tables may
 * know more than this release of the program.
 */
static enum status
find_row(struct parser *p, struct row **ret)
{
	char *type = p->words[1];
	char *dot = strchr(type, '.');
	const char *point = dot != NULL ? "." : "";
	const char *member = "";

	if (dot != NULL) {
		*dot = '\0';
		member = dot + 1;
	}
	if (*type == '\0' || (dot != NULL && *member == '\0'))
		return fail(p, "'%s.%s' is no field", type, member);
	*ret = rows_find(p->l->rows, type, member);
	if (*ret == NULL) {
		log_at(LOG_VERBOSE, "%s:%u: %s%s%s is not used",
			p->name, p->line, type, point, member);
		return MS_OK;
	}
	if ((*ret)->state != ROW_MISSING)
		return fail(p, "a second statement about %s%s%s", type, point, member);
	return MS_OK;
}

static enum status
put_present(struct parser *p, const struct layout_field *f)
{
	struct row *r = NULL;

	enum status st = find_row(p, &r);
	if (st == MS_OK && r != NULL)
		row_present(r, f, p->source);
	return st;
}

static enum status
parse_size(struct parser *p)
{
	struct layout_field f = {0};

	if (p->n != 3 || strchr(p->words[1], '.') != NULL)
		return fail(p, "the form is: size TYPE BYTES");
	enum status st = number_at(p, 2, "size", UINT32_MAX, &f.size);
	return st == MS_OK ? put_present(p, &f) : st;
}

/* What follows the size of a field: "stride S count N", "bits FIRST WIDTH". */
static enum status
parse_details(struct parser *p, struct layout_field *f)
{
	size_t i = 4;
	uint64_t first = 0, width = 0;
	enum status st;

	if (p->n >= i + 4 && strcmp(p->words[i], "stride") == 0 &&
		strcmp(p->words[i + 2], "count") == 0) {
		st = number_at(p, i + 1, "stride", UINT32_MAX, &f->stride);
		if (st == MS_OK)
			st = number_at(p, i + 3, "count", UINT32_MAX, &f->count);
		if (st != MS_OK)
			return st;
		if (f->stride == 0)
			return fail(p, "a stride of no bytes");
		i += 4;
	}
	if (p->n >= i + 3 && strcmp(p->words[i], "bits") == 0) {
		st = number_at(p, i + 1, "first bit", 63, &first);
		if (st == MS_OK)
			st = number_at(p, i + 2, "number of bits", 64, &width);
		if (st != MS_OK)
			return st;
		if (width == 0)
			return fail(p, "a field of no bits");
		f->bit_first = (uint8_t)first;
		f->bit_width = (uint8_t)width;
		i += 3;
	}
	return i == p->n ? MS_OK : fail(p, "'%s' is not understood", p->words[i]);
}

static enum status
parse_field(struct parser *p)
{
	struct layout_field f = {0};

	if (p->n < 4 || strchr(p->words[1], '.') == NULL)
		return fail(p, "the form is: field TYPE.member OFFSET BYTES");
	enum status st = number_at(p, 2, "offset", UINT32_MAX, &f.off);
	if (st == MS_OK)
		st = number_at(p, 3, "size", UINT32_MAX, &f.size);
	if (st == MS_OK)
		st = parse_details(p, &f);
	return st == MS_OK ? put_present(p, &f) : st;
}

static enum status
parse_absent(struct parser *p)
{
	struct row *r = NULL;

	if (p->n != 2)
		return fail(p, "the form is: absent TYPE.member");
	enum status st = find_row(p, &r);
	if (st == MS_OK && r != NULL)
		row_absent(r);
	return st;
}

/* ---- the whole ---- */

static const struct {
	const char *word;
	enum status (*parse)(struct parser *p);
} statements[] = {
	{"absent", parse_absent},
	{"covers", parse_covers},
	{"field", parse_field},
	{"origin", parse_origin},
	{"runtime-size", parse_runtime_size},
	{"size", parse_size},
	{"table", parse_table},
};

static enum status
parse_line(struct parser *p, const char *text, size_t len)
{
	enum status st = split_line(p, text, len);
	if (st != MS_OK || p->n == 0)
		return st;
	if (!p->has_table && strcmp(p->words[0], "table") != 0)
		return fail(p,
			"this is no offset table: it has to begin with a table line");
	for (size_t i = 0; i < ARRAY_LEN(statements); i++)
		if (strcmp(p->words[0], statements[i].word) == 0)
			return statements[i].parse(p);
	log_at(LOG_VERBOSE, "%s:%u: a %s line is not understood and left out", p->name,
		p->line, p->words[0]);
	return MS_OK;
}

/* What one line alone cannot show. */
static enum status
parse_end(struct parser *p)
{
	struct layout *l = p->l;

	if (!p->has_table)
		return errbuf_set(p->eb, MS_FORMAT,
			"%s: this is no offset table: it has no table line", p->name);
	if (!p->has_covers)
		return errbuf_set(p->eb, MS_FORMAT, "%s: there is no covers line",
			p->name);
	if (l->origin[0] == '\0')
		snprintf(l->origin, sizeof(l->origin), "%s", p->name);
	l->swap = l->machine.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	l->hexversion = l->covers_first;
	pyversion_text(l->hexversion, l->version);
	return MS_OK;
}

/* Rows come last: "size", "field" and "absent" lines. */
static bool
is_row_line(const char *text, size_t len)
{
	static const char *const words[] = {"size ", "field ", "absent "};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (len > strlen(words[i]) && memcmp(text, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* All lines, or those before the first row. */
static enum status
parse_lines(struct parser *p, const char *text, size_t len, bool is_head)
{
	if (len > LIM_TABLE_TEXT)
		return errbuf_set(p->eb, MS_LIMIT,
			"%s: a table of %zu bytes is over the limit of %lu", p->name, len,
			LIM_TABLE_TEXT);
	for (const char *end = text + len; text < end;) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		const char *stop = eol != NULL ? eol : end;
		if (is_head && is_row_line(text, (size_t)(stop - text)))
			break;
		p->line++;
		enum status st = parse_line(p, text, (size_t)(stop - text));
		if (st != MS_OK)
			return st;
		text = stop + 1;
	}
	return parse_end(p);
}

enum status
table_parse(const char *name, const char *text, size_t len, enum layout_source source,
	struct layout *ret, struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout l = {.rows = rows_new()};
	struct parser p = {.name = name, .l = &l, .source = source, .eb = eb};

	enum status st = parse_lines(&p, text, len, false);
	if (st != MS_OK)
		return st;
	layout_move(ret, &l);
	return MS_OK;
}

enum status
table_parse_head(const char *name, const char *text, size_t len, struct layout *ret, struct errbuf *eb)
{
	struct layout l = {0};
	struct parser p = {.name = name, .l = &l, .eb = eb};

	enum status st = parse_lines(&p, text, len, true);
	if (st != MS_OK)
		return st;
	*ret = l;
	return MS_OK;
}

enum status
layout_parse(const char *name, const char *text, size_t len, struct layout *ret,
	struct errbuf *eb)
{
	CLEAN(layout_fini) struct layout l = {0};

	enum status st = table_parse(name, text, len, LS_FILE, &l, eb);
	if (st != MS_OK)
		return st;
	st = layout_finish(&l, eb);
	if (st != MS_OK)
		return errbuf_wrap(eb, "%s", name);
	layout_move(ret, &l);
	return MS_OK;
}
