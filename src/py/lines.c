/*
 * From a byte offset in a code object to its source line, as PyCode_Addr2Line does it:
 * co_linetable (PEP 626; location table of 3.11: Objects/locations.md), before that
 * co_lnotab (Objects/lnotab_notes.txt). Which it is, is a strategy of the layout
 * (line_form).
 */
#include "priv.h"

#include "memscan/limits.h"

enum {
	CODE_SHORT_MAX = 9,
	CODE_ONE_LINE_FIRST = 10,
	CODE_ONE_LINE_LAST = 12,
	CODE_NO_COLUMN = 13,
	CODE_LONG = 14
};

/* Six bits a byte, least first; bit 6 says that more follow. */
static uint64_t
read_varint(struct bytes *b)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 60; shift += 6) {
		uint64_t byte = bytes_uint(b, 1);
		v |= (byte & 0x3f) << shift;
		if (!(byte & 0x40))
			break;
	}
	return v;
}

static int64_t
read_signed_varint(struct bytes *b)
{
	uint64_t v = read_varint(b);
	return v & 1 ? -(int64_t)(v >> 1) : (int64_t)(v >> 1);
}

/*
 * The line delta of one entry whose first byte has been taken; columns are passed over.
 */
static int64_t
line_delta(struct bytes *b, unsigned code)
{
	if (code <= CODE_SHORT_MAX) {
		bytes_take(b, 1);
		return 0;
	}
	if (code <= CODE_ONE_LINE_LAST) {
		bytes_take(b, 2);
		return code - CODE_ONE_LINE_FIRST;
	}
	if (code == CODE_NO_COLUMN)
		return read_signed_varint(b);
	if (code != CODE_LONG)
		return 0;
	int64_t delta = read_signed_varint(b);
	for (int i = 0; i < 3; i++)
		read_varint(b);
	return delta;
}

/* The line of offset lasti in a location table that begins at line first; -1 if it has
 * none. */
static int64_t
line_in_locations(struct bytes *b, int64_t line, int64_t lasti)
{
	int64_t addr = 0;

	while (bytes_left(b) > 0 && !b->bad) {
		unsigned head = (unsigned)bytes_uint(b, 1), kind = head >> 3 & 0xf;
		/* Wraps where a hostile table makes it; the caller judges the range. */
		line = (int64_t)((uint64_t)line + (uint64_t)line_delta(b, kind));
		addr += 2 * ((head & 7) + 1);
		if (addr > lasti)
			return kind == 15 ? -1 : line;
	}
	return -1;
}

/* Pairs of bytes: length of a range in bytes, and signed step of its line; -128 for none.
 */
static int64_t
line_in_ranges(struct bytes *b, int64_t line, int64_t lasti)
{
	enum { NO_LINE = -128 };
	int64_t addr = 0;

	while (bytes_left(b) >= 2) {
		addr += (int64_t)bytes_uint(b, 1);
		int8_t step = (int8_t)bytes_uint(b, 1);
		if (step != NO_LINE)
			line += step;
		if (addr > lasti)
			return step == NO_LINE ? -1 : line;
	}
	return -1;
}

/* Pairs of bytes: steps of the offset and of the line; the last line goes on to the end.
 */
static int64_t
line_in_lnotab(struct bytes *b, int64_t line, int64_t lasti, bool is_signed)
{
	int64_t addr = 0;

	while (bytes_left(b) >= 2) {
		addr += (int64_t)bytes_uint(b, 1);
		uint64_t step = bytes_uint(b, 1);
		if (addr > lasti)
			break;
		line += is_signed ? (int8_t)step : (int64_t)step;
	}
	return line;
}

static int64_t
line_in(enum line_form form, struct bytes *b, int64_t first, int64_t lasti)
{
	switch (form) {
	case LINES_LOCATIONS:
		return line_in_locations(b, first, lasti);
	case LINES_RANGES:
		return line_in_ranges(b, first, lasti);
	case LINES_SIGNED:
	case LINES_UNSIGNED:
		return line_in_lnotab(b, first, lasti, form == LINES_SIGNED);
	default:
		return -1;
	}
}

uint32_t
py_line(struct py *p, taddr code, int64_t lasti)
{
	enum pyf id =
		p->l->line_form == LINES_LOCATIONS || p->l->line_form == LINES_RANGES
		? PYF_CODE_LINETABLE
		: PYF_CODE_LNOTAB;
	uint64_t table_at, n;
	uint32_t first;

	if (p->l->line_form == LINES_UNKNOWN || lasti == PYFRAME_NO_LASTI ||
		target_u32(p->t, code + layout_off(p->l, PYF_CODE_FIRSTLINENO), &first) !=
			MS_OK)
		return 0;
	if (lasti < 0)
		return first;
	if (py_word(p, code + layout_off(p->l, id), &table_at) != MS_OK ||
		py_word(p, table_at + layout_off(p->l, PYF_OB_SIZE), &n) != MS_OK ||
		n > LIM_VALUE_FULL)
		return 0;
	CLEAN_FREE uint8_t *table = xmalloc((size_t)n);
	if (target_read(p->t, table_at + layout_off(p->l, PYF_BYTES_DATA), table,
		    (size_t)n) != MS_OK)
		return 0;

	struct bytes b = bytes_of(table, (size_t)n);
	int64_t line = line_in(p->l->line_form, &b, first, lasti);
	return line < 0 || line > UINT32_MAX ? 0 : (uint32_t)line;
}
